//! Of several duplicates the row of the lowest line is kept, whatever order they come in and however many batches they make.

use crate::{cli::command::disown, harness::*};
use disown::{
    entropy::{Entropy, SeededEntropy},
    pb::{self, load_request::Part},
};
use std::{
    collections::{BTreeSet, HashMap},
    fs,
    os::unix::fs::FileExt,
    path::Path,
};

/// In a batch, so that a load has many.
const IN_A_BATCH: usize = 7;
const SUBJECTS: usize = 20;
/// Each subject or id has a line in each of these parts of the source.
const TIMES: usize = 4;

async fn broker() -> TestBroker {
    let deployment = Deployment::new();
    deployment.edit("disown.toml", "# largest_batch = 100000", &format!("largest_batch = {IN_A_BATCH}"));
    deployment.serve().await
}

fn number(of: u64, at: usize) -> String {
    format!("JY{:06}A", of * 100 + at as u64)
}

/// A source: which of `SUBJECTS` each of its lines is about, the first of them on line 2. Every one comes `TIMES` times, unevenly.
fn source(of: u64) -> Vec<usize> {
    let entropy: &dyn Entropy = &SeededEntropy::new(1_000 + of);
    let mut about: Vec<usize> = (0..SUBJECTS * TIMES).map(|at| at % SUBJECTS).collect();
    entropy.shuffle(&mut about).unwrap();
    about
}

/// The lines that are kept, and those that are not.
fn expected(about: &[usize]) -> (HashMap<usize, u64>, BTreeSet<u64>) {
    let (mut kept, mut rejected) = (HashMap::new(), BTreeSet::new());
    for (about, line) in about.iter().zip(2..) {
        if kept.contains_key(about) {
            rejected.insert(line);
        } else {
            kept.insert(*about, line);
        }
    }
    (kept, rejected)
}

/// The orders in which rows are sent: as an adversary would, and at random.
fn orders(of: u64, rows: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    match of {
        0 => {}
        1 => order.reverse(),
        // The halves the other way round, so that whole batches come before those that they lose to.
        2 => order.rotate_left(rows / 2),
        // The last line first, and the others in their order.
        3 => order.rotate_right(1),
        seed => <dyn Entropy>::shuffle(&SeededEntropy::new(seed), &mut order).unwrap(),
    }
    order
}

fn person(of: u64, at: usize, line: u64) -> Vec<Vec<u8>> {
    let (number, name) = (number(of, at), format!("Line{line}"));
    row(PEOPLE, &[("jy_number", &number), ("given_name", &name), ("family_name", "Ferreira"), ("sex", "F")])
}

fn condition(of: u64, at: usize, line: u64) -> Vec<Vec<u8>> {
    // The same id, of another subject on each line: only the id makes it a duplicate.
    let (id, number) = (format!("C{of}-{at}"), number(of, usize::try_from(line).unwrap() % 100));
    let given = [
        ("record_id", id.as_str()),
        ("jy_number", &number),
        ("record_type", "condition"),
        ("code_system", "SNOMED"),
        ("code", "195967001"),
        ("display", "Asthma"),
        ("event_date", "2026-01-05"),
        ("status", "active"),
    ];
    row(CLINICAL, &given)
}

async fn deliver(
    broker: &TestBroker,
    dataset: &str,
    header: &str,
    of: u64,
    values: fn(u64, usize, u64) -> Vec<Vec<u8>>,
) -> HashMap<usize, u64> {
    let about = source(of);
    let rows: Vec<pb::Row> =
        about.iter().zip(2..).map(|(at, line)| pb::Row { line, values: values(of, *at, line) }).collect();
    let sent = orders(of, rows.len()).into_iter().map(|at| Part::Row(rows[at].clone()));
    let start = Part::Start(start(&registrar(), dataset, header));
    let delivered = broker.load_parts(&registrar(), std::iter::once(start).chain(sent)).await.unwrap();
    let (kept, rejected) = expected(&about);
    let told: Vec<_> = delivered.rejected.iter().map(|(line, _, rule)| (*line, rule.as_str())).collect();
    assert_eq!(told, rejected.iter().map(|line| (*line, "duplicate")).collect::<Vec<_>>(), "order {of} of {dataset}");
    assert_eq!(delivered.stored, SUBJECTS as u64);
    assert_eq!(delivered.batches, SUBJECTS.div_ceil(IN_A_BATCH) as u64);
    kept
}

#[tokio::test]
async fn the_person_on_the_lowest_line_is_kept_in_whatever_order_rows_come() {
    let broker = broker().await;
    for of in 0..24 {
        let kept = deliver(&broker, "people", PEOPLE, of, person).await;
        for at in [0, SUBJECTS / 2, SUBJECTS - 1] {
            let told = broker.told(&clinician(), &number(of, at)).await;
            assert_eq!(told.cells("people.person.given_name"), [format!("full:Line{}", kept[&at])], "order {of}");
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn the_record_on_the_lowest_line_is_kept_in_whatever_order_rows_come() {
    let broker = broker().await;
    for of in 0..24 {
        let kept = deliver(&broker, "clinical", CLINICAL, of, condition).await;
        let held: HashMap<String, usize> = kept.values().fold(HashMap::new(), |mut held, line| {
            *held.entry(number(of, usize::try_from(*line).unwrap() % 100)).or_default() += 1;
            held
        });
        for number in held.keys().take(3) {
            let told = broker.told(&clinician(), number).await;
            assert_eq!(told.cells("clinical.condition.code").len(), held[number], "order {of}");
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_duplicate_of_the_store_keeps_none_out_and_a_row_that_breaks_a_rule_claims_nothing() {
    let broker = broker().await;
    broker.load_values(&registrar(), "clinical", CLINICAL, vec![condition(1, 1, 2)]).await.unwrap();
    let mut broken = condition(1, 2, 2);
    let dated = CLINICAL.split(',').position(|name| name == "event_date").unwrap();
    broken[dated] = b"never".to_vec();
    // Line 2 breaks a rule, so that line 4 is the first of its id; lines 3 and 5 are in the store already.
    let rows = [(5, condition(1, 1, 5)), (4, condition(1, 2, 4)), (3, condition(1, 1, 3)), (2, broken)];
    let rows = rows.map(|(line, values)| Part::Row(pb::Row { line, values }));
    let parts = std::iter::once(Part::Start(start(&registrar(), "clinical", CLINICAL))).chain(rows);
    let delivered = broker.load_parts(&registrar(), parts).await.unwrap();
    let told: Vec<_> = delivered.rejected.iter().map(|(line, _, rule)| (*line, rule.as_str())).collect();
    assert_eq!((told, delivered.stored), (vec![(2, "date"), (3, "duplicate"), (5, "duplicate")], 1));
    broker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_keeps_the_first_line_of_a_file() {
    let broker = broker().await;
    let folder = tempfile::tempdir().unwrap();
    for of in 30..35 {
        let about = source(of);
        let (kept, rejected) = expected(&about);
        let file = folder.path().join(format!("{of}.csv"));
        let line = |values: Vec<Vec<u8>>| String::from_utf8(values.join(&b","[..])).unwrap();
        let lines: Vec<String> = about.iter().zip(2..).map(|(at, number)| line(person(of, *at, number))).collect();
        fs::write(&file, format!("{PEOPLE}\n{}\n", lines.join("\n"))).unwrap();
        let report = load(&broker, &file).await;
        let told: BTreeSet<u64> =
            report["rejected"].as_array().unwrap().iter().map(|one| one["line"].as_u64().unwrap()).collect();
        assert_eq!((told, report["stored"].as_u64()), (rejected, Some(SUBJECTS as u64)));
        assert!(report["batches"].as_u64() > Some(1), "{report}");
        let told = broker.told(&clinician(), &number(of, 0)).await;
        assert_eq!(told.cells("people.person.given_name"), [format!("full:Line{}", kept[&0])]);
    }
    broker.finish().await;
}

async fn load(broker: &TestBroker, file: &Path) -> serde_json::Value {
    let asker = registrar();
    let (role, purpose, agreement, case) = &asker.terms;
    let mut command = disown();
    command
        .env("DISOWN_SERVER", format!("http://{}", broker.address))
        .env("DISOWN_TOKEN", asker.token(&broker.deployment))
        .args(["load", "people"])
        .arg(file)
        .args(["--source", "test", "--json", "--role", role, "--purpose", purpose, "--agreement", agreement])
        .args(["--case", case]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(3), "done in part: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Files of this process in a folder that have no name any more.
fn nameless(folder: &Path) -> Vec<fs::File> {
    let files = fs::read_dir("/proc/self/fd").unwrap().filter_map(|one| {
        let path = one.unwrap().path();
        let name = fs::read_link(&path).ok()?;
        (name.starts_with(folder) && name.to_string_lossy().ends_with("(deleted)"))
            .then(|| fs::File::open(path).ok())?
    });
    files.collect()
}

#[tokio::test]
async fn what_waits_for_the_end_of_a_load_cannot_be_read_and_is_gone_with_it() {
    let broker = broker().await;
    let (rows, parts) = tokio::sync::mpsc::channel(8);
    let registrar = registrar();
    let send = async |part| rows.send(pb::LoadRequest { part: Some(part) }).await.unwrap();
    send(Part::Start(start(&registrar, "people", PEOPLE))).await;
    let request = registrar.request(&broker.deployment, tokio_stream::wrappers::ReceiverStream::new(parts));
    let mut reports = broker.intake().load(request).await.unwrap().into_inner();
    let long = "Ferreira ".repeat(1_000) + "Ferreira";
    for at in 0..300_usize {
        let given = [("jy_number", number(77, 0)), ("given_name", "Ana".to_owned()), ("family_name", long.clone())];
        let given = given.each_ref().map(|(name, value)| (*name, value.as_str()));
        send(Part::Row(pb::Row { line: at as u64 + 2, values: row(PEOPLE, &given) })).await;
    }
    // What is told of this one shows that the broker has the others.
    send(Part::Row(pb::Row { line: 1_000, values: vec![] })).await;
    reports.message().await.unwrap().unwrap();
    let waiting = nameless(broker.deployment.base());
    assert_eq!(waiting.len(), 1, "nothing waits in a file");
    let mut bytes = vec![0; usize::try_from(waiting[0].metadata().unwrap().len()).unwrap()];
    assert!(bytes.len() > 1024 * 1024, "{}", bytes.len());
    waiting[0].read_exact_at(&mut bytes, 0).unwrap();
    let number = number(77, 0);
    let found = forms_in(&bytes, &[&number, "Ferreira"]);
    assert!(found.is_empty(), "{found:?}");
    drop((rows, waiting));
    while reports.message().await.unwrap().is_some() {}
    assert!(nameless(broker.deployment.base()).is_empty(), "it is still there");
    broker.finish().await;
}
