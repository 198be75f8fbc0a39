//! Every decision on record, made again from what the access log's database kept.

use super::command::*;
use crate::harness::*;
use disown::approval::Deed;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::{fs, time::Instant};

/// So many decisions at least; `DISOWN_REPLAY` asks for more.
#[expect(clippy::disallowed_methods, reason = "how the tests are run is told from outside")]
fn decisions() -> usize {
    std::env::var("DISOWN_REPLAY").ok().map_or(600, |count| count.parse().unwrap())
}

fn replay(deployment: &Deployment) -> (bool, Value) {
    let (config, key) = (deployment.path("disown.toml"), deployment.path("log.vkey"));
    let arguments = ["log", "replay", "--json", "--config", config.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let output = disown().args(arguments).output().unwrap();
    let told = serde_json::from_slice(&output.stdout);
    (output.status.success(), told.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
}

/// Answers and refusals of many kinds.
async fn ask_many(broker: &TestBroker, count: usize) {
    let everybody = everybody();
    let asking = (0..count).map(|at| {
        let mut asker = everybody[at % everybody.len()].clone();
        match at % 7 {
            3 => asker.terms.1 = "statistics".to_owned(),
            4 => asker.organisation = "parish-of-st-helier".to_owned(),
            5 => asker.terms.3 = "none".to_owned(),
            6 => asker.terms.2 = "clinical-care".to_owned(),
            _ => {}
        }
        let question = asker.question([ISOLATING, FREE, HEALTHY, NOBODY][at % 4]);
        async move { drop(broker.ask(&asker, question).await) }
    });
    stream::iter(asking).buffer_unordered(16).for_each(async |()| ()).await;
}

async fn reload(broker: &TestBroker) {
    let version = async || {
        let told = broker.ask(&clinician(), clinician().question(HEALTHY)).await;
        told.map(|told| told.actor()["policy_version"].clone()).ok()
    };
    let before = version().await.unwrap();
    broker.reload.send_modify(|count| *count += 1);
    until(async || version().await.is_some_and(|now| now != before)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_on_record_comes_out_the_same_under_what_was_in_force_then() {
    let broker = TestBroker::populated().await;
    let (rounds, police) = (10, agreement("sojp-isolation"));
    for round in 0..rounds {
        ask_many(&broker, decisions() / rounds).await;
        // Six policies, three texts of an agreement, a stop, a dataset that comes and goes, a restriction, a look at it.
        match round {
            0 | 2 => {
                let (from, to) = match round {
                    0 => ("\"people.person.parish\" = \"full\"", "\"people.person.parish\" = \"exists\""),
                    _ => ("Delete within 30 days", "Delete within 20 days"),
                };
                broker.deployment.edit("policies/agreements/sojp-isolation.toml", from, to);
                broker.deployment.append("policies/policy.csv", &format!("# {round}\n"));
                reload(&broker).await;
            }
            1 | 3 | 5 => {
                broker.deployment.append("policies/policy.csv", &format!("# {round}\n"));
                reload(&broker).await;
            }
            4 => drop(broker.act("superintendent", &police, Deed::Suspend).await),
            6 => {
                broker.restrict(ISOLATING).await;
                broker.restrictions(&rights_officer(), ISOLATING).await.unwrap();
            }
            7 => drop(
                broker
                    .act("medical-director", &dataset("clinical"), Deed::Withdraw("clinical".try_into().unwrap()))
                    .await,
            ),
            8 => drop(
                broker
                    .act("medical-director", &dataset("clinical"), Deed::Restore("clinical".try_into().unwrap()))
                    .await,
            ),
            _ => {}
        }
    }
    let deployment = broker.stop().await;
    let began = Instant::now();
    let (passed, told) = replay(&deployment);
    println!("replay: {} in {:?}", told, began.elapsed());
    assert!(passed && told["differ"].as_array().unwrap().is_empty(), "{told}");
    let same = told["same"].as_u64().unwrap();
    assert!(same as usize > decisions() / 2, "{told}");

    // Somebody takes a suspension out of the database: refusals are on record that would be none.
    deployment.tamper("DELETE FROM act WHERE deed = 'suspend'").await;
    let (passed, told) = replay(&deployment);
    assert!(!passed);
    assert!(told["differ"][0]["how"].as_str().unwrap().contains("it would be granted"), "{told}");
}

fn copied(deployment: &Deployment) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("agreements")).unwrap();
    for part in ["", "agreements/"] {
        for entry in fs::read_dir(deployment.path(&format!("policies/{part}"))).unwrap().map(Result::unwrap) {
            if entry.path().is_file() {
                fs::copy(entry.path(), folder.path().join(part).join(entry.file_name())).unwrap();
            }
        }
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_would_change_is_listed_with_what_of_the_past_would_have_been_otherwise() {
    let broker = TestBroker::populated().await;
    let changed = broker.told(&police(), ISOLATING).await.index();
    broker.told(&clinician(), ISOLATING).await;
    let mut outsider = police();
    outsider.organisation = "parish-of-st-helier".to_owned();
    broker.refused(&outsider, outsider.question(ISOLATING)).await;
    let deployment = broker.stop().await;
    let new = copied(&deployment);
    let (old, config) = (deployment.path("policies"), deployment.path("disown.toml"));
    let (old, after, config) = (old.to_str().unwrap(), new.path().to_str().unwrap(), config.to_str().unwrap());
    let day = today().to_string();
    let diff =
        || json(&["policy", "diff", old, after, "--on", &day, "--replay", "36500", "--config", config, "--json"]);
    let told = diff();
    assert_eq!((&told["changes"], &told["terms"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!(told["past"]["differ"], serde_json::json!([]));

    let rules = fs::read_to_string(new.path().join("policy.csv")).unwrap();
    let deny = "p, police_officer, isolation_enforcement, people.person.parish, exists, deny\n";
    fs::write(new.path().join("policy.csv"), rules + deny).unwrap();
    let agreement = new.path().join("agreements/sojp-isolation.toml");
    let text = fs::read_to_string(&agreement).unwrap();
    let parties = "\"states-of-jersey-police\"]";
    fs::write(&agreement, text.replace(parties, "\"states-of-jersey-police\", \"parish-of-st-helier\"]")).unwrap();
    let told = diff();
    let change = |role: &str| {
        serde_json::json!({
            "agreement": "sojp-isolation", "role": role, "purpose": "isolation_enforcement",
            "what": "people.person.parish", "before": "full", "after": "withheld",
        })
    };
    assert_eq!(told["changes"], serde_json::json!([change("police_officer"), change("police_sergeant")]));
    assert_eq!(told["terms"], serde_json::json!([{ "agreement": "sojp-isolation", "parts": ["parties"] }]));
    assert_eq!(
        told["past"]["differ"],
        serde_json::json!([
            { "entry": changed, "how": "`people.person.parish` would be `withheld`" },
            { "entry": changed + 2, "how": "it would be granted" },
        ])
    );
    let printed = succeeds(&["policy", "diff", old, after, "--on", &day]);
    assert!(printed.contains("people.person.parish") && printed.contains("agreement sojp-isolation: other parties"));
}

/// What was asked for is on record where the terms stood; what could be anything is not, and is counted apart.
#[tokio::test]
async fn refusals_come_out_the_same_too() {
    let broker = TestBroker::populated().await;
    let (police, clinician) = (police(), clinician());
    let question = |change: fn(&mut disown::pb::QueryRequest)| {
        let mut question = police.question(ISOLATING);
        change(&mut question);
        question
    };
    let repeatable = [
        ("acknowledgement", question(|asked| asked.acknowledged.clear())),
        ("ground", question(|asked| asked.ground.clear())),
        ("ground", question(|asked| asked.ground = "research".to_owned())),
        // Which it was is not on record, and none would have been another.
        ("ground", question(|asked| asked.ground = "because".to_owned())),
        ("nothing_granted", question(|asked| asked.fields = vec!["people.person.email".to_owned()])),
    ];
    let others = [
        ("view", question(|asked| asked.view = "everything".to_owned())),
        ("warrant", question(|asked| asked.warrant = "w-0000000000000000".to_owned())),
        ("case_reference", question(|asked| asked.terms.as_mut().unwrap().case_reference = "none".to_owned())),
    ];
    for (_, asked) in repeatable.iter().chain(&others) {
        assert_eq!(broker.refused(&police, asked.clone()).await.0, tonic::Code::PermissionDenied);
    }
    let entries = broker.entries().await;
    let denials: Vec<_> = entries.iter().map(|(_, actor, _)| actor).filter(|actor| actor["kind"] == "denial").collect();
    let refusals: Vec<_> = denials.iter().map(|actor| actor["refusal"].as_str().unwrap()).collect();
    assert_eq!(refusals, repeatable.iter().chain(&others).map(|(why, _)| *why).collect::<Vec<_>>());
    for said in ["because", "everything", "w-0000", "\"none\""] {
        assert!(!denials.iter().any(|actor| actor.to_string().contains(said)), "{said}");
    }
    broker.told(&clinician, FREE).await;
    let deployment = broker.stop().await;
    let (passed, told) = replay(&deployment);
    assert!(passed, "{told}");
    assert!(told["same"].as_u64().unwrap() > repeatable.len() as u64, "{told}");
    let left: u64 = told["not_repeatable"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(left, others.len() as u64, "{told}");

    // The agreement that was in force then had no such thing: what is on record does not come out of it.
    let forged = "UPDATE entry SET actor = replace(actor, '\"refusal\":\"nothing_granted\"', '\"refusal\":\"ground\"')";
    deployment.tamper(forged).await;
    let (passed, told) = replay(&deployment);
    assert!(!passed && told["differ"].as_array().unwrap().len() == 1, "{told}");
}
