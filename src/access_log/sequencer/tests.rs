//! What a batch is worth that opens an epoch.

use crate::{
    access_log::{Archived, Entry, Kind, NewEpoch, TermsInForce, Unavailable, Who, scratch::scratch},
    approval::{Act, Deed, Matter},
    control::{About, Event},
    dataset::Level,
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

/// The last look, whichever part it is in; what is as long as a digest, and is none, too.
#[tokio::test]
async fn what_could_name_a_subject_is_not_appended() {
    let folder = tempfile::tempdir().unwrap();
    let log = scratch(folder.path()).await;
    log.appender.put_in_force(0, NewEpoch::default()).await.unwrap();
    let epoch = log.reader.in_force(None).await.unwrap().unwrap().epoch;
    let names = ["JY424242C", "jy424242c", "V0424242", "of-JY424242C", "0123456v04242420"];
    for name in names {
        let (mut caller, mut organisation, mut role) = (decided(epoch), decided(epoch), decided(epoch));
        caller.actor.who.as_mut().unwrap().caller = name.try_into().unwrap();
        organisation.actor.who.as_mut().unwrap().organisation = name.try_into().unwrap();
        role.actor.who.as_mut().unwrap().role = Some(name.try_into().unwrap());
        let (mut case, mut person, mut field) = (decided(epoch), decided(epoch), decided(epoch));
        case.actor.terms.as_mut().unwrap().case_reference = Some(format!("about {name}"));
        person.actor.terms.as_mut().unwrap().second_person = Some(name.try_into().unwrap());
        field.actor.fields.insert(name.to_owned(), Level::Full);
        let mut refusal = decided(epoch);
        refusal.actor.refusal = Some(format!("values.{name}").into());
        let happened = |about: &str, what: &str| {
            decided(epoch).happening("", "", Event::new(About::Restriction(about.to_owned()), 1, &what))
        };
        let act = Act {
            matter: Matter::Policy,
            number: 1,
            deed: Deed::Suspend,
            approver: "somebody".try_into().unwrap(),
            reason: format!("as {name} wants"),
            signature: [0; 64],
        };
        let text = Archived { version: String::new(), name: "files".to_owned(), content: format!("# {name}") };
        let policy = NewEpoch { archive: vec![text], ..NewEpoch::default() };
        let entries = [
            caller,
            organisation,
            role,
            case,
            person,
            field,
            refusal,
            Entry::administration(&format!("for {name}")),
            happened("07", name),
            happened(name, "restricted"),
            decided(epoch).acting("", "", act),
            Entry::policy_in_force(epoch, policy),
        ];
        for (at, entry) in entries.into_iter().enumerate() {
            assert_eq!(log.appender.receipted(entry).await.err(), Some(Unavailable::NamesSubject), "{name}: {at}");
        }
    }
    // Nothing of it stands anywhere, and the log goes on.
    let digest = "0123456789abcdef".repeat(4);
    log.appender.note(Entry::administration(&format!("policy {digest} is in force"))).await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let found = names.iter().find(|name| bytes.windows(name.len()).any(|window| window == name.as_bytes()));
        assert_eq!(found, None);
    }
}
