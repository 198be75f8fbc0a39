//! The README's lines, in bash as they stand: the command is the one that they name, it takes what they give it, and the trial comes out.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const FILES: [&str; 2] = ["README.md", "policies/README.md"];

/// The blocks of commands of a text: lines that are indented by four blanks.
fn blocks(text: &str) -> Vec<Vec<String>> {
    let mut blocks = vec![vec![]];
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(command) => blocks.last_mut().unwrap().push(command.to_owned()),
            None if !blocks.last().unwrap().is_empty() => blocks.push(vec![]),
            None => {}
        }
    }
    blocks
}

/// A folder with the command in it, under the name that the README has for it.
fn path_with_command(folder: &Path) -> String {
    let bin = folder.join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_disownctl"), bin.join("disownctl")).unwrap();
    format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display())
}

fn bash(folder: &Path) -> Command {
    let mut bash = Command::new("bash");
    bash.arg("--noprofile").arg("--norc").env_clear().env("PATH", path_with_command(folder)).env("HOME", folder);
    bash.current_dir(folder);
    bash
}

/// A line whose `…` stands for nothing, and after an option that takes a value for one.
fn shown(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let known = |at: usize| words[at] != "…" || matches!(words[at - 1], "--admin");
    let left = (0..words.len()).filter(|at| known(*at)).map(|at| words[at].replace('…', "x"));
    left.collect::<Vec<_>>().join(" ")
}

/// Every command that a reader is shown is one, with options that it has. What stands for something else, `…`, is left out.
#[test]
fn every_command_of_the_readmes_is_one_in_bash() {
    let folder = tempfile::tempdir().unwrap();
    // A function of that name has each asked for its help instead, which is given where it understood all that came before.
    let mut script =
        "set -u\ndisownctl() { command disownctl \"$@\" --help >/dev/null || echo \"REFUSED: $*\"; }\n".to_owned();
    let mut count = 0;
    for file in FILES {
        for line in blocks(&fs::read_to_string(file).unwrap()).concat() {
            if line.trim_start().starts_with("disownctl ") || line.contains("$(disownctl ") {
                script += shown(&line).trim_end_matches(" &");
                script.push('\n');
                count += 1;
            }
        }
    }
    assert!(count > 30, "only {count} commands were found");
    let ended = bash(folder.path()).arg("-c").arg(script).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(!out.contains("REFUSED") && err.is_empty() && ended.status.success(), "{out}{err}");
}

/// The trial, line by line, as somebody types it: a line that waits in the background is given time until it listens.
#[test]
fn the_trial_of_the_readme_comes_out_in_bash() {
    let readme = fs::read_to_string("README.md").unwrap();
    let trial = blocks(&readme).into_iter().find(|block| block[0].starts_with("disownctl init trial")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // The port of the README may be somebody's on this machine.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (ours, theirs) = std::io::pipe().unwrap();
    let mut typing = bash(folder.path())
        .env("DISOWN_LISTEN", free.to_string())
        .env("DISOWN_SERVER", format!("http://{free}"))
        .stdin(Stdio::piped())
        .stdout(theirs.try_clone().unwrap())
        .stderr(theirs)
        .spawn()
        .unwrap();
    let mut keyboard = typing.stdin.take().unwrap();
    let (mut screen, mut shown) = (BufReader::new(ours), String::new());
    for line in &trial {
        writeln!(keyboard, "{line}").unwrap();
        if line.ends_with('&') {
            until(&mut screen, &mut shown, "listening on");
        }
    }
    writeln!(keyboard, "wait; echo the trial is over").unwrap();
    drop(keyboard);
    until(&mut screen, &mut shown, "the trial is over");
    assert!(typing.wait().unwrap().success(), "{shown}");
    for expected in ["1 of 1 records stored", "clinical.condition.code", "Marie", "07700 900001", "holds"] {
        assert!(shown.contains(expected), "no `{expected}` in:\n{shown}");
    }
    let receipt: PathBuf = folder.path().join("receipt.json");
    assert!(receipt.exists());
}

fn until(screen: &mut impl BufRead, shown: &mut String, wanted: &str) {
    loop {
        let mut line = String::new();
        assert!(screen.read_line(&mut line).unwrap() > 0, "no `{wanted}` in:\n{shown}");
        shown.push_str(&line);
        if line.contains(wanted) {
            return;
        }
    }
}
