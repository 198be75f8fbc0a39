//! Files that a command writes: opened before anything is asked, for their owner only, and told where they could not be written.

use super::story::{Story, text};
use crate::harness::*;
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Output};

/// The commands that write what a broker answers, each with its file still to come.
fn writing<'a>(key: &'a str, subject: &'a str) -> [(Asker, Vec<&'a str>); 3] {
    [
        (clinician(), vec!["query", subject, "--receipt-out"]),
        (auditor(), vec!["log", "export", "--out"]),
        (auditor(), vec!["log", "bundle", "1", "--key", key, "--out"]),
    ]
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

/// How many entries an auditor counts, this count among them.
fn entries(story: &Story) -> u64 {
    let counted = story.run(&auditor(), &["log", "count", "--json"]);
    serde_json::from_str::<Value>(&counted).unwrap()["entries"].as_u64().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn nothing_is_spent_on_a_file_that_cannot_be_written() {
    let story = Story::begin();
    story.load_one_person();
    let (key, subject) = (story.deployment().join("log.vkey"), format!("jy:{ISOLATING}"));
    let (nowhere, shared) = (story.file("nowhere/out"), story.file("shared"));
    fs::write(&shared, "kept\n").unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o640)).unwrap();
    let before = entries(&story);
    for (asker, command) in writing(text(&key), &subject) {
        for (file, why) in [(&nowhere, "No such file"), (&shared, "others than its owner"), (&story.deployment(), "")] {
            let output = story.output(&asker, &[&command[..], &[text(file)]].concat());
            assert_eq!(output.status.code(), Some(1), "{command:?}");
            assert!(told(&output).contains(text(file)) && told(&output).contains(why), "{}", told(&output));
        }
    }
    assert_eq!(entries(&story), before + 1, "something was asked");
    assert_eq!((fs::read_to_string(&shared).unwrap(), mode(&shared)), ("kept\n".to_owned(), 0o640));
}

#[test]
fn what_is_written_is_for_its_owner_only_and_replaces_nothing_before_there_is_something() {
    let story = Story::begin();
    story.load_one_person();
    let (key, subject) = (story.deployment().join("log.vkey"), format!("jy:{ISOLATING}"));
    for (at, (asker, command)) in writing(text(&key), &subject).into_iter().enumerate() {
        let file = story.file(&format!("written-{at}"));
        let arguments = [&command[..], &[text(&file)]].concat();
        story.run(&asker, &arguments);
        assert_eq!(mode(&file), 0o600, "{command:?}");
        let first = fs::read_to_string(&file).unwrap();
        // Somebody who is told nothing leaves what is there.
        let refused = story.output(&registrar(), &arguments);
        assert_eq!(refused.status.code(), Some(1), "{command:?}");
        assert_eq!(fs::read_to_string(&file).unwrap(), first);
        story.run(&asker, &arguments);
        let second = fs::read_to_string(&file).unwrap();
        assert_eq!(second.starts_with(&first), command[0] == "query", "{command:?}");
    }
}

#[test]
fn a_write_that_fails_is_told_after_the_answer() {
    let story = Story::begin();
    story.load_one_person();
    let (key, subject) = (story.deployment().join("log.vkey"), format!("jy:{ISOLATING}"));
    for (asker, command) in writing(text(&key), &subject) {
        let output = story.output(&asker, &[&command[..], &["/dev/full"]].concat());
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(told(&output).contains("/dev/full: not written"), "{}", told(&output));
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed.contains("Le Brocq"), command[0] == "query", "{printed}");
        assert!(!printed.contains("written to"), "{printed}");
    }
}

#[test]
fn what_is_no_file_is_written_to() {
    let story = Story::begin();
    story.load_one_person();
    let printed = story.run(&auditor(), &["log", "export", "--out", "/dev/stdout"]);
    assert!(printed.starts_with("{\"checkpoint\"") && printed.contains("entries written to /dev/stdout"), "{printed}");
}
