//! A disk that is full in truth: the real binary on a small file system of its own.

use super::{LOG, Outcome, Trial};
use crate::harness::*;
use disown::access_log::verify::verify_database;
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};
use tonic::Code;
use tonic_health::ServingStatus;

/// Whether this machine lets us mount in a name space of our own.
fn may_mount() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let tried = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "tmpfs"]).arg(folder.path()).output();
    tried.is_ok_and(|output| output.status.success())
}

/// The command that serves with a data directory of so many bytes.
fn on_a_small_disk(deployment: &Deployment, bytes: u64) -> Command {
    let serve = deployment.command();
    let mut command = Command::new("unshare");
    // The stores that were made are on it.
    let mount = format!("mount -t tmpfs -o size={bytes},mode=0700 tmpfs \"$1\"");
    let script = format!("cp -a \"$1\" \"$1-made\" && {mount} && cp -a \"$1-made/.\" \"$1\" && shift && exec \"$@\"");
    command.args(["-m", "sh", "-c", &script, "sh"]).arg(deployment.path("data"));
    command.arg(serve.get_program()).args(serve.get_args());
    command
}

fn free(folder: &Path) -> u64 {
    let found = rustix::fs::statvfs(folder).unwrap();
    found.f_bavail * found.f_frsize
}

/// Fills the disk up but for so many bytes.
fn fill(folder: &Path, left: u64) {
    let mut ballast = File::options().create(true).append(true).open(folder.join("ballast")).unwrap();
    while free(folder) > left {
        let next = usize::try_from((free(folder) - left).min(1 << 16)).unwrap();
        ballast.write_all(&vec![0; next]).unwrap();
    }
}

/// The different reasons that telemetry gives for not writing.
fn reasons(deployment: &Deployment) -> BTreeSet<String> {
    let telemetry = fs::read_to_string(deployment.path("telemetry")).unwrap();
    let reason = |line: &str| line.split_once("nothing is released").map(|(_, reason)| reason.trim().to_owned());
    telemetry.lines().filter_map(reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_releases_nothing_and_room_brings_it_back() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F08", "the disk of the log is full", 6, 6);
    if !may_mount() {
        println!(
            "SKIPPED  SKIPPED  SKIPPED: mounting a file system needs root and `unshare`; the full disk was NOT tried"
        );
        return trial.not_tried();
    }
    let deployment = Deployment::of_today();
    let command = on_a_small_disk(&deployment, 16 << 20);
    let (broker, process) = deployment.serve_apart(command).await;
    // As the broker sees it, from outside of its name space.
    let inside = PathBuf::from(format!("/proc/{}/root", process.id()));
    let data = inside.join(broker.deployment.path("data").strip_prefix("/").unwrap());
    broker.populate().await;

    let (doctor, mut answered) = (clinician(), Vec::new());
    let mut refusals = 0;
    for left in [160 << 10, 64 << 10, 20 << 10, 9 << 10, 4 << 10, 0] {
        fill(&data, left);
        // One by one and many at once: batches of different sizes run out of room at different places.
        let mut refused = 0;
        while refused < 40 {
            let asked = (0..16).map(|_| broker.ask(&doctor, doctor.question(ISOLATING)));
            for told in futures_util::future::join_all(asked).await {
                match told {
                    Ok(told) => answered.push(told),
                    Err(status) => {
                        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                        refused += 1;
                    }
                }
            }
        }
        refusals += refused;
        broker.health_becomes(ServingStatus::NotServing).await;
        fs::remove_file(data.join("ballast")).unwrap();
        broker.health_becomes(ServingStatus::Serving).await;
        answered.push(broker.told(&clinician(), ISOLATING).await);
    }
    println!(
        "disk: full 6 times, {} answers, {refusals} refusals, recovered without a restart each time",
        answered.len()
    );

    for reason in reasons(&broker.deployment) {
        println!("disk: {reason}");
    }

    let entries = broker.entries().await;
    for told in &answered {
        assert_eq!(entries[usize::try_from(told.index()).unwrap()].1, told.actor());
    }
    assert!(entries.iter().any(|(_, actor, _)| actor["kind"] == "notice"));
    // The log goes with the disk when the broker ends: it is looked at before.
    let copied = tempfile::tempdir().unwrap();
    for suffix in ["", "-wal"] {
        fs::copy(
            inside.join(broker.deployment.path(&format!("{LOG}{suffix}")).strip_prefix("/").unwrap()),
            copied.path().join(format!("control.sqlite{suffix}")),
        )
        .unwrap();
    }
    let verified = verify_database(&copied.path().join("control.sqlite"), &broker.deployment.log_key()).await.unwrap();
    assert!(verified.entries >= entries.len() as u64);
    let ended = process.end().await;
    assert!(ended.success(), "{ended:?}");
    assert_no_identifier(broker.deployment.base());
    assert_no_identifier(copied.path());
    trial.passed(Outcome { released: answered.len() as u64, without_entry: 0 });
}
