//! What a batch is worth that opens an epoch.

use crate::{
    access_log::{Entry, Kind, NewEpoch, TermsInForce, Unavailable, Who, scratch::scratch},
    control::{About, Event},
};

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
    let log = scratch(folder.path()).await;
    log.appender.put_in_force(0, NewEpoch::default()).await.unwrap();
    let epoch = log.reader.in_force(None).await.unwrap().unwrap().epoch;
    let restriction = Event::new(About::Restriction("07".to_owned()), 1, &"restricted");
    // On one thread: all three wait before the sequencer takes the first, and are one batch.
    let (before, restricted, behind) = tokio::join!(
        log.appender.receipted(decided(epoch)),
        log.appender.receipted(decided(epoch).happening("", "", restriction)),
        log.appender.receipted(decided(epoch)),
    );
    assert!(before.is_ok() && restricted.is_ok());
    assert_eq!(behind.err(), Some(Unavailable::EpochMoved));
    let opened = log.reader.epochs(0, epoch + 1).await.unwrap();
    let events: Vec<_> = opened.iter().map(|epoch| epoch.opened.events.len()).collect();
    assert_eq!(events, [0, 1]);
}
