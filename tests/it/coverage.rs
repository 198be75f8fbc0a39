//! Every RPC of the proto files × everything that must be refused. A new RPC fails here until it is asked in every way.

use crate::harness::*;
use disown::{
    approval::Deed,
    clock::Clock,
    pb::{self, load_request::Part, query_request::Subject},
};
use prost::Message;
use prost_types::FileDescriptorSet;
use std::collections::BTreeSet;
use tonic::Code;

/// What is not covered yet, `Method: way`. This list may only become shorter: what is covered must be struck off.
const GAPS: &[&str] = &[];

/// How a request can be wrong, whatever it asks for, and what is told.
const WAYS: [(&str, Code); 6] = [
    ("no credential", Code::Unauthenticated),
    ("expired token", Code::Unauthenticated),
    ("wrong role", Code::PermissionDenied),
    ("role not in the token", Code::PermissionDenied),
    ("foreign agreement", Code::PermissionDenied),
    ("unknown field", Code::InvalidArgument),
];

/// `/disown.v1.AccessService/Query`, for every method there is.
pub fn methods() -> Vec<String> {
    let set = FileDescriptorSet::decode(pb::DESCRIPTORS).unwrap();
    let of_package = set.file.iter().filter(|file| file.package() == "disown.v1");
    let services = of_package.flat_map(|file| &file.service);
    services
        .flat_map(|service| {
            service.method.iter().map(|method| format!("/disown.v1.{}/{}", service.name(), method.name()))
        })
        .collect()
}

/// What a good request has to name.
pub struct Known {
    warrant: String,
    restriction: String,
}

impl Known {
    pub async fn of(broker: &TestBroker) -> Self {
        let registering = pb::RegisterWarrantRequest { warrant: Some(document()) };
        let registering = broker.deployment.approver("greffier").request(&broker.deployment, registering);
        let mut warrants = pb::warrant_service_client::WarrantServiceClient::new(broker.channel.clone());
        let warrant = warrants.register_warrant(registering).await.unwrap().into_inner().id;
        Self { warrant, restriction: broker.restrict(HEALTHY).await.id }
    }
}

/// Somebody who may call a method, and a good request of theirs; none: nobody has written one.
pub fn good(
    deployment: &Deployment,
    Known { warrant, restriction }: &Known,
    method: &str,
    terms: impl Fn(Asker) -> Asker,
) -> Option<(Asker, Vec<u8>)> {
    let fill = |asker: Asker| {
        let asker = terms(asker);
        let terms = asker.pb_terms();
        (asker, terms)
    };
    Some(match method {
        "/disown.v1.AccessService/Query" => {
            let (asker, terms) = fill(clinician());
            let subject = Some(Subject::Identifier(format!("jy:{ISOLATING}")));
            let acknowledged = conditions_of("clinical-care");
            (asker, pb::QueryRequest { terms, subject, acknowledged, ..Default::default() }.encode_to_vec())
        }
        "/disown.v1.AccessService/DescribeAccess" => {
            let (asker, terms) = fill(clinician());
            (asker, pb::DescribeAccessRequest { terms }.encode_to_vec())
        }
        "/disown.v1.IntakeService/Put" => {
            let (asker, terms) = fill(venue());
            let values =
                [("jy_number", FREE), ("record_id", "VISIT-1"), ("event_date", "2026-11-20"), ("place", "Pier Cafe")];
            let values = values.map(|(column, value)| (column.to_owned(), value.to_owned())).into();
            let record_type = "public_health.venue_visit".to_owned();
            (asker, pb::PutRequest { terms, record_type, values, source: "till".to_owned() }.encode_to_vec())
        }
        "/disown.v1.IntakeService/Load" => {
            let (asker, terms) = fill(registrar());
            let start = pb::LoadStart { terms, ..start(&registrar(), "people", PEOPLE) };
            (asker, pb::LoadRequest { part: Some(Part::Start(start)) }.encode_to_vec())
        }
        "/disown.v1.AuditService/Search" => {
            let (asker, terms) = fill(auditor());
            (asker, pb::SearchRequest { terms, ..Default::default() }.encode_to_vec())
        }
        "/disown.v1.AuditService/Count" => {
            let (asker, terms) = fill(auditor());
            (asker, pb::CountRequest { terms, ..Default::default() }.encode_to_vec())
        }
        "/disown.v1.AuditService/GetCheckpoint" => {
            let (asker, terms) = fill(auditor());
            (asker, pb::GetCheckpointRequest { terms, size: 0 }.encode_to_vec())
        }
        "/disown.v1.AuditService/ProveInclusion" => {
            let (asker, terms) = fill(auditor());
            (asker, pb::ProveInclusionRequest { terms, index: 0, size: 1 }.encode_to_vec())
        }
        "/disown.v1.AuditService/ProveConsistency" => {
            let (asker, terms) = fill(auditor());
            (asker, pb::ProveConsistencyRequest { terms, old_size: 1, new_size: 2 }.encode_to_vec())
        }
        "/disown.v1.RightsService/Restrict" => {
            let (asker, terms) = fill(rights_officer());
            let ground = pb::RestrictionGround::Objection.into();
            (asker, pb::RestrictRequest { terms, identifier: format!("jy:{HEALTHY}"), ground }.encode_to_vec())
        }
        "/disown.v1.RightsService/LiftRestriction" => {
            let (asker, terms) = fill(rights_officer());
            let (identifier, subject_told_on) = (format!("jy:{HEALTHY}"), today().to_string());
            let restriction = restriction.clone();
            let request = pb::LiftRestrictionRequest { terms, identifier, restriction, subject_told_on };
            (asker, request.encode_to_vec())
        }
        "/disown.v1.RightsService/ListRestrictions" => {
            let (asker, terms) = fill(rights_officer());
            (asker, pb::ListRestrictionsRequest { terms, identifier: format!("jy:{HEALTHY}") }.encode_to_vec())
        }
        "/disown.v1.AgreementService/Act" => {
            let matter = dataset("people");
            let act = deployment.signed("registrar", (&matter, 1), Deed::Withdraw("people".try_into().unwrap()));
            (terms(deployment.approver("registrar")), act_request(&act).encode_to_vec())
        }
        "/disown.v1.AgreementService/ShowAgreement" => {
            let request = pb::ShowAgreementRequest { agreement: "clinical-care".to_owned(), ..Default::default() };
            (terms(deployment.approver("registrar")), request.encode_to_vec())
        }
        "/disown.v1.WarrantService/RegisterWarrant" => {
            let request = pb::RegisterWarrantRequest { warrant: Some(document()) };
            (terms(deployment.approver("greffier")), request.encode_to_vec())
        }
        "/disown.v1.WarrantService/ConfirmWarrant" => {
            let request = pb::ConfirmWarrantRequest { id: warrant.clone(), warrant: Some(document()) };
            (terms(deployment.approver("deputy-greffier")), request.encode_to_vec())
        }
        "/disown.v1.WarrantService/RevokeWarrant" => {
            let request = pb::RevokeWarrantRequest { id: warrant.clone() };
            (terms(deployment.approver("greffier")), request.encode_to_vec())
        }
        "/disown.v1.WarrantService/ShowWarrant" => {
            let request = pb::ShowWarrantRequest { id: warrant.clone() };
            (terms(deployment.approver("greffier")), request.encode_to_vec())
        }
        "/disown.v1.BreakGlassService/BreakGlass" => {
            let (asker, terms) = fill(clinician());
            let (identifier, reason) = (format!("jy:{HEALTHY}"), "unconscious".to_owned());
            let acknowledged = conditions_of("clinical-care");
            (asker, pb::BreakGlassRequest { terms, identifier, reason, acknowledged }.encode_to_vec())
        }
        "/disown.v1.BreakGlassService/ListUnreviewed" => {
            (terms(deployment.approver("data-protection-officer")), pb::ListUnreviewedRequest {}.encode_to_vec())
        }
        "/disown.v1.BreakGlassService/ReviewUse" => {
            let (organisation, caller) = (clinician().organisation, clinician().caller);
            let request = pb::ReviewUseRequest { organisation, caller, justified: true, words: "seen".to_owned() };
            (terms(deployment.approver("data-protection-officer")), request.encode_to_vec())
        }
        "/disown.v1.WatchService/WatchSubject" => {
            let request = pb::WatchSubjectRequest { watch: Some(honey()) };
            (terms(deployment.approver("data-protection-officer")), request.encode_to_vec())
        }
        "/disown.v1.WatchService/UnwatchSubject" => {
            let request = pb::UnwatchSubjectRequest { watch: Some(honey()) };
            (terms(deployment.approver("data-protection-officer")), request.encode_to_vec())
        }
        "/disown.v1.WatchService/AllowLookUp" => {
            let request = pb::AllowLookUpRequest {
                identifier: format!("jy:{HEALTHY}"),
                caller: "pc.vautier".to_owned(),
                agreement: "sojp-isolation".to_owned(),
                case_reference: "AB-2026-000123".to_owned(),
                valid_until: today().to_string(),
                reason: "a case".to_owned(),
            };
            (terms(deployment.approver("superintendent")), request.encode_to_vec())
        }
        _ => return None,
    })
}

fn honey() -> pb::Watch {
    let why = pb::WatchReason::Honey.into();
    pb::Watch { identifier: format!("jy:{NOBODY}"), why, ..Default::default() }
}

/// A warrant, as it is entered.
fn document() -> pb::Warrant {
    pb::Warrant {
        court: "Royal Court of Jersey".to_owned(),
        reference: "2026/117".to_owned(),
        agreement: "clinical-care".to_owned(),
        case_reference: "ENC-20260001".to_owned(),
        identifiers: vec![format!("jy:{ISOLATING}")],
        fields: vec!["clinical.condition.code".to_owned()],
        valid_from: today().to_string(),
        valid_until: today().to_string(),
        uses: 1,
    }
}

/// Asks in one wrong way; the code told, or none where the way is not written for the method.
async fn told(broker: &TestBroker, known: &Known, method: &str, way: &str) -> Option<Code> {
    let elsewhere = if method.contains("AuditService") { "clinical-care" } else { "audit" };
    let of_approvers = ["Agreement", "Warrant", "Watch"].iter().any(|of| method.contains(&format!("{of}Service")))
        || method.ends_with("/ListUnreviewed")
        || method.ends_with("/ReviewUse");
    let (asker, mut bytes) = good(&broker.deployment, known, method, |mut asker| {
        match way {
            // Who asks is an approver, or is not: by name and organisation, in no role and under no terms.
            "wrong role" if of_approvers => asker.caller = "chief-officer".to_owned(),
            "role not in the token" if of_approvers => asker.caller = "constable@sthelier.je".to_owned(),
            "foreign agreement" if of_approvers => asker.organisation = "parish-of-st-helier".to_owned(),
            "wrong role" => {
                // A role that is known and held, and is none of the agreement's.
                asker.terms.0 = "statistician".to_owned();
                asker.roles.push("statistician".to_owned());
            }
            "role not in the token" => asker.roles = vec!["statistician".to_owned()],
            "foreign agreement" => asker.terms.2 = elsewhere.to_owned(),
            _ => {}
        }
        asker
    })?;
    let token = asker.token(&broker.deployment);
    if way == "unknown field" {
        // Field 1000, a varint 1.
        bytes.extend([0xc0, 0x3e, 0x01]);
    }
    if way == "expired token" {
        let later = broker.deployment.clock.now() + std::time::Duration::from_secs(606);
        broker.deployment.clock.set(later);
    }
    let token = (way != "no credential").then_some(token.as_str());
    Some(broker.raw(method, token, vec![bytes]).await.err().map_or(Code::Ok, |status| status.code()))
}

#[tokio::test]
async fn every_rpc_is_refused_in_every_way_that_a_request_can_be_wrong() {
    let broker = TestBroker::populated().await;
    let known = Known::of(&broker).await;
    let (mut covered, mut all) = (0, BTreeSet::new());
    let mut gaps = BTreeSet::new();
    for method in methods() {
        // The control: nothing is wrong with the request that the ways spoil.
        if let Some((asker, bytes)) = good(&broker.deployment, &known, &method, |asker| asker) {
            let told = broker.raw(&method, Some(&asker.token(&broker.deployment)), vec![bytes]).await;
            assert!(told.is_ok(), "{method}: {:?}", told.err());
        }
        for (way, expected) in WAYS {
            let name = format!("{method}: {way}");
            let before = broker.entries().await.len();
            match told(&broker, &known, &method, way).await {
                Some(code) => {
                    assert_eq!(code, expected, "{name}");
                    covered += 1;
                    if code == Code::PermissionDenied {
                        // The search of `entries` is one entry, the refusal another.
                        assert_eq!(broker.entries().await.len(), before + 2, "{name} was not recorded");
                    }
                }
                None => drop(gaps.insert(name.clone())),
            }
            all.insert(name);
        }
    }
    println!("coverage: {covered} of {} refusals asked for, {} gaps", all.len(), gaps.len());
    let listed: BTreeSet<String> = GAPS.iter().map(|gap| (*gap).to_owned()).collect();
    assert_eq!(gaps, listed, "gaps (left) and what is listed as such (right)");
    assert_eq!(covered + gaps.len(), methods().len() * WAYS.len());
    broker.finish().await;
}
