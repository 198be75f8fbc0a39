//! What is in force stands in a database that others can reach: whatever anybody writes into it or takes out of it without the brokers'
//! keys, no broker goes by that.

use crate::{
    break_glass::use_for,
    harness::*,
    watch::{look_up, watch},
};
use disown::{app::AppError, approval::Deed, control::ControlError, pb::WatchReason};

/// One of everything, twice where the last one counts, and another policy in the end.
async fn with_much_in_force() -> Deployment {
    let broker = TestBroker::populated().await;
    let parish = agreement("parish-support");
    broker.act("data-protection-officer", &parish, Deed::Suspend).await;
    broker.watched(watch(HEALTHY, WatchReason::Protected)).await.unwrap();
    broker.allowed("superintendent", look_up(HEALTHY)).await.unwrap();
    broker.breaks(&clinician(), use_for(&clinician(), FREE)).await.unwrap();
    broker.restrict(ISOLATING).await;
    let deployment = broker.stop().await;
    deployment.append("policies/policy.csv", "\np, clinician, clinical_care, category:contact, full, deny\n");
    let broker = deployment.serve().await;
    assert!(broker.told(&clinician(), FREE).await.cells("people.person.phone").is_empty());
    broker.stop().await
}

const TABLES: [&str; 4] = ["epoch", "act", "event", "head"];
/// Where the last epoch is the one of a policy, so that others behind it would have nothing to hide behind.
const LAST: &str = "(SELECT max(number) FROM epoch)";

/// What is done, in SQL, and whether a start notices by the chain of epochs, or by the head that is bound to its end.
fn alterations() -> Vec<(&'static str, String)> {
    let last_goes =
        |row: &str| format!("DELETE FROM {row} WHERE epoch = {LAST}; DELETE FROM epoch WHERE number = {LAST}");
    let older = "INSERT INTO epoch SELECT max(number) + 1, (SELECT policy_version FROM epoch WHERE number = 1), \
                 (SELECT files FROM epoch WHERE number = 1), (SELECT seal FROM epoch WHERE number = 1) FROM epoch";
    let head_before = format!(
        "UPDATE head SET epoch = epoch - 1, epoch_seal = (SELECT seal FROM epoch WHERE number = {LAST} - 1) \
         WHERE size = (SELECT max(size) FROM head)"
    );
    vec![
        ("a suspension is gone", "DELETE FROM act WHERE deed = 'suspend'".to_owned()),
        ("it is another agreement's", "UPDATE act SET matter = 'agreement:border-arrivals' WHERE deed = 'suspend'".to_owned()),
        ("its place is that of another", "UPDATE act SET number = number + 1 WHERE deed = 'suspend'".to_owned()),
        (
            "an act more",
            "INSERT INTO act SELECT matter, number + 1, epoch, 'restore', 'people', approver, reason, signature FROM act \
             WHERE deed = 'suspend'"
                .to_owned(),
        ),
        ("a restriction is gone", "DELETE FROM event WHERE about LIKE 'restriction:%'".to_owned()),
        (
            "a restriction is another one",
            "UPDATE event SET what = replace(what, 'objection', 'evidence') WHERE about LIKE 'restriction:%'".to_owned(),
        ),
        (
            "another one is restricted",
            "UPDATE event SET about = replace(about, 'restriction:', 'restriction:00') WHERE about LIKE 'restriction:%'"
                .to_owned(),
        ),
        (
            "a restriction is lifted",
            "INSERT INTO event SELECT about, number + 1, epoch, replace(replace(replace(what, 'restricted', 'lifted'), \
             '\"restriction\":{\"ground\":\"objection\",\"since\"', '\"told_on\"'), '}}}', '}}') FROM event \
             WHERE about LIKE 'restriction:%'"
                .to_owned(),
        ),
        ("a protected person is not watched", "DELETE FROM event WHERE what LIKE '%protected%'".to_owned()),
        (
            "a leave more",
            "INSERT INTO event SELECT about, number + 1, epoch, what FROM event WHERE what LIKE '%allowed%'".to_owned(),
        ),
        (
            "a leave for somebody else",
            "UPDATE event SET what = replace(what, 'pc.', 'pd.') WHERE what LIKE '%allowed%'".to_owned(),
        ),
        ("a use of glass is gone", "DELETE FROM event WHERE what LIKE '%broken%'".to_owned()),
        (
            "it is for longer",
            "UPDATE event SET what = replace(what, '2026-', '2027-') WHERE what LIKE '%broken%'".to_owned(),
        ),
        (
            "a use by another one",
            "INSERT INTO event SELECT replace(about, 'dr.renouf', 'dr.other'), number, epoch, what FROM event \
             WHERE what LIKE '%broken%'"
                .to_owned(),
        ),
        ("an older policy is put in force", older.to_owned()),
        (
            "it has the place of a newer one",
            format!("UPDATE epoch SET files = (SELECT files FROM epoch WHERE number = 1) WHERE number = {LAST}"),
        ),
        ("the last epoch is gone", last_goes("act")),
        ("the last epoch is gone, and its head says so", format!("{head_before}; {}", last_goes("act"))),
        ("a head is of no epoch", format!("UPDATE head SET seal = epoch_seal WHERE epoch = {LAST}")),
        ("an epoch is sealed by another one", format!("UPDATE epoch SET seal = (SELECT seal FROM epoch WHERE number = 2) WHERE number = {LAST}")),
        ("no epoch is sealed", "UPDATE epoch SET seal = substr(seal, 1, 0)".to_owned()),
    ]
}

#[tokio::test]
async fn no_broker_starts_on_what_none_recorded() {
    let mut deployment = with_much_in_force().await;
    let kept: String =
        TABLES.iter().map(|table| format!("CREATE TABLE kept_{table} AS SELECT * FROM {table};")).collect();
    deployment.tamper(&kept).await;
    // What is inserted last refers to what was before.
    let emptied: String = TABLES.iter().rev().map(|table| format!("DELETE FROM {table};")).collect();
    let filled: String =
        TABLES.iter().map(|table| format!("INSERT INTO {table} SELECT * FROM kept_{table};")).collect();
    let restored = format!("{emptied}{filled}");
    for (what, alteration) in alterations() {
        assert!(deployment.tamper(&alteration).await > 0, "nothing was altered: {what}");
        match deployment.build().await {
            Err(AppError::AccessLog(_) | AppError::Control(ControlError::Altered(_))) => {}
            Err(error) => panic!("{what}: {error}"),
            Ok(_) => panic!("a broker starts where {what}"),
        }
        deployment.tamper(&restored).await;
    }
    // As it was it is believed.
    let broker = deployment.serve().await;
    assert!(broker.told(&clinician(), ISOLATING).await.answer.records.is_empty());
    broker.finish().await;
}

/// Nor does a broker that runs follow what somebody puts in force in the database: what is in force stays.
#[tokio::test(flavor = "multi_thread")]
async fn no_broker_follows_what_none_recorded() {
    let deployment = with_much_in_force().await;
    let broker = deployment.serve().await;
    let version = |told: &Told| told.actor()["policy_version"].as_str().unwrap().to_owned();
    let before = version(&broker.told(&clinician(), FREE).await);
    let older = alterations().into_iter().find(|(what, _)| *what == "an older policy is put in force").unwrap().1;
    broker.deployment.tamper(&older).await;
    // Longer than it takes to follow; meanwhile everybody is answered.
    for _ in 0..30 {
        assert_eq!(version(&broker.told(&clinician(), FREE).await), before);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let mut deployment = broker.stop().await;
    assert!(deployment.build().await.is_err(), "a start believes it");
}
