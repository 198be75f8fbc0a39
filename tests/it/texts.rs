//! A subject identifier in every text of every request, of a token and of a policy: nothing that a broker writes ever holds it. The fields
//! are taken from the descriptors, so that one that is new is tried by itself.

use crate::{
    coverage::{Known, good, methods},
    harness::*,
    watch::{look_up, watch},
};
use disown::{
    app::AppError,
    pb,
    policy::{InvalidPolicy, Policy, PolicyFiles},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};
use serde_json::json;
use std::{collections::BTreeSet, fs};
use tonic::Code;

/// What is planted: in the form of a JY number and of a visitor's, as it is written and in lower case.
const PLANTED: [&str; 4] = ["JY424242C", "jy424242c", "V0424242", "v0424242"];

/// Where a subject is named. Everywhere else an identifier is refused. A field that is new and names subjects is written down here.
const NAMES_SUBJECT: [&str; 11] = [
    "AllowLookUpRequest.identifier",
    "BreakGlassRequest.identifier",
    "LiftRestrictionRequest.identifier",
    "ListRestrictionsRequest.identifier",
    "LogFilter.subject",
    "PutRequest.ValuesEntry.value",
    "QueryRequest.identifier",
    "RestrictRequest.identifier",
    "Row.values",
    "Warrant.identifiers",
    "Watch.identifier",
];

/// A request with something planted in one of its texts.
struct Spoilt {
    /// `Terms.role`.
    field: String,
    /// As callers know it.
    argument: String,
    message: DynamicMessage,
}

/// One for every text of a message, as deep as it goes, and for every place in a list.
fn spoilt(message: &DynamicMessage, text: &str) -> Vec<Spoilt> {
    let mut all = Vec::new();
    for field in message.descriptor().fields() {
        let name = format!("{}.{}", field.parent_message().full_name().replace("disown.v1.", ""), field.name());
        let mut with = |named: String, value: Value| {
            let mut message = message.clone();
            message.set_field(&field, value);
            all.push(Spoilt { field: named, argument: field.name().to_owned(), message });
        };
        let known = message.get_field(&field).into_owned();
        match (known, field.kind()) {
            (Value::Map(known), Kind::Message(entry)) => {
                let entry = entry.full_name().replace("disown.v1.", "");
                let mut more = known.clone();
                more.insert(MapKey::String(text.to_owned()), Value::String("1".to_owned()));
                with(format!("{entry}.key"), Value::Map(more));
                for key in known.keys() {
                    let mut other = known.clone();
                    other.insert(key.clone(), Value::String(text.to_owned()));
                    with(format!("{entry}.value"), Value::Map(other));
                }
            }
            (Value::List(known), Kind::Message(inner)) => {
                let first = known.first().and_then(Value::as_message).cloned();
                for inside in spoilt(&first.unwrap_or_else(|| DynamicMessage::new(inner)), text) {
                    let list = [&[Value::Message(inside.message)], known.get(1..).unwrap_or_default()].concat();
                    let mut message = message.clone();
                    message.set_field(&field, Value::List(list));
                    all.push(Spoilt { message, ..inside });
                }
            }
            (Value::List(known), kind) => {
                if let Some(value) = value(&kind, text) {
                    with(name.clone(), Value::List([&known[..], std::slice::from_ref(&value)].concat()));
                    for at in 0..known.len() {
                        let mut list = known.clone();
                        list[at] = value.clone();
                        with(name.clone(), Value::List(list));
                    }
                }
            }
            (_, Kind::Message(inner)) => {
                let inner = nested(message, &field, inner);
                for inside in spoilt(&inner, text) {
                    let mut message = message.clone();
                    message.set_field(&field, Value::Message(inside.message));
                    all.push(Spoilt { message, ..inside });
                }
            }
            (_, kind) => {
                if let Some(value) = value(&kind, text) {
                    with(name, value);
                }
            }
        }
    }
    all
}

fn nested(message: &DynamicMessage, field: &FieldDescriptor, inner: MessageDescriptor) -> DynamicMessage {
    let known = message.has_field(field).then(|| message.get_field(field).as_message().cloned()).flatten();
    known.unwrap_or_else(|| DynamicMessage::new(inner))
}

fn value(kind: &Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::String => Some(Value::String(text.to_owned())),
        Kind::Bytes => Some(Value::Bytes(text.as_bytes().to_vec().into())),
        _ => None,
    }
}

/// Every text field of every request, by the descriptors alone: what the tries have to come to.
fn all_fields(message: &MessageDescriptor, found: &mut BTreeSet<String>) {
    for field in message.fields() {
        let name = format!("{}.{}", message.full_name().replace("disown.v1.", ""), field.name());
        match field.kind() {
            Kind::String | Kind::Bytes => drop(found.insert(name)),
            Kind::Message(inner) => all_fields(&inner, found),
            _ => {}
        }
    }
}

/// Panics if anything that was written holds what was planted.
async fn holds_nothing_planted(deployment: &Deployment) {
    let written = deployment.written().await;
    for (place, bytes) in &written {
        let found = forms_in(bytes, &PLANTED);
        assert!(found.is_empty(), "{place}: {found:?}");
    }
    // The control: what was said besides is found.
    let found = written.iter().any(|(_, bytes)| !forms_in(bytes, &["ENC-20260001"]).is_empty());
    assert!(found, "the search finds nothing that stands there");
}

#[tokio::test]
async fn no_text_of_any_request_brings_an_identifier_into_a_store() {
    let broker = TestBroker::populated().await;
    let known = Known::of(&broker).await;
    let pool = DescriptorPool::decode(pb::DESCRIPTORS).unwrap();
    let (mut tried, mut all, mut count) = (BTreeSet::new(), BTreeSet::new(), 0);
    for method in methods() {
        let named = method[1..].replace('/', ".");
        let (service, rpc) = named.rsplit_once('.').unwrap();
        let service = pool.get_service_by_name(service).unwrap();
        let input = service.methods().find(|known| known.name() == rpc).unwrap().input();
        all_fields(&input, &mut all);
        let (asker, bytes) = good(&broker.deployment, &known, &method, |asker| asker).unwrap();
        let token = asker.token(&broker.deployment);
        let mut bases = vec![(vec![], DynamicMessage::decode(input.clone(), bytes.as_slice()).unwrap())];
        if method.ends_with("/Load") {
            // A row comes behind a start.
            let row = format!("{NOBODY},Marie,Le Brocq,1984-05-24,F,JE,1 La Grande Rue,St Helier,JE2 3AB,,,2019-04-01");
            let values = row.split(',').map(|value| value.as_bytes().to_vec()).collect();
            let row = pb::LoadRequest { part: Some(pb::load_request::Part::Row(pb::Row { line: 1, values })) };
            let row = DynamicMessage::decode(input.clone(), row.encode_to_vec().as_slice()).unwrap();
            bases.push((vec![bytes], row));
        }
        for text in PLANTED {
            // As the subject it is named with its scheme, or it would be none.
            let scheme = if text.to_uppercase().starts_with("JY") { "jy" } else { "visitor" };
            for text in [text.to_owned(), format!("{scheme}:{text}"), format!("see {text}.")] {
                for (before, base) in &bases {
                    for Spoilt { field, argument, message } in spoilt(base, &text) {
                        let behind_nothing =
                            method.ends_with("/Load") && before.is_empty() == field.starts_with("Row.");
                        if behind_nothing {
                            continue;
                        }
                        let messages = [&before[..], &[message.encode_to_vec()]].concat();
                        let told = broker.raw(&method, Some(&token), messages).await;
                        let what = format!("{method}: {field} = {text}");
                        match told {
                            _ if NAMES_SUBJECT.contains(&field.as_str()) => {}
                            Ok(_) => panic!("{what}: it is done"),
                            Err(status) => {
                                assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status:?}");
                                let message = status.message();
                                assert!(message.starts_with(&format!("`{argument}`: ")), "{what}: {message}");
                                assert!(forms_in(message.as_bytes(), &PLANTED).is_empty(), "{what}: {message}");
                            }
                        }
                        count += 1;
                        tried.insert(field);
                    }
                }
            }
        }
    }
    println!("texts: {} fields, {count} requests", tried.len());
    assert_eq!(tried, all, "tried (left), and what there is (right)");
    // Each refusal is an entry, and the search one more.
    let entries = broker.entries().await;
    let refusals = entries.iter().filter(|(_, actor, _)| actor["outcome"] == "invalid").count();
    assert!(refusals > count / 2, "{refusals} refusals recorded of {count} requests");
    holds_nothing_planted(&broker.stop().await).await;
}

/// A good request does not say everything: here somebody's own record is watched, and a look-up allowed to somebody.
#[tokio::test]
async fn who_is_watched_or_allowed_is_called_by_no_identifier() {
    let broker = TestBroker::populated().await;
    broker.told(&clinician(), ISOLATING).await;
    let own = pb::Watch { caller: "pc.vautier".to_owned(), ..watch(HEALTHY, pb::WatchReason::Own) };
    let own = pb::Watch { organisation: "states-of-jersey-police".to_owned(), ..own };
    for text in PLANTED {
        for (argument, watched) in [
            ("caller", pb::Watch { caller: text.to_owned(), ..own.clone() }),
            ("caller", pb::Watch { caller: format!("pc.{text}@police.je"), ..own.clone() }),
            ("organisation", pb::Watch { organisation: format!("of-{text}"), ..own.clone() }),
        ] {
            let refused = broker.watched(watched).await.err().unwrap();
            assert_eq!(refused.code(), Code::InvalidArgument);
            assert!(refused.message().starts_with(&format!("`{argument}`: ")), "{}", refused.message());
        }
        let allowed = pb::AllowLookUpRequest { caller: format!("pc.{text}"), ..look_up(HEALTHY) };
        let refused = broker.allowed("superintendent", allowed).await.err().unwrap();
        assert!(refused.message().starts_with("`caller`: "), "{}", refused.message());
    }
    broker.watched(own).await.unwrap();
    holds_nothing_planted(&broker.stop().await).await;
}

#[tokio::test]
async fn no_claim_and_no_header_brings_an_identifier_into_a_store() {
    let broker = TestBroker::populated().await;
    let pem = broker.deployment.issuer().to_pem().unwrap();
    let key = EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some("development".to_owned());
    let now = NOW.parse::<jiff::Timestamp>().unwrap().as_second();
    let clinician = clinician();
    for text in PLANTED {
        let mut told = Vec::new();
        for claim in ["none", "sub", "organisation", "roles", "more roles", "jti", "iss", "aud", "name", "azp"] {
            let mut claims = json!({
                "iss": disown::identity::DEVELOPMENT_ISSUER, "aud": "disown", "sub": clinician.caller,
                "organisation": clinician.organisation, "roles": clinician.roles, "iat": now, "nbf": now, "exp": now + 600,
                "jti": "1",
            });
            match claim {
                "none" => {}
                "roles" => claims["roles"] = json!([text]),
                "more roles" => claims["roles"] = json!([clinician.roles[0], text]),
                claim => claims[claim] = json!(text),
            }
            let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
            let mut request = with_token(&token, clinician.question(ISOLATING));
            for name in ["traceparent", "tracestate", "baggage", "x-request-id", "x-forwarded-for"] {
                request.metadata_mut().insert(name, text.parse().unwrap());
            }
            let code = broker.access().query(request).await.err().map_or(Code::Ok, |status| status.code());
            told.push((claim, code));
        }
        let of = |claim: &str| told.iter().find(|(known, _)| *known == claim).unwrap().1;
        assert_eq!(of("none"), Code::Ok);
        assert_eq!([of("sub"), of("organisation")], [Code::Unauthenticated; 2]);
    }
    holds_nothing_planted(&broker.stop().await).await;
}

async fn refused(deployment: &Deployment, what: &str) {
    let loaded = Policy::load(PolicyFiles::read(&deployment.path("policies")).unwrap()).await;
    let error = loaded.err().unwrap_or_else(|| panic!("loaded: {what}"));
    assert!(matches!(error, InvalidPolicy::NamesSubject(_)), "{what}: {error}");
    assert!(forms_in(error.to_string().as_bytes(), &PLANTED).is_empty(), "{what}: {error}");
}

/// All of a policy is archived: its files, and their names.
#[tokio::test]
async fn a_policy_that_could_name_a_subject_is_not_loaded() {
    let broker = TestBroker::populated().await;
    broker.told(&clinician(), ISOLATING).await;
    let deployment = &broker.deployment;
    let folder = deployment.path("policies");
    let files = PolicyFiles::read(&folder).unwrap();
    let names = files.rules.keys().cloned().chain(files.agreements.keys().map(|name| format!("agreements/{name}")));
    for (at, name) in names.enumerate() {
        let kept = fs::read_to_string(folder.join(&name)).unwrap();
        let text = PLANTED[at % PLANTED.len()];
        deployment.append(&format!("policies/{name}"), &format!("\n# as agreed with {text}\n"));
        refused(deployment, &name).await;
        // A broker that runs goes on by the policy in force.
        if at % 10 == 0 {
            broker.reload.send_modify(|count| *count += 1);
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            broker.told(&clinician(), ISOLATING).await;
        }
        fs::write(folder.join(&name), kept).unwrap();
    }
    // In other signs, and as a name.
    let agreement = folder.join("agreements/clinical-care.toml");
    let kept = fs::read_to_string(&agreement).unwrap();
    let title = kept.lines().find(|line| line.starts_with("title = ")).unwrap();
    for other in
        ["title = \"\\u004aY424242C\"", "title = \"\"\"JY\\\n   424242C\"\"\"", "title = \"V04\\U000000324242\""]
    {
        fs::write(&agreement, kept.replace(title, other)).unwrap();
        refused(deployment, other).await;
    }
    fs::write(&agreement, kept).unwrap();
    for name in ["agreements/JY424242C.toml", "agreements/v0424242.cases.toml", "JY424242C.csv"] {
        fs::write(folder.join(name), "").unwrap();
        refused(deployment, name).await;
        fs::remove_file(folder.join(name)).unwrap();
    }
    holds_nothing_planted(&broker.stop().await).await;
}

#[tokio::test]
async fn a_broker_that_is_called_like_a_subject_does_not_start() {
    let mut deployment = Deployment::new();
    deployment.edit("disown.toml", "broker-1", "JY424242C");
    assert!(matches!(deployment.build().await, Err(AppError::NamesSubject("broker"))));
    deployment.assert_log_is_empty().await;
}
