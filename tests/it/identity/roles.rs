//! A caller acts in a role that its token holds, by its exact name.

use super::tokens::Forge;
use crate::harness::*;
use disown::pb;
use serde_json::json;
use tonic::Code;

const ODD: [&str; 14] = [
    "",
    "clinician ",
    " clinician",
    "Clinician",
    "сlinician",
    "clinician\u{200b}",
    "clinician,auditor",
    "clinician\nauditor",
    "clinician\0",
    "*",
    ".*",
    "clinic.*",
    "eval(true)",
    "#clinician\"",
];

#[tokio::test]
async fn a_role_that_is_not_held_or_only_looks_like_one_is_denied_and_not_repeated() {
    let broker = TestBroker::populated().await;
    let denied = (Code::PermissionDenied, "permission denied".to_owned());
    // It holds the odd role in its token as well, so only the closed list stands against it.
    let mut asker = clinician();
    asker.roles.extend(ODD.map(str::to_owned));
    for role in ODD.iter().chain(&["police_officer", "auditor"]) {
        asker.terms.0 = (*role).to_owned();
        assert_eq!(broker.refused(&asker, asker.question(ISOLATING)).await, denied, "{role:?}");
    }
    let refusals: Vec<_> =
        broker.entries().await.into_iter().filter(|(_, actor, _)| actor["refusal"] == "role").collect();
    assert_eq!(refusals.len(), ODD.len() + 2);
    for (at, (_, actor, subject)) in refusals.iter().enumerate() {
        assert_eq!(actor["caller"], "dr.renouf");
        assert_eq!(subject, &json!({}));
        // A name of the closed list is recorded, anything else is left out.
        let known = at >= ODD.len();
        assert_eq!(actor.get("role").is_some(), known, "{actor}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn odd_purposes_agreements_and_references_are_denied_and_not_repeated() {
    let broker = TestBroker::populated().await;
    let marks =
        ["*", "clinical_care ", "clinical-care\n", "clinical.care", "[AUDIT] forged", "сlinical_care", "a\u{2028}b"];
    let reference = format!("ENC-20260001 {ISOLATING}");
    let references =
        ["", "ENC-2026000", "ENC-20260001 ", "ENC-20260001\n", "enc-20260001", &reference, &"E".repeat(2000)];
    for mark in marks {
        let (mut purpose, mut agreement) = (clinician(), clinician());
        purpose.terms.1 = mark.to_owned();
        agreement.terms.2 = mark.to_owned();
        for asker in [purpose, agreement] {
            assert_eq!(broker.refused(&asker, asker.question(ISOLATING)).await.0, Code::PermissionDenied);
        }
    }
    for reference in references {
        let mut asker = clinician();
        asker.terms.3 = reference.to_owned();
        let code = if reference.contains(ISOLATING) { Code::InvalidArgument } else { Code::PermissionDenied };
        assert_eq!(broker.refused(&asker, asker.question(ISOLATING)).await.0, code);
    }
    let entries = broker.entries().await;
    let denials: Vec<_> = entries.iter().filter(|(_, actor, _)| actor["kind"] == "denial").collect();
    assert_eq!(denials.len(), 2 * marks.len() + references.len());
    for (_, actor, _) in denials {
        let text = actor.to_string();
        assert!(actor.get("case_reference").is_none() && !text.contains("forged") && !text.contains("\\n"), "{text}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn somebody_of_another_organisation_is_denied() {
    let broker = TestBroker::populated().await;
    let forge = Forge::of(&broker.deployment);
    let token = forge.claiming(json!({ "organisation": "health-and-care-jersey" }));
    let request = with_token(&token, pb::GetCheckpointRequest { terms: auditor().pb_terms(), size: 0 });
    let status = broker.audit().get_checkpoint(request).await.err().unwrap();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "permission denied"));
    broker.finish().await;
}
