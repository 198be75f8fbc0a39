//! A new policy while people ask.

use crate::harness::*;
use disown::{
    pb,
    policy::{Policy, PolicyFiles},
};
use futures_util::future::join_all;
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

const POLICY: &str = "policies/policy.csv";
const PARISH: &str = "people.person.parish";
const WITHOUT_PARISH: &str = "p, police_officer, isolation_enforcement, people.person.parish, exists, deny\n";

/// The version in force, as the broker tells it.
async fn version(broker: &TestBroker) -> String {
    let request = pb::DescribeAccessRequest { terms: police().pb_terms() };
    broker
        .access()
        .describe_access(police().request(&broker.deployment, request))
        .await
        .unwrap()
        .into_inner()
        .policy_version
}

/// Asks for the policy to be read anew, and waits until another one is in force.
async fn reloaded(broker: &TestBroker) -> String {
    let before = version(broker).await;
    broker.reload.send_modify(|count| *count += 1);
    loop {
        let now = version(broker).await;
        if now != before {
            return now;
        }
        tokio::task::yield_now().await;
    }
}

/// Reads the log in its order: each entry that was decided names the version and epoch in force when it was appended. Gives the
/// number of epochs.
async fn assert_one_version(broker: &TestBroker) -> u64 {
    let (mut epoch, mut in_force) = (0, String::new());
    for (index, actor, _) in broker.entries().await {
        let event = actor["event"].as_str().unwrap_or_default();
        if let Some(version) = event.strip_prefix("policy ").and_then(|rest| rest.strip_suffix(" is in force")) {
            (epoch, in_force) = (epoch + 1, version.to_owned());
        }
        if actor["kind"] == "release" || actor["kind"] == "input" {
            assert_eq!(actor["control_epoch"], epoch, "entry {index} is of an epoch that was over");
            assert_eq!(actor["policy_version"], in_force.as_str(), "entry {index}");
        }
    }
    epoch
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_while_asking_gives_answers_of_the_one_policy_or_the_other() {
    let broker = TestBroker::populated().await;
    let with_parish = version(&broker).await;
    let done = AtomicBool::new(false);
    let asking = |_| async {
        let (mut told, mut moved) = (Vec::new(), 0);
        while !done.load(Ordering::Relaxed) {
            match broker.ask(&police(), police().question(ISOLATING)).await {
                Ok(one) => told.push(one),
                Err(status) => {
                    assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
                    assert!(status.message().contains("the policy changed"), "{status:?}");
                    moved += 1;
                }
            }
        }
        (told, moved)
    };
    let reloading = async {
        let before = fs::read_to_string(broker.deployment.path(POLICY)).unwrap();
        for round in 0..6 {
            let text = if round % 2 == 0 { before.clone() + WITHOUT_PARISH } else { before.clone() };
            fs::write(broker.deployment.path(POLICY), text).unwrap();
            let now = reloaded(&broker).await;
            assert_eq!(now == with_parish, round % 2 == 1);
        }
        done.store(true, Ordering::Relaxed);
    };
    let (asked, ()) = tokio::join!(join_all((0..12).map(asking)), reloading);

    let (mut with, mut without, mut moved) = (0, 0, 0);
    for (told, refused) in asked {
        moved += refused;
        for one in told {
            let old = one.actor()["policy_version"] == with_parish.as_str();
            assert_eq!(one.cells(PARISH).is_empty(), !old, "decided by one policy, recorded under the other");
            assert_eq!(one.actor()["fields"].get(PARISH).is_some_and(|level| level == "full"), old);
            *(if old { &mut with } else { &mut without }) += 1;
        }
    }
    println!("reload: 6 policies, {with} answers of the one, {without} of the other, {moved} told to ask again");
    assert!(with > 0 && without > 0);
    assert_eq!(assert_one_version(&broker).await, 7);
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_must_not_be_leaves_the_running_one_in_force() {
    let broker = TestBroker::populated().await;
    let before = version(&broker).await;
    let genuine = fs::read_to_string(broker.deployment.path(POLICY)).unwrap();
    let half = genuine.len() / 2;
    let bad = [
        // Crosses a red line.
        genuine.clone() + "p, auditor, audit, people.person.given_name, full, allow\n",
        // Fails a case.
        genuine.clone() + "p, police_officer, isolation_enforcement, people.person.given_name, full, deny\n",
        // Cut off within a line, and whole.
        genuine[..genuine.floor_char_boundary(half)].to_owned(),
        String::new(),
        genuine.clone() + "p, police_officer, isolation_enforcement, people.person.*, full, allow\n",
    ];
    for text in bad {
        read_anew(&broker, text).await;
        broker.told(&police(), ISOLATING).await;
        assert_eq!(version(&broker).await, before);
    }
    // None of them was taken later either, and what is good is.
    fs::write(broker.deployment.path(POLICY), genuine + WITHOUT_PARISH).unwrap();
    assert_ne!(reloaded(&broker).await, before);
    assert_eq!(assert_one_version(&broker).await, 2);
    broker.finish().await;
}

/// Has the broker read that text as its policy, and waits until it has: the file is a pipe.
async fn read_anew(broker: &TestBroker, text: String) {
    let path = broker.deployment.path(POLICY);
    let _ = fs::remove_file(&path);
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    broker.reload.send_modify(|count| *count += 1);
    // To open it for writing waits for the reader; a second reading would wait for a second writer.
    let pipe = path.clone();
    tokio::task::spawn_blocking(move || fs::write(pipe, text).unwrap()).await.unwrap();
    fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_policy_that_is_cut_off_at_any_line_is_refused() {
    let deployment = Deployment::new();
    let files = PolicyFiles::read(&deployment.path("policies")).unwrap();
    let genuine = files.rules["policy.csv"].clone();
    let lines: Vec<&str> = genuine.split_inclusive('\n').collect();
    let last = lines.iter().rposition(|line| line.starts_with("p, ")).unwrap();
    let mut taken = Vec::new();
    for cut in 0..=last {
        let mut files = files.clone();
        files.rules.insert("policy.csv".to_owned(), lines[..cut].concat());
        if Policy::load(files).await.is_ok() {
            taken.push(lines[cut..=last].concat());
        }
    }
    assert!(taken.is_empty(), "taken without {}: {taken:#?}", taken.len());
    assert!(Policy::load(files).await.is_ok());
}
