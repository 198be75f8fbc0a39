//! `kill -9` under load: whatever a client holds a receipt for is in the log, and whatever it was told is stored is stored.

mod ledger;
mod life;
mod load;
mod ongoing;

use crate::{
    faults::{Outcome, Trial},
    harness::*,
};
use disown::entropy::{Entropy, SeededEntropy, SystemEntropy};
pub(crate) use ledger::{Received, Stored, verify as verify_receipt};
pub(crate) use load::record;
pub(crate) use ongoing::{NOT_BEGUN, Ongoing};
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_received_is_missing_after_kills_under_load() {
    let trial = Trial::new("F01", "a broker is killed under load, at any time", 4, 2_000);
    let outcome = killed_under_load(trial.cycles(), &Killed).await;
    trial.passed(outcome);
}

/// How a broker comes to its end.
pub(crate) trait Death: Sync {
    /// The command that serves until then.
    fn command(&self, deployment: &Deployment) -> Command {
        deployment.command()
    }

    /// What is left on the medium of one that was killed.
    fn leaves(&self, _deployment: &Deployment, _entropy: &dyn Entropy) {}
}

/// The system goes on: it writes what the broker had given to it.
struct Killed;

impl Death for Killed {}

/// After so many kills another log is begun, so that what is read of one at each start and each check stays of a size.
const LIFE: u64 = 100;

/// A broker that dies so often, at any time, with many clients; nothing that any of them received is missing.
pub(crate) async fn killed_under_load(cycles: u64, death: &dyn Death) -> Outcome {
    let seed = told("DISOWN_SEED").unwrap_or_else(|| random(&SystemEntropy) % 1_000_000_000);
    println!("kill: seed {seed} (DISOWN_SEED repeats it)");
    let entropy = SeededEntropy::new(seed);
    let mut outcome = Outcome::default();
    let (mut left, began) = (cycles, std::time::Instant::now());
    while left > 0 {
        let cycles = left.min(LIFE);
        let lived = life::live(cycles, death, &entropy).await;
        left -= cycles;
        outcome.released += lived.released;
        println!("kill: {left} cycles left after {:.1?}, {} received", began.elapsed(), outcome.released);
    }
    outcome
}

#[expect(clippy::disallowed_methods, reason = "how long a test goes on is told from outside")]
fn told(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

pub(crate) fn random(entropy: &dyn Entropy) -> u64 {
    u64::from_le_bytes(entropy.bytes().unwrap())
}
