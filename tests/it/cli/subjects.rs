//! One subject a command: what is more or less than one is refused, nothing of it is repeated, and nothing is sent.

use super::{
    command::{Serving, disown, succeeds},
    story::text,
};
use std::{
    io::Write,
    process::{Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

const TERMS: [&str; 6] = ["--role", "clinician", "--purpose", "clinical_care", "--agreement", "clinical-care"];

/// Every command that is about a subject, on standard input.
fn commands() -> Vec<Vec<&'static str>> {
    let of_terms: [&[&str]; 6] = [
        &["query", "-"],
        &["rights", "restrict", "-", "--ground", "objection"],
        &["rights", "lift", "-", "--told-on", "2026-11-20"],
        &["break-glass", "use", "-", "--reason", "unconscious"],
        &["log", "search", "--about", "-"],
        &["log", "count", "--about", "-"],
    ];
    let others: [&[&str]; 3] = [
        &["watch", "add", "-", "--why", "honey"],
        &["watch", "remove", "-", "--why", "honey"],
        &[
            "watch",
            "allow",
            "-",
            "--caller",
            "pc.vautier",
            "--agreement",
            "sojp-isolation",
            "--case",
            "AB-2026-000123",
            "--until",
            "2026-11-30",
            "--reason",
            "burglary",
        ],
    ];
    let with_terms = of_terms.into_iter().map(|one| [one, &TERMS].concat());
    with_terms.chain(others.into_iter().map(<[&str]>::to_vec)).collect()
}

fn run(server: &str, command: &[&str], input: &[u8]) -> Output {
    let mut child = disown()
        .env("DISOWN_SERVER", server)
        .env("DISOWN_TOKEN", "token")
        .args(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who does not read it all has ended.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// A server that counts who connects to it, and hangs up.
fn untouched() -> (Arc<AtomicUsize>, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let touched = Arc::<AtomicUsize>::default();
    let counted = touched.clone();
    // It goes with the process of the tests.
    std::thread::spawn(move || {
        for _connection in listener.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    (touched, address)
}

#[test]
fn what_is_not_exactly_one_subject_is_refused_and_nothing_is_sent() {
    let (touched, server) = untouched();
    let inputs: [&[u8]; 12] = [
        b"",
        b"\n",
        b"  \n",
        b"jy:JY000001A\njy:JY000002B\n",
        b"jy:JY000001A\njy:JY000002B",
        b"jy:JY000001A\r\njy:JY000002B\r\n",
        b"jy:JY000001A\rjy:JY000002B",
        b"\njy:JY000002B\n",
        b"jy:JY000001A\n\njy:JY000002B\n",
        b"jy:JY000001A jy:JY000002B\n",
        b"jy:JY000001A,jy:JY000002B\n",
        b"jy:JY000001A\n\xff\n",
    ];
    for command in commands() {
        for input in inputs {
            let output = run(&server, &command, input);
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{command:?} {input:?}: {told}");
            assert!(told.contains("exactly one subject is needed"), "{command:?} {input:?}: {told}");
            assert!(!told.contains("JY0") && output.stdout.is_empty(), "{told}");
        }
    }
    // As an argument too.
    for given in ["", "jy:JY000001A\njy:JY000002B", "jy:JY000001A jy:JY000002B"] {
        for command in commands() {
            let command: Vec<_> = command.into_iter().map(|word| if word == "-" { given } else { word }).collect();
            let output = run(&server, &command, b"");
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code() == Some(2) && !told.contains("JY0"), "{command:?}: {told}");
        }
    }
    assert_eq!(touched.load(Ordering::Relaxed), 0, "something was sent");
}

#[test]
fn one_subject_on_one_line_with_blanks_around_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = folder.path().join("deployment");
    succeeds(&["init", "--development", "--listen", "127.0.0.1:0", text(&deployment)]);
    let broker = Serving::start(&deployment);
    for command in commands() {
        for input in ["jy:JY000001A", "jy:JY000001A\n", "jy:JY000001A\r\n", " \tjy:JY000001A \n"] {
            let output = run(&broker.address, &command, input.as_bytes());
            let told = String::from_utf8(output.stderr).unwrap();
            // It was sent: the broker does not know who asks.
            assert!(output.status.code() == Some(1) && told.contains("the broker says"), "{command:?}: {told}");
        }
    }
    assert_eq!(broker.terminate().0, Some(0));
}
