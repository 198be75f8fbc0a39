//! A broker serves the catalogue that its stores were opened with, and none beside it.

use crate::harness::*;
use std::fs;
use tonic::Code;
use tonic_health::ServingStatus;

/// Changes a catalogue; what was in it must have been there.
type Alteration = fn(&str) -> String;

fn swapped(text: &str, one: &str, other: &str) -> String {
    let line = |name: &str| text.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap();
    let (first, second) = (line(one), line(other));
    text.replace(first, "\u{0}").replace(second, first).replace('\u{0}', second)
}

/// Whatever differs, places of fields, columns, record types and datasets are not those of the stores, or what they mean is not.
const ALTERATIONS: [(&str, Alteration); 5] = [
    ("two columns have changed places", |text| swapped(text, "phone", "email")),
    ("a column need not be there", |text| {
        text.replacen("required = true, coarse = \"initial\"", "coarse = \"initial\"", 1)
    }),
    ("a category is another", |text| {
        text.replacen("provided = true, category = \"demography\"", "provided = true, category = \"contact\"", 1)
    }),
    ("two record types have changed places", |text| swapped(text, "condition", "admission")),
    ("a retention is another", |text| text.replacen("retention_days = 3650", "retention_days = 3651", 1)),
];

fn altered(deployment: &Deployment, alteration: Alteration) {
    let path = deployment.path("policies/catalogue.toml");
    let text = fs::read_to_string(&path).unwrap();
    let changed = alteration(&text);
    assert!(changed != text, "nothing was altered");
    fs::write(path, changed).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_cannot_serve_the_catalogue_in_force_answers_nothing() {
    if !on_a_server() {
        return;
    }
    for (what, alteration) in ALTERATIONS {
        let first = Deployment::new();
        let second = first.beside("broker-2");
        altered(&second, alteration);
        let first = first.serve().await;
        first.populate().await;
        first.told(&clinician(), ISOLATING).await;
        let held = first.deployment.records("people").await;
        let second = second.serve().await;

        // From the first moment: nobody is told by one broker's places what the other means.
        let (code, message) = first.refused(&clinician(), clinician().question(ISOLATING)).await;
        assert_eq!(code, Code::Unavailable, "{what}: {message}");
        first.health_becomes(ServingStatus::NotServing).await;
        let (_, message) = first.refused(&clinician(), clinician().question(ISOLATING)).await;
        assert!(message.contains("cannot serve what is in force"), "{what}: {message}");
        let row =
            format!("{NOBODY},Zoe,Noel,1990-01-02,F,JE,1 Rue,Trinity,JE3 5JB,07700 900009,zoe@example.org,2019-04-01");
        let put_in = first.load(&registrar(), "people", PEOPLE, &[row]).await;
        assert_eq!(put_in.err().unwrap().code(), Code::Unavailable, "{what}");
        assert_eq!(first.deployment.records("people").await, held, "{what}");

        // The one whose catalogue it is goes on.
        second.told(&clinician(), ISOLATING).await;
        // When the first catalogue is in force again, so does the other.
        let path = "policies/catalogue.toml";
        let second = second.stop().await;
        fs::copy(first.deployment.path(path), second.path(path)).unwrap();
        let second = second.serve().await;
        first.health_becomes(ServingStatus::Serving).await;
        first.told(&clinician(), ISOLATING).await;
        second.finish().await;
        first.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_of_every_service() {
    let broker = TestBroker::empty().await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(broker.channel.clone());
    for name in ["Access", "Intake", "Audit", "Rights", "Agreement", "Warrant", "Watch", "BreakGlass"] {
        let service = format!("disown.v1.{name}Service");
        let told = health.check(tonic_health::pb::HealthCheckRequest { service }).await.unwrap();
        assert_eq!(told.into_inner().status, ServingStatus::Serving as i32, "{name}");
    }
    broker.finish().await;
}
