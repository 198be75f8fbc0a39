//! The power goes: of what a broker wrote only that is left which it had synced, and of the rest whatever the disk got to.

use super::{Trial, preloaded::compiled};
use crate::{
    harness::*,
    kill::{Death, killed_under_load, random},
};
use disown::entropy::Entropy;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_received_is_missing_after_power_cuts_under_load() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F06", "the power is cut under load: what was not synced is gone", 3, 300);
    let outcome = killed_under_load(trial.cycles(), &PowerCut::new(Unsynced::Lost)).await;
    trial.passed(outcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_received_is_missing_after_power_cuts_in_the_middle_of_writing() {
    if !on_files() {
        return;
    }
    let trial = Trial::new("F07", "the power is cut under load: what was not synced is torn", 3, 300);
    let outcome = killed_under_load(trial.cycles(), &PowerCut::new(Unsynced::Torn)).await;
    trial.passed(outcome);
}

/// What becomes of what was written and not synced.
#[derive(Clone, Copy)]
enum Unsynced {
    /// It is gone.
    Lost,
    /// Of each sector, by chance: gone, written, or written up to some byte.
    Torn,
}

struct PowerCut {
    unsynced: Unsynced,
    library: PathBuf,
    _folder: TempDir,
}

impl PowerCut {
    fn new(unsynced: Unsynced) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = compiled(include_str!("sync_shadow.c"), folder.path());
        Self { unsynced, library, _folder: folder }
    }
}

impl Death for PowerCut {
    fn command(&self, deployment: &Deployment) -> Command {
        let (data, shadow) = (deployment.path("data"), deployment.path("shadow"));
        if fs::create_dir(&shadow).is_ok() {
            // What was made before is on the medium.
            for (name, made) in files(&data) {
                fs::copy(made, shadow.join(name)).unwrap();
            }
        }
        let mut command = deployment.command();
        command.env("LD_PRELOAD", &self.library);
        command.env("SYNC_SHADOW_OF", fs::canonicalize(data).unwrap()).env("SYNC_SHADOW", shadow);
        command
    }

    fn leaves(&self, deployment: &Deployment, entropy: &dyn Entropy) {
        let (data, shadow) = (deployment.path("data"), deployment.path("shadow"));
        for (name, synced) in files(&shadow).filter(|(name, _)| name.starts_with('.')) {
            println!("power: {name} has no name in a synced directory");
            fs::remove_file(synced).unwrap();
        }
        for (name, synced) in files(&shadow) {
            let written = fs::read(data.join(&name)).unwrap_or_default();
            let synced_bytes = fs::read(&synced).unwrap();
            let left = match self.unsynced {
                Unsynced::Lost => synced_bytes,
                Unsynced::Torn => torn(&synced_bytes, &written, entropy),
            };
            fs::write(&synced, left).unwrap();
        }
        // Everything else was never on the medium.
        fs::remove_dir_all(&data).unwrap();
        fs::create_dir(&data).unwrap();
        for (name, synced) in files(&shadow) {
            fs::copy(synced, data.join(name)).unwrap();
        }
    }
}

fn files(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
}

/// A disk writes a sector or does not, in any order; the one that it is at may be written in part.
fn torn(synced: &[u8], written: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    const SECTOR: usize = 512;
    let mut left = synced.to_vec();
    for at in (0..written.len()).step_by(SECTOR) {
        let sector = &written[at..written.len().min(at + SECTOR)];
        if synced.get(at..at + sector.len()) == Some(sector) {
            continue;
        }
        let reached = match random(entropy) % 3 {
            0 => 0,
            1 => sector.len(),
            _ => usize::try_from(random(entropy)).unwrap() % sector.len(),
        };
        if reached > 0 {
            left.resize(left.len().max(at + reached), 0);
            left[at..at + reached].copy_from_slice(&sector[..reached]);
        }
    }
    left
}
