//! A thief holds the stores and no key, and tries to join what one dataset says of a subject with what another says.

mod attacks;
mod thief;

use crate::harness::*;
use attacks::{ATTACKS, Subset, hits, longest_shared_prefix};
use disown::{clock::Clock, pb};
use jiff::ToSpan;
use std::collections::{BTreeMap, HashMap, HashSet};
use thief::{Store, Truth};

const LOADED: usize = 400;
const PUT: usize = 60;
const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];
pub(crate) const DATASETS: [&str; 3] = ["people", "clinical", "public_health"];

/// One hit is what chance gives; eight of them come once in a million.
const CHANCE: usize = 8;

/// A person's number, and their rows in the three datasets.
fn person(at: usize) -> (String, [String; 3]) {
    let number = format!("JY{:06}{}", at * 7919 % 1_000_000, ["A", "B", "C", "D"][at % 4]);
    let parish = ["St Helier", "St Saviour", "St Brelade", "Grouville", "Trinity", "St Ouen"][at * 5 % 6];
    let day = today().saturating_sub(i64::try_from(at * 11 % 90).unwrap().days());
    let people = format!(
        "{number},Given{at},Family{at},19{:02}-05-24,F,JE,{at} La Grande Rue,{parish},JE2 3AB,,,2019-04-01",
        at % 90
    );
    let clinical =
        format!("C{at},{number},test_result,LOINC,94500-6,SARS-CoV-2 RNA PCR,{day},,positive,,final,Overdale");
    let public_health = format!("H{at},{number},isolation,{day},,positive_test,,{parish},,,");
    (number, [people, clinical, public_health])
}

/// Further records of some people, so that subjects differ in how many they have.
fn more(at: usize) -> [Vec<String>; 3] {
    let (number, _) = person(at);
    let day = today().saturating_sub(i64::try_from(at * 13 % 400).unwrap().days());
    let clinical =
        |again| format!("C{at}-{again},{number},condition,SNOMED,195967001,Asthma,{day},,,,active,GP surgery A");
    let public_health = |again| format!("H{at}-{again},{number},case_investigation,{day},,household,home,St Helier,,,");
    [vec![], (0..at % 4).map(clinical).collect(), (0..at % 3).map(public_health).collect()]
}

const HEADERS: [&str; 3] = [PEOPLE, CLINICAL, PUBLIC_HEALTH];
const TYPES: [&str; 3] = ["people.person", "clinical.test_result", "public_health.isolation"];

/// The worst case: everybody in every dataset, in the same order, on one day; then some more, one by one, in the same order.
async fn robbed() -> (TestBroker, [Store; 3], Truth) {
    let broker = TestBroker::empty().await;
    for dataset in 0..3 {
        let rows: Vec<String> = (0..LOADED)
            .flat_map(|at| std::iter::once(person(at).1[dataset].clone()).chain(more(at)[dataset].clone()))
            .collect();
        let delivered = broker.load(&registrar(), DATASETS[dataset], HEADERS[dataset], &rows).await.unwrap();
        assert_eq!((delivered.stored, delivered.batches), (rows.len() as u64, 1), "{:?}", delivered.rejected);
    }
    for at in LOADED..LOADED + PUT {
        for dataset in 0..3 {
            put(&broker, dataset, &person(at).1[dataset]).await;
        }
    }
    // Taken while the broker serves, with everything that lies beside the databases.
    let stores = thief::steal(&broker.deployment).await;
    let truth = Truth::of(&broker.deployment, (0..LOADED + PUT).map(|at| person(at).0)).await;
    (broker, stores, truth)
}

async fn put(broker: &TestBroker, dataset: usize, row: &str) {
    let values: HashMap<String, String> = HEADERS[dataset]
        .split(',')
        .zip(row.split(','))
        .filter(|(name, _)| *name != "record_type")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let terms = registrar().pb_terms();
    let request = pb::PutRequest { terms, record_type: TYPES[dataset].to_owned(), values, source: "test".to_owned() };
    broker.intake().put(registrar().request(&broker.deployment, request)).await.unwrap();
}

/// Prints what each attack joins, and gives those that join more than chance does.
fn attack(stores: &[Store; 3], truth: &Truth, state: &str) -> Vec<String> {
    let mut joined = Vec::new();
    for (name, attack) in ATTACKS {
        for (one, other) in PAIRS {
            for subset in [Subset::Loaded, Subset::Put] {
                let (left, right) = (attack(&stores[one], subset), attack(&stores[other], subset));
                let hits = hits(truth, (one, &left), (other, &right));
                let found = format!(
                    "{name:<40} {:<25} {:<7} {state:<8} {hits} of {}",
                    format!("{} - {}", DATASETS[one], DATASETS[other]),
                    subset.name(),
                    left.len().max(right.len())
                );
                println!("{found}");
                if hits > CHANCE {
                    joined.push(found);
                }
            }
        }
    }
    joined
}

#[tokio::test]
async fn no_order_and_no_value_in_two_stolen_stores_joins_them() {
    if !on_files() {
        return;
    }
    let (broker, stores, truth) = robbed().await;
    println!("{:<40} {:<25} {:<7} {:<8} hits", "attack", "pair", "rows", "stolen");
    let mut joined = attack(&stores, &truth, "serving");
    for store in &stores {
        // The attacks on the file see everybody: they do not fail for want of anything to look at.
        for (_, attack) in ATTACKS.iter().filter(|(name, _)| name.contains("place in the file")) {
            assert_eq!(attack(store, Subset::Loaded).len(), LOADED);
            assert_eq!(attack(store, Subset::Put).len(), PUT);
        }
    }
    for (one, other) in PAIRS {
        for ((name, left), (_, right)) in stores[one].random_values().into_iter().zip(stores[other].random_values()) {
            let (equal, prefix) = (left.intersection(&right).count(), longest_shared_prefix(&left, &right));
            println!(
                "{name:<44} {:<26} {equal} equal, longest shared prefix {prefix} bytes",
                format!("{} - {}", DATASETS[one], DATASETS[other])
            );
            // Of half a million pairs of random values, the best share two or three bytes.
            assert!(equal == 0 && prefix < 6, "{name}: {equal} equal, {prefix} bytes shared");
        }
    }
    let deployment = broker.stop().await;
    joined.extend(attack(&thief::steal(&deployment).await, &truth, "at rest"));
    assert!(joined.is_empty(), "stores are joined by: {joined:#?}");
    deployment.serve().await.finish().await;
}

/// A load of several batches that comes in the source's order: were those batches pieces of the source, they would be the same people
/// in two stores.
#[tokio::test]
async fn no_batch_of_one_store_is_a_batch_of_another() {
    if !on_files() {
        return;
    }
    const IN_A_BATCH: usize = LOADED / 8;
    let deployment = Deployment::new();
    deployment.edit("disown.toml", "# largest_batch = 100000", &format!("largest_batch = {IN_A_BATCH}"));
    let broker = deployment.serve().await;
    for dataset in 0..3 {
        let rows: Vec<String> = (0..LOADED).map(|at| person(at).1[dataset].clone()).collect();
        let delivered = broker.load(&registrar(), DATASETS[dataset], HEADERS[dataset], &rows).await.unwrap();
        assert_eq!((delivered.stored, delivered.batches), (LOADED as u64, 8), "{:?}", delivered.rejected);
    }
    let stores = thief::steal(&broker.deployment).await;
    let truth = Truth::of(&broker.deployment, (0..LOADED).map(|at| person(at).0)).await;
    let batches = |dataset: usize| {
        let mut batches: BTreeMap<&[u8], HashSet<usize>> = BTreeMap::new();
        for row in &stores[dataset].rows {
            batches.entry(&row.batch).or_default().insert(truth.people[dataset][&row.pseudonym]);
        }
        // By their names and by their source, those of a piece of it would be close to each other.
        for people in batches.values() {
            let (first, last) = (people.iter().min().unwrap(), people.iter().max().unwrap());
            assert!(last - first > LOADED / 2, "a batch is a piece of the source");
        }
        batches.into_values().collect::<Vec<_>>()
    };
    for (one, other) in PAIRS {
        for left in batches(one) {
            let shared = batches(other).iter().map(|right| left.intersection(right).count()).max().unwrap();
            assert!(shared < IN_A_BATCH / 2, "{shared} of {IN_A_BATCH} are in one batch of both");
        }
    }
    broker.finish().await;
}

/// A write-ahead log that was kept would have its rows in the order in which they came.
#[tokio::test]
async fn a_store_has_nothing_in_its_write_ahead_log_after_a_batch() {
    if !on_files() {
        return;
    }
    let broker = TestBroker::empty().await;
    for at in 0..3 {
        for (dataset, name) in DATASETS.iter().enumerate() {
            put(&broker, dataset, &person(at).1[dataset]).await;
            let log = broker.deployment.path(&format!("data/{name}.sqlite-wal"));
            assert_eq!(std::fs::metadata(log).unwrap().len(), 0, "{name}");
        }
    }
    broker.finish().await;
}

/// The same attacks find nearly everybody where rows are kept in the order of the file.
#[tokio::test]
async fn the_same_attacks_join_leaky_stores() {
    if !on_files() {
        return;
    }
    let (broker, stores, truth) = robbed().await;
    let leaky = [thief::leaky(&stores[0], &truth, 0).await, thief::leaky(&stores[1], &truth, 1).await];
    for wanted in ["order of the table", "place in the file, each page backwards", "first place in the write-ahead log"]
    {
        let (name, attack) = ATTACKS.iter().find(|(name, _)| *name == wanted).unwrap();
        let (left, right) = (attack(&leaky[0], Subset::Loaded), attack(&leaky[1], Subset::Loaded));
        let hits = hits(&truth, (0, &left), (1, &right));
        println!("leaky: {name}: {hits} of {LOADED}");
        assert!(hits * 100 >= LOADED * 95, "{name}: {hits} of {LOADED}");
    }
    broker.finish().await;
}

/// What the contents give a thief who has no key. It is told, not prevented: public health keeps its days and parishes in the clear,
/// since conditions look at them.
#[tokio::test]
async fn what_the_contents_alone_give_away() {
    if !on_files() {
        return;
    }
    let (broker, stores, truth) = robbed().await;
    for (what, (one, other), traits) in [
        ("record counts and types", (1, 2), [Store::counts as fn(&Store) -> _, Store::counts]),
        ("clear-text days", (1, 2), [Store::days, Store::days]),
        ("parish", (0, 2), [Store::parish, Store::parish]),
        ("counts", (0, 1), [Store::counts, Store::counts]),
    ] {
        let (left, right): (BTreeMap<_, _>, BTreeMap<_, _>) = (traits[0](&stores[one]), traits[1](&stores[other]));
        let groups: HashSet<&String> = left.values().collect();
        let (mut pinned, mut candidates) = (0, 0);
        for (pseudonym, group) in &left {
            let alike: Vec<_> = right.iter().filter(|(_, other)| *other == group).map(|(other, _)| other).collect();
            candidates += alike.len();
            pinned += usize::from(alike.len() == 1 && truth.same((one, pseudonym), (other, alike[0])));
        }
        println!(
            "{what:<26} {} - {}: {} groups, {pinned} of {} pinned down, {} candidates each on average",
            DATASETS[one],
            DATASETS[other],
            groups.len(),
            left.len(),
            candidates / left.len().max(1)
        );
        assert_eq!(left.len(), LOADED + PUT);
        // What is sealed is sealed: no clinical day is in the clear, and no two sealed cells are equal.
        assert!(what != "clear-text days" || groups.len() == 1);
    }
    assert_eq!(stores[1].equal_sealed_cells(), 0);
    broker.finish().await;
}

/// What is not prevented: a page of a database keeps what was added to it since it was last rewritten in the order in which that
/// came, and a young store has few pages; and the day of entry joins those who came alone on theirs.
#[tokio::test]
async fn what_single_records_in_a_young_store_give_away() {
    if !on_files() {
        return;
    }
    let broker = TestBroker::empty().await;
    const FEW: usize = 30;
    let start = broker.deployment.clock.now();
    for at in 0..FEW {
        if at >= FEW - 10 {
            let days = i64::try_from(at + 10 - FEW).unwrap() + 1;
            broker.deployment.clock.set(start + jiff::SignedDuration::from_hours(24 * days));
        }
        for dataset in 0..3 {
            put(&broker, dataset, &person(at).1[dataset]).await;
        }
    }
    let stores = thief::steal(&broker.deployment).await;
    let truth = Truth::of(&broker.deployment, (0..FEW).map(|at| person(at).0)).await;
    println!("{FEW} people put in one by one into empty stores, the last 10 on a day of their own each:");
    let joined = attack(&stores, &truth, "serving");
    // Who came alone on a day is known by it. Nothing else joins: neither the log, nor a page, nor a column but the day.
    assert!(joined.iter().all(|found| found.contains("order of days")), "{joined:#?}");
    broker.deployment.clock.set(start + jiff::SignedDuration::from_hours(240));
    broker.finish().await;
}
