//! Attacks on tokens, as a table: each row against a broker, over each algorithm that it can be made for. Those outside are told the
//! same, whatever they tried, and nothing else.
//!
//! `cargo test --test it identity::attacks -- --nocapture` prints it.

mod envelope;
mod sayings;
mod signatures;

use super::{
    signers::ALGORITHMS,
    tokens::{Forge, knock},
};
use crate::harness::*;
use serde_json::json;
use tonic::{Code, Status};

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Not let in.
    Refused,
    /// Let in as somebody, who may not do it.
    Denied,
    /// Nothing is wrong with it.
    Accepted,
}

/// One token: its row of the table, what is done to it, what must become of it.
struct Attack {
    row: &'static str,
    name: String,
    token: String,
    verdict: Verdict,
}

/// The rows of one number.
fn refused(row: &'static str, attacks: Vec<(String, String)>) -> Vec<Attack> {
    let verdict = Verdict::Refused;
    attacks.into_iter().map(|(name, token)| Attack { row, name, token, verdict }).collect()
}

fn all(forge: &Forge) -> Vec<Attack> {
    let mut attacks = signatures::all(forge);
    attacks.extend(envelope::all(forge));
    attacks.extend(sayings::all(forge));
    attacks
}

#[tokio::test]
async fn every_attack_of_the_table_is_refused_over_every_algorithm() {
    let mut lines = Vec::new();
    for algorithm in ALGORITHMS {
        let deployment = Deployment::new();
        // As the broker is laid out, a token of over 8 KiB does not get as far as its verifier.
        deployment.limit("header_bytes", 32 * 1024);
        let forge = Forge::with(&deployment, algorithm);
        let broker = deployment.serve().await;
        let good = format!("Bearer {}", forge.good());
        for Attack { row, name, token, verdict } in all(&forge) {
            // The control: the same token unharmed, on the same connection.
            knock(&broker, &[&good]).await.unwrap();
            let told = knock(&broker, &[&format!("Bearer {token}")]).await;
            assert_eq!(judged(&name, told), verdict, "{row} {name} {}", algorithm.as_str());
            lines.push(format!("{row} {name} {} ... {}", algorithm.as_str(), format!("{verdict:?}").to_lowercase()));
        }
        knock(&broker, &[&good]).await.unwrap();
        broker.finish().await;
    }
    lines.sort();
    lines.iter().for_each(|line| println!("{}", line.escape_debug()));
    println!("attacks on tokens: {} rows, each with its control", lines.len());
}

fn judged(name: &str, told: Result<(), Status>) -> Verdict {
    let Err(status) = told else { return Verdict::Accepted };
    assert!(status.details().is_empty() && status.metadata().get("www-authenticate").is_none(), "{name}");
    match (status.code(), status.message()) {
        (Code::Unauthenticated, "not authenticated") => Verdict::Refused,
        (Code::PermissionDenied, "permission denied") => Verdict::Denied,
        other => panic!("{name} is told {other:?}"),
    }
}

#[tokio::test]
async fn one_header_with_one_bearer_token_is_needed() {
    let broker = TestBroker::empty().await;
    let forge = Forge::of(&broker.deployment);
    let (token, second) = (forge.good(), forge.claiming(json!({ "jti": "a2" })));
    let good = format!("Bearer {token}");
    for (name, headers) in [
        ("no header", vec![]),
        ("the header twice", vec![good.as_str(), good.as_str()]),
        ("another scheme after it", vec![good.as_str(), "Basic YTpi"]),
        ("another scheme before it", vec!["Basic YTpi", good.as_str()]),
        ("bearer", vec![&format!("bearer {token}")]),
        ("BEARER", vec![&format!("BEARER {token}")]),
        ("two blanks", vec![&format!("Bearer  {token}")]),
        ("a tab", vec![&format!("Bearer\t{token}")]),
        ("no scheme", vec![&token]),
        ("a list", vec![&format!("Bearer {token},Bearer {second}")]),
        ("two tokens", vec![&format!("Bearer {token} {second}")]),
        ("a scheme alone", vec!["Bearer"]),
        ("nothing in it", vec![""]),
    ] {
        assert_eq!(judged(name, knock(&broker, &headers).await), Verdict::Refused, "{name}");
        println!("A17 {name} ... refused");
    }
    knock(&broker, &[&good]).await.unwrap();
    broker.finish().await;
}
