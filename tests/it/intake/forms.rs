//! What comes in as it was said comes out as it was said; a load that is none is refused.

use crate::harness::*;
use disown::pb::{self, load_request::Part};
use tonic::Code;

const NOT_THE_COLUMNS: &str = "`columns`: every column of the dataset, in any order, and no other";
const NOT_A_START: &str = "`start`: a load begins with its start, and has one";

/// Odd, and valid.
const ODD: [&str; 26] = [
    "Re\u{301}ne\u{301}e",
    "Ren\u{e9}e",
    "\u{1e9b}\u{323}",
    "東京都",
    "עברית ו-English",
    "مرحبا بالعالم",
    "می\u{200c}خواهم",
    "👩\u{200d}👩\u{200d}👧 🏳\u{fe0f}\u{200d}🌈",
    "Seán O'Ġakbu \"Johnny\" d’Arc",
    "line one\nline two\r\nline three\ttabbed",
    "a\u{2028}b",
    "=HYPERLINK(\"http://example.org\",\"click\")",
    "+1+1",
    "-2+3|cmd",
    "@SUM(A1:A9)",
    "Robert'); DROP TABLE record;--",
    "' OR '1'='1",
    "NULL",
    "null",
    "0",
    "\\",
    "%s%n{}${HOME}$(id)`id`",
    "<script>alert(1)</script>",
    "a,b;c\"d\"",
    "[AUDIT] released to everybody",
    "JY1047 29C is none",
];

#[tokio::test]
async fn odd_values_come_out_as_they_came_in_sealed_or_not() {
    let broker = TestBroker::empty().await;
    let number = |at: usize| format!("JY{:06}A", 500_000 + at);
    let people = ODD.iter().enumerate().map(|(at, odd)| {
        let number = number(at);
        row(PEOPLE, &[("jy_number", &number), ("given_name", odd), ("family_name", odd), ("address_line", odd)])
    });
    let clinical = ODD.iter().enumerate().map(|(at, odd)| {
        let (number, id) = (number(at), format!("C{at}"));
        let given = [("record_id", id.as_str()), ("jy_number", &number), ("record_type", "condition")];
        row(CLINICAL, &[&given[..], &[("code", odd), ("description", odd)]].concat())
    });
    for (dataset, header, rows) in
        [("people", PEOPLE, people.collect::<Vec<_>>()), ("clinical", CLINICAL, clinical.collect())]
    {
        let delivered = broker.load_values(&registrar(), dataset, header, rows).await.unwrap();
        assert_eq!((delivered.stored, delivered.rejected), (ODD.len() as u64, vec![]));
    }
    for (at, odd) in ODD.iter().enumerate() {
        let told = broker.told(&clinician(), &number(at)).await;
        for field in ["people.person.given_name", "people.person.address_line", "clinical.condition.description"] {
            assert_eq!(told.cells(field), [format!("full:{odd}")]);
        }
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_header_may_stand_in_another_order() {
    let broker = TestBroker::empty().await;
    let mut columns: Vec<_> = PEOPLE.split(',').collect();
    columns.reverse();
    let header = columns.join(",");
    let given = [("jy_number", HEALTHY), ("given_name", "Ana"), ("family_name", "Ferreira"), ("sex", "F")];
    let delivered = broker.load_values(&registrar(), "people", &header, vec![row(&header, &given)]).await.unwrap();
    assert_eq!((delivered.stored, delivered.rejected), (1, vec![]));
    let told = broker.told(&clinician(), HEALTHY).await;
    assert_eq!(told.cells("people.person.given_name"), ["full:Ana"]);
    assert_eq!(told.cells("people.person.sex"), ["full:F"]);
    broker.finish().await;
}

#[tokio::test]
async fn another_header_is_refused() {
    let broker = TestBroker::empty().await;
    let missing = PEOPLE.replace(",phone", "");
    let surplus = format!("{PEOPLE},shoe_size");
    let twice = format!("{PEOPLE},phone");
    let instead = PEOPLE.replace("phone", "email");
    let (no_subject, upper) = (PEOPLE.replace("jy_number", "subject"), PEOPLE.to_uppercase());
    let marked = format!("\u{feff}{PEOPLE}");
    for header in [&missing, &surplus, &twice, &instead, &no_subject, &upper, &marked, "", CLINICAL] {
        let refused = broker.load_values(&registrar(), "people", header, vec![]).await.err().unwrap();
        assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, NOT_THE_COLUMNS), "{header}");
    }
    broker.finish().await;
}

#[tokio::test]
async fn an_unknown_dataset_and_a_source_without_a_name_are_refused() {
    let broker = TestBroker::empty().await;
    for dataset in ["", "parking", "People", "people ", "people.person", "../people", "people'; --"] {
        let refused = broker.load_values(&registrar(), dataset, PEOPLE, vec![]).await.err().unwrap();
        let expected = (Code::InvalidArgument, "`dataset`: a dataset of the catalogue");
        assert_eq!((refused.code(), refused.message()), expected);
    }
    let long = "é".repeat(101);
    let named = format!("from {ISOLATING}");
    let lower = named.to_lowercase();
    for source in ["", "  ", "two\nlines", "\u{1b}[2J", &long, &named, &lower] {
        let start = pb::LoadStart { source: source.to_owned(), ..start(&registrar(), "people", PEOPLE) };
        let refused = broker.load_parts(&registrar(), [Part::Start(start)]).await.err().unwrap();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with("`source`: 1 to 100 characters"), "{}", refused.message());
    }
    broker.finish().await;
}

#[tokio::test]
async fn a_load_has_one_start_and_it_comes_first() {
    let broker = TestBroker::empty().await;
    let given = [("jy_number", HEALTHY), ("given_name", "Ana"), ("family_name", "Ferreira")];
    let a_row = || Part::Row(pb::Row { line: 2, values: row(PEOPLE, &given) });
    let a_start = || Part::Start(start(&registrar(), "people", PEOPLE));
    for parts in [vec![], vec![a_row()], vec![a_row(), a_start()], vec![a_start(), a_row(), a_start()]] {
        let refused = broker.load_parts(&registrar(), parts).await.err().unwrap();
        assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, NOT_A_START));
    }
    assert!(broker.entries().await.iter().all(|(_, actor, _)| actor["kind"] != "input"));
    // Nothing of them was stored; a load without rows stores nothing either.
    assert!(broker.told(&clinician(), HEALTHY).await.answer.records.is_empty());
    let delivered = broker.load_parts(&registrar(), [a_start()]).await.unwrap();
    assert_eq!((delivered.stored, delivered.batches, delivered.rejected), (0, 0, vec![]));
    broker.finish().await;
}

#[tokio::test]
async fn of_a_load_that_is_broken_off_nothing_is_stored() {
    let broker = TestBroker::empty().await;
    let given = [("jy_number", HEALTHY), ("given_name", "Ana"), ("family_name", "Ferreira")];
    let parts = [
        Part::Start(start(&registrar(), "people", PEOPLE)),
        Part::Row(pb::Row { line: 2, values: row(PEOPLE, &given) }),
        Part::Row(pb::Row { line: 3, values: vec![] }),
    ];
    // Line 3 is rejected, so line 2 has arrived; then the client cancels, as it does when its user interrupts it.
    broker.cancelled_load(&registrar(), parts).await;
    // Nor does the end of serving store what is there of it.
    let deployment = broker.stop().await;
    let batches = deployment.count("people", "SELECT count(*) FROM batch").await;
    assert_eq!(batches, 0);
    let broker = deployment.serve().await;
    assert!(broker.entries().await.iter().all(|(_, actor, _)| actor["kind"] != "input"));
    broker.finish().await;
}
