//! What a batch is worth that opens an epoch.

use crate::{
    access_log::{self, Entry, Kind, NewEpoch, Place, TermsInForce, Unavailable, Who},
    clock::TestClock,
    control::Restriction,
    entropy::SeededEntropy,
    pseudonym::{self, KeyEncryptionKey, RestrictionName},
};
use std::sync::Arc;

/// An entry that was decided in an epoch.
fn decided(epoch: u64) -> Entry {
    let who = Who {
        caller: "somebody".try_into().unwrap(),
        organisation: "somewhere".try_into().unwrap(),
        role: None,
        purpose: None,
        agreement: None,
        trace: String::new(),
    };
    let terms = TermsInForce {
        agreement_version: None,
        case_reference: None,
        policy_version: String::new(),
        control_epoch: epoch,
        handling: None,
        transfer: None,
        break_glass: None,
        ground: None,
        second_person: None,
        warrant: None,
    };
    Entry::decided(Kind::Release, "answered", who, terms)
}

#[tokio::test]
async fn behind_a_restriction_in_its_own_batch_an_entry_is_stale() {
    let folder = tempfile::tempdir().unwrap();
    let entropy = Arc::new(SeededEntropy::new(1));
    let kek = KeyEncryptionKey::parse(&"5a".repeat(32)).unwrap();
    let keyring = pseudonym::create("disown.example/test", &[], &kek, &*entropy).unwrap();
    let log = access_log::start(access_log::Settings {
        place: Place::Sqlite(&folder.path().join("control.sqlite"), None),
        broker: "test".try_into().unwrap(),
        keyring: Arc::new(pseudonym::open(&keyring, &kek).unwrap()),
        clock: Arc::new(TestClock::new("2026-11-21T20:00:00Z".parse().unwrap())),
        entropy,
        zone: jiff::tz::TimeZone::UTC,
    })
    .await
    .unwrap();
    log.appender.put_in_force(0, NewEpoch::default()).await.unwrap();
    let epoch = log.reader.in_force(None).await.unwrap().unwrap().epoch;
    let restriction = Restriction { name: RestrictionName::stored(&[7; 32]).unwrap(), restricted: true };
    // On one thread: all three wait before the sequencer takes the first, and are one batch.
    let (before, restricted, behind) = tokio::join!(
        log.appender.receipted(decided(epoch)),
        log.appender.receipted(decided(epoch).restricting("", "", restriction)),
        log.appender.receipted(decided(epoch)),
    );
    assert!(before.is_ok() && restricted.is_ok());
    assert_eq!(behind.err(), Some(Unavailable::EpochMoved));
    let opened = log.reader.epochs(0, epoch + 1).await.unwrap();
    let restrictions: Vec<_> = opened.iter().map(|epoch| epoch.opened.restrictions.len()).collect();
    assert_eq!(restrictions, [0, 1]);
}
