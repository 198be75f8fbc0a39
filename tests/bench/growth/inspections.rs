//! Entries put into the access log, by the product's own appender: each is that of an inspection that looked for one subject.

use crate::{deployment::Parts, measured::subjects::Subjects};
use anyhow::Context;
use disown::{
    access_log::{self, Appender, Filter, SubjectPart, TermsInForce, Who},
    clock::SystemClock,
    entropy::SystemEntropy,
    ids::{CallerId, OrganisationId, Purpose, Role},
    pseudonym::SubjectIdentifier,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use zeroize::Zeroizing;

/// So many wait at once, and share batches of up to as many entries.
const CALLERS: usize = 256;

/// Fills the log up to so many entries.
pub async fn put_in(parts: Parts, subjects: Subjects, entries: u64) -> anyhow::Result<()> {
    let postgres = parts.config.postgres.as_ref().context("a deployment without servers")?;
    let place = access_log::Place::Postgres(Box::new(postgres.appender()?), Box::new(postgres.reader()?));
    let log = access_log::start(access_log::Settings {
        place,
        broker: parts.config.broker.clone(),
        keyring: parts.keyring.clone(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    })
    .await?;
    let epoch = log.reader.in_force().await?.context("nothing is in force")?.epoch;
    let (size, parts) = (Arc::new(AtomicU64::new(log.reader.size().await?)), Arc::new(parts));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(append(log.appender.clone(), parts.clone(), subjects, epoch, size.clone(), entries)))
        .collect();
    for caller in callers {
        caller.await??;
    }
    drop(log.appender);
    Ok(log.sequencer.await?)
}

async fn append(
    log: Appender,
    parts: Arc<Parts>,
    subjects: Subjects,
    epoch: u64,
    size: Arc<AtomicU64>,
    until: u64,
) -> anyhow::Result<()> {
    let inspections = log.for_inspections();
    let who = Who {
        caller: CallerId::try_from("an.auditor")?,
        organisation: OrganisationId::try_from("government-of-jersey")?,
        role: Some(Role::try_from("auditor")?),
        purpose: Some(Purpose::try_from("oversight")?),
        agreement: None,
        trace: "5a".repeat(16),
    };
    let terms = TermsInForce {
        agreement_version: Some("5a".repeat(32)),
        case_reference: Some("MS-000001".to_owned()),
        policy_version: "5a".repeat(32),
        control_epoch: epoch,
        handling: Some("5a".repeat(32)),
    };
    loop {
        let index = size.fetch_add(1, Ordering::Relaxed);
        if index >= until {
            return Ok(());
        }
        let number = subjects.identifier(index as usize);
        let subject = SubjectIdentifier::parse(Zeroizing::new(format!("jy:{number}")), &parts.catalogue)?;
        let (month, key) = log.month_key().await?;
        let tag = Some(parts.keyring.tag(&key, &subject).await);
        let about = SubjectPart { tag, month: Some(month), ..SubjectPart::default() };
        inspections.record(who.clone(), terms.clone(), &Filter::default(), about).await?;
    }
}
