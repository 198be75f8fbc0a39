//! 3. Entries appended a second, on this machine's disk and on one whose every sync takes 5 ms longer, beside what the disk gives
//!    a program that only writes and syncs. Each measurement is a process of its own: the slow disk is a library put before libc's.

use crate::{
    deployment::scratch,
    median::median,
    report::{Goal, Report, Unit},
    syncs,
};
use anyhow::ensure;
use disown::{
    access_log::{self, Appender, Filter, NewEpoch, SubjectPart, TermsInForce, Who},
    clock::SystemClock,
    database,
    entropy::{Entropy, SystemEntropy},
    ids::{BrokerId, CallerId, OrganisationId, Purpose, Role},
    pseudonym::{self, KeyEncryptionKey},
};
use std::{
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

/// First argument of a process that measures.
pub const CHILD: &str = "measure-appending";
const CALLERS: [usize; 3] = [1, 16, 64];
const ROUNDS: usize = 3;
const LASTING: Duration = Duration::from_secs(2);
const SLOW_MS: f64 = 5.0;

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let folder = scratch()?;
    let slow = syncs::compiled(folder.path())?;
    for (disk, preload) in [("this disk", None), ("syncs of 5 ms", Some(slow.as_path()))] {
        let syncs = rate("sync", 1, preload)?;
        report.figure(format!("{disk}: 4 KiB written and synced"), syncs, Unit::PerSecond);
        // Otherwise the library was not loaded, and the goal below would be about another disk.
        ensure!(preload.is_none() || syncs < 1_000.0 / SLOW_MS, "the slow disk is not slow");
        let rates = CALLERS.map(|callers| rate("append", callers, preload));
        for (callers, rate) in CALLERS.iter().zip(&rates) {
            let rate = rate.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
            report.figure(format!("{disk}: entries appended by {callers} callers"), *rate, Unit::PerSecond);
        }
        if let [Ok(one), _, Ok(most)] = &rates {
            let (what, ratio) = (format!("{disk}: 64 callers to one"), most / one);
            match preload {
                Some(_) => report.figure_with_goal(what, ratio, Unit::Times, Goal::AtLeast(20.0)),
                None => report.figure(what, ratio, Unit::Times),
            }
        }
    }
    report.note("each caller appends the entry of an inspection and waits for it, again and again.");
    Ok(())
}

/// A second's worth, the median of some processes.
fn rate(what: &str, callers: usize, preload: Option<&Path>) -> anyhow::Result<f64> {
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let folder = scratch()?;
        let mut child = Command::new(std::env::current_exe()?);
        child.args([CHILD, what, &callers.to_string()]).arg(folder.path());
        if let Some(library) = preload {
            child.envs(syncs::environment(library, &SLOW_MS.to_string()));
        }
        let output = child.output()?;
        ensure!(output.status.success(), "measuring failed: {}", String::from_utf8_lossy(&output.stderr));
        rates.push(String::from_utf8(output.stdout)?.trim().parse()?);
    }
    Ok(median(rates))
}

/// The process that measures: `sync|append`, callers, folder.
pub fn child(arguments: &[String]) -> anyhow::Result<()> {
    let [what, callers, folder] = arguments else { anyhow::bail!("three arguments") };
    let (callers, folder) = (callers.parse()?, Path::new(folder));
    let rate = match what.as_str() {
        "sync" => syncs::a_second(folder, LASTING)?,
        _ => tokio::runtime::Runtime::new()?.block_on(appended(callers, folder))?,
    };
    println!("{rate}");
    Ok(())
}

async fn appended(callers: usize, folder: &Path) -> anyhow::Result<f64> {
    let entropy: &dyn Entropy = &SystemEntropy;
    let kek = KeyEncryptionKey::parse(&hex::encode(entropy.bytes::<32>()?))?;
    let keyring = pseudonym::create("disown.example/measured", &[], &kek, entropy)?;
    let file = folder.join("control.sqlite");
    database::sqlite::make_control(&file, &[0; 32].into()).await?;
    let log = access_log::start(access_log::Settings {
        place: access_log::Place::Sqlite(&file, None),
        broker: BrokerId::try_from("measured")?,
        keyring: Arc::new(pseudonym::open(&keyring, &kek)?),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        zone: jiff::tz::TimeZone::UTC,
    })
    .await?;
    let opened = NewEpoch { policy_version: "0".repeat(64), ..NewEpoch::default() };
    log.appender.put_in_force(0, opened).await?;
    let epoch = log.reader.in_force(None).await?.map_or(0, |now| now.epoch);
    let start = Instant::now();
    let appending: Vec<_> =
        (0..callers).map(|_| tokio::spawn(append(log.appender.clone(), epoch, start + LASTING))).collect();
    let mut count = 0.0;
    for caller in appending {
        count += caller.await??;
    }
    Ok(count / start.elapsed().as_secs_f64())
}

async fn append(log: Appender, epoch: u64, until: Instant) -> anyhow::Result<f64> {
    let inspections = log.for_inspections();
    let who = Who {
        caller: CallerId::try_from("caller")?,
        organisation: OrganisationId::try_from("organisation")?,
        role: Some(Role::try_from("role")?),
        purpose: Some(Purpose::try_from("purpose")?),
        agreement: None,
        trace: "0".repeat(32),
    };
    let terms = TermsInForce {
        agreement_version: Some("0".repeat(64)),
        case_reference: Some("MS-000001".to_owned()),
        policy_version: "0".repeat(64),
        control_epoch: epoch,
        handling: Some("0".repeat(64)),
        transfer: None,
        break_glass: None,
        ground: None,
        second_person: None,
        warrant: None,
    };
    let mut count = 0.0;
    while Instant::now() < until {
        inspections.record(who.clone(), terms.clone(), &Filter::default(), SubjectPart::default()).await?;
        count += 1.0;
    }
    Ok(count)
}
