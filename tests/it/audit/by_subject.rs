//! Searching for what concerns one subject: by those who are entitled to it, found in every month, and recorded as about them.

use crate::harness::*;
use disown::pb;
use serde_json::Value;
use tonic::Code;

type Entry = (u64, Value, Value);

fn about(asker: &Asker, number: &str) -> pb::SearchRequest {
    let filter = pb::LogFilter { subject: format!("jy:{number}"), ..Default::default() };
    pb::SearchRequest { terms: asker.pb_terms(), filter: Some(filter), ..Default::default() }
}

async fn found(broker: &TestBroker, asker: &Asker, request: pb::SearchRequest) -> Result<Vec<Entry>, tonic::Status> {
    let mut pages = broker.audit().search(asker.request(&broker.deployment, request)).await?.into_inner();
    let mut entries = Vec::new();
    while let Some(page) = pages.message().await? {
        let part = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
        entries.extend(page.entries.iter().map(|one| (one.index, part(&one.actor_part), part(&one.subject_part))));
    }
    Ok(entries)
}

fn callers(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|(_, actor, _)| actor["caller"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_rights_officer_finds_to_whom_one_subject_was_disclosed_in_every_month_and_nothing_else() {
    let broker = TestBroker::populated().await;
    broker.told(&clinician(), ISOLATING).await;
    broker.told(&clinician(), FREE).await;
    broker.deployment.clock.set("2026-12-02T09:00:00Z".parse().unwrap());
    broker.told(&police(), ISOLATING).await;
    broker.told(&police(), NOBODY).await;
    let officer = rights_officer();
    let entries = found(&broker, &officer, about(&officer, ISOLATING)).await.unwrap();
    // The search finds itself: it is about the subject too.
    assert_eq!(callers(&entries), ["dr.renouf", "pc.vautier", "ro.de-gruchy"]);
    let months: Vec<_> = entries.iter().map(|(_, _, subject)| subject["month"].as_str().unwrap()).collect();
    assert_eq!(months, ["2026-11", "2026-12", "2026-12"]);
    assert_ne!(entries[0].2["tag"], entries[1].2["tag"], "two months have one tag");
    // Asking about somebody of whom nothing is held is found like anything else.
    assert_eq!(
        callers(&found(&broker, &officer, about(&officer, NOBODY)).await.unwrap()),
        ["pc.vautier", "ro.de-gruchy"]
    );
    assert_eq!(callers(&found(&broker, &officer, about(&officer, HEALTHY)).await.unwrap()), ["ro.de-gruchy"]);
    broker.finish().await;
}

#[tokio::test]
async fn the_search_is_recorded_with_its_subject_where_no_recipient_sees_it() {
    let broker = TestBroker::populated().await;
    let officer = data_protection_officer();
    found(&broker, &officer, about(&officer, ISOLATING)).await.unwrap();
    let entries = broker.entries().await;
    let (_, actor, subject) =
        entries.iter().find(|(_, actor, _)| actor["caller"] == "dpo.mauger").expect("the search was recorded");
    assert_eq!((&actor["kind"], &actor["event"]), (&"inspection".into(), &"one subject".into()));
    assert!(subject["tag"].is_string() && subject.get("handle").is_none(), "{subject}");
    broker.finish().await;
}

#[tokio::test]
async fn each_reader_reads_what_it_is_entitled_to_and_not_more() {
    let broker = TestBroker::populated().await;
    broker.told(&clinician(), ISOLATING).await;
    let everything = |asker: &Asker| pb::SearchRequest { terms: asker.pb_terms(), ..Default::default() };
    // Who; searches everything; searches by subject.
    for (asker, all, by_subject) in [
        (auditor(), true, false),
        (regulator(), true, false),
        (data_protection_officer(), true, true),
        (rights_officer(), false, true),
        (clinician(), false, false),
        (police(), false, false),
    ] {
        let told = found(&broker, &asker, everything(&asker)).await;
        assert_eq!(
            told.map_err(|status| status.code()).map(drop),
            if all { Ok(()) } else { Err(Code::PermissionDenied) }
        );
        let told = found(&broker, &asker, about(&asker, ISOLATING)).await;
        assert_eq!(
            told.map_err(|status| status.code()).map(drop),
            if by_subject { Ok(()) } else { Err(Code::PermissionDenied) },
            "{}",
            asker.caller
        );
        // Proofs tell nothing of anybody: whoever reads any part may have them.
        let request = pb::GetCheckpointRequest { terms: asker.pb_terms(), size: 0 };
        let told = broker.audit().get_checkpoint(asker.request(&broker.deployment, request)).await;
        assert_eq!(told.is_ok(), all || by_subject, "{}", asker.caller);
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_subject_that_is_none_is_refused_without_repeating_it() {
    let broker = TestBroker::empty().await;
    let officer = rights_officer();
    for wrong in ["JY104729", "JY104729C ", "jy104729c", "nobody", "visitor:JY104729C"] {
        let filter = pb::LogFilter { subject: wrong.to_owned(), ..Default::default() };
        let request = pb::SearchRequest { terms: officer.pb_terms(), filter: Some(filter), ..Default::default() };
        let status = found(&broker, &officer, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with("`subject`") && !status.message().contains("104729"), "{status}");
    }
    broker.finish().await;
}
