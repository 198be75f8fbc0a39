//! Each rule of intake rejects by line, column and name, and never repeats a value.

use crate::harness::*;

/// A person in form, with changes.
fn person(changes: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let usual = [("jy_number", HEALTHY), ("given_name", "Ana"), ("family_name", "Ferreira")];
    row(PEOPLE, &[changes, &usual].concat())
}

/// A clinical record in form, with changes.
fn condition(id: &str, changes: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let usual = [("record_id", id), ("jy_number", HEALTHY), ("record_type", "condition"), ("code", "195967001")];
    row(CLINICAL, &[changes, &usual].concat())
}

/// A public health record in form, with changes.
fn isolation(id: &str, changes: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let usual = [("record_id", id), ("jy_number", HEALTHY), ("record_type", "isolation")];
    row(PUBLIC_HEALTH, &[changes, &usual].concat())
}

/// Loads the rows, which must all be rejected: the first in line 2 by the first column and rule, and so on.
async fn assert_rejected(dataset: &str, header: &str, cases: Vec<(Vec<Vec<u8>>, &str, &str)>) {
    let broker = TestBroker::empty().await;
    let lines = 2..;
    let expected: Vec<_> =
        lines.zip(&cases).map(|(line, (_, column, rule))| (line, (*column).to_owned(), (*rule).to_owned())).collect();
    let rows = cases.into_iter().map(|(row, ..)| row).collect();
    let delivered = broker.load_values(&registrar(), dataset, header, rows).await.unwrap();
    assert_eq!(delivered.rejected, expected);
    assert_eq!((delivered.stored, delivered.batches), (0, 0));
    // Nothing came in, so nothing says that something did.
    assert!(broker.entries().await.iter().all(|(_, actor, _)| actor["kind"] != "input"));
    broker.finish().await;
}

#[tokio::test]
async fn a_row_has_as_many_values_as_the_header_in_utf_8() {
    let mut surplus = person(&[]);
    surplus.push(b"more".to_vec());
    let short = person(&[])[..11].to_vec();
    let mut latin_1 = person(&[]);
    latin_1[1] = b"Ren\xe9e".to_vec();
    let mut surrogate = person(&[]);
    surrogate[1] = b"\xed\xa0\x80".to_vec();
    let mut overlong = person(&[]);
    overlong[0] = b"J\xc1\x99350377B".to_vec();
    let cases = vec![
        (surplus, "", "arity"),
        (short, "", "arity"),
        (vec![], "", "arity"),
        (latin_1, "", "encoding"),
        (surrogate, "", "encoding"),
        (overlong, "", "encoding"),
    ];
    assert_rejected("people", PEOPLE, cases).await;
}

#[tokio::test]
async fn a_subject_is_named_in_canonical_form_only() {
    let spellings = [
        "",
        "jy350377B",
        "JY350377b",
        "JY350377E",
        "JY35037B",
        "JY3503770B",
        " JY350377B",
        "JY350377B ",
        "JY 350377B",
        "JY350377B\n",
        "JY350\u{200B}377B",
        "\u{202E}JY350377B",
        "JY\u{FF13}50377B",
        "JY\u{0663}50377B",
        "J\u{0423}350377B",
        "JY350377B\u{0301}",
        "jy:",
        "jy:jy:JY350377B",
        "JY:JY350377B",
        "passport:JY350377B",
        "visitor:V123",
        "V0000123",
        "jy:JY350377B,JY350378B",
    ];
    let cases = spellings.iter().map(|spelling| (person(&[("jy_number", spelling)]), "jy_number", "identifier"));
    assert_rejected("people", PEOPLE, cases.collect()).await;
}

#[tokio::test]
async fn text_that_could_deceive_or_name_a_subject_is_rejected() {
    let too_long = "é".repeat(10_001);
    let (about, visitor) = (format!("daughter of {ISOLATING}, see there"), "came with V0000123");
    let cases = vec![
        (too_long.as_str(), "length"),
        ("a\0b", "control"),
        ("\u{1b}[31mred", "control"),
        ("bell\u{7}", "control"),
        ("a\u{85}b", "control"),
        ("evil\u{202E}txt.exe", "deceptive"),
        ("isolate\u{2066}d", "deceptive"),
        ("zero\u{200B}width", "deceptive"),
        ("\u{FEFF}marked", "deceptive"),
        (" blank before", "whitespace"),
        ("blank after ", "whitespace"),
        ("line end\n", "whitespace"),
        ("\u{a0}no-break", "whitespace"),
        (about.as_str(), "names_subject"),
        (visitor, "names_subject"),
        (ISOLATING, "names_subject"),
    ];
    let cases = cases.into_iter().map(|(value, rule)| (person(&[("address_line", value)]), "address_line", rule));
    assert_rejected("people", PEOPLE, cases.collect()).await;
}

#[tokio::test]
async fn a_subject_identifier_in_other_case_is_one_too() {
    let lower = format!("daughter of {}", ISOLATING.to_lowercase());
    let cases = vec![(person(&[("address_line", &lower)]), "address_line", "names_subject")];
    assert_rejected("people", PEOPLE, cases).await;
}

#[tokio::test]
async fn required_values_codes_and_days_are_checked() {
    let days = ["2026-1-01", "01/02/2026", "20260101", "2026-02-30", "2026-13-01", "+026-01-01", "2026-01-01T00:00"];
    let mut cases = vec![
        (person(&[("given_name", "")]), "given_name", "required"),
        (person(&[("family_name", "")]), "family_name", "required"),
        (person(&[("sex", "f")]), "sex", "code"),
        (person(&[("sex", "FM")]), "sex", "code"),
        (person(&[("date_of_birth", "1899-12-31")]), "date_of_birth", "range"),
        (person(&[("registered_on", "2028-11-22")]), "registered_on", "range"),
        (person(&[("registered_on", "9999-12-31")]), "registered_on", "range"),
    ];
    cases.extend(days.map(|day| (person(&[("date_of_birth", day)]), "date_of_birth", "date")));
    assert_rejected("people", PEOPLE, cases).await;
}

#[tokio::test]
async fn the_edges_of_what_is_allowed_are_let_in() {
    let broker = TestBroker::empty().await;
    let longest = "é".repeat(10_000);
    let rows = vec![
        person(&[("jy_number", ISOLATING), ("date_of_birth", "1900-01-01"), ("sex", "X"), ("address_line", &longest)]),
        person(&[("jy_number", "jy:JY224737A"), ("registered_on", "2028-11-21"), ("date_of_birth", "2024-02-29")]),
    ];
    let delivered = broker.load_values(&registrar(), "people", PEOPLE, rows).await.unwrap();
    assert_eq!((delivered.stored, delivered.rejected), (2, vec![]));
    let told = broker.told(&clinician(), ISOLATING).await;
    assert_eq!(told.cells("people.person.address_line"), [format!("full:{longest}")]);
    broker.finish().await;
}

#[tokio::test]
async fn an_end_is_not_before_its_beginning() {
    let cases = vec![
        (condition("C1", &[("event_date", "2026-11-21"), ("end_date", "2026-11-20")]), "end_date", "order"),
        (condition("", &[]), "record_id", "required"),
        (condition("C3", &[("code", "")]), "code", "required"),
    ];
    assert_rejected("clinical", CLINICAL, cases).await;
    let cases =
        vec![(isolation("H1", &[("event_date", "2026-11-21"), ("end_date", "2026-11-20")]), "end_date", "order")];
    assert_rejected("public_health", PUBLIC_HEALTH, cases).await;
}

#[tokio::test]
async fn a_record_type_is_one_of_the_dataset_and_a_contact_is_a_subject() {
    let mut cases: Vec<_> = ["", "Isolation", "isolation ", "condition", "*", "isolation\0"]
        .map(|name| (isolation("H1", &[("record_type", name)]), "record_type", "record_type"))
        .into();
    for contact in ["Marie Le Brocq", "jy104729C", "V0000123"] {
        cases.push((isolation("H1", &[("contact_jy_number", contact)]), "contact_jy_number", "identifier"));
    }
    assert_rejected("public_health", PUBLIC_HEALTH, cases).await;
}

#[tokio::test]
async fn a_duplicate_is_rejected_within_a_load_and_against_the_store() {
    let broker = TestBroker::empty().await;
    let duplicate = |line, column: &str| vec![(line, column.to_owned(), "duplicate".to_owned())];
    let rows = vec![condition("C1", &[]), condition("C1", &[("jy_number", FREE)]), condition("C2", &[])];
    let delivered = broker.load_values(&registrar(), "clinical", CLINICAL, rows).await.unwrap();
    assert_eq!((delivered.stored, delivered.rejected), (2, duplicate(3, "record_id")));

    let rows = vec![condition("C3", &[]), condition("C2", &[("jy_number", FREE)])];
    let delivered = broker.load_values(&registrar(), "clinical", CLINICAL, rows).await.unwrap();
    assert_eq!((delivered.stored, delivered.rejected), (1, duplicate(3, "record_id")));
    // Ids are a source's own: the same one in another dataset is no duplicate.
    let rows = vec![isolation("C1", &[])];
    let delivered = broker.load_values(&registrar(), "public_health", PUBLIC_HEALTH, rows).await.unwrap();
    assert_eq!((delivered.stored, delivered.rejected), (1, vec![]));
    broker.finish().await;
}

#[tokio::test]
async fn a_subject_has_one_person_record() {
    let broker = TestBroker::empty().await;
    let duplicate = |line| vec![(line, "jy_number".to_owned(), "duplicate".to_owned())];
    let rows = vec![person(&[]), person(&[("given_name", "Another")]), person(&[("jy_number", FREE)])];
    let delivered = broker.load_values(&registrar(), "people", PEOPLE, rows).await.unwrap();
    assert_eq!((delivered.stored, delivered.rejected), (2, duplicate(3)));
    // The scheme spelt out names the same subject.
    let rows = vec![person(&[("jy_number", &format!("jy:{HEALTHY}"))])];
    let delivered = broker.load_values(&registrar(), "people", PEOPLE, rows).await.unwrap();
    assert_eq!((delivered.stored, delivered.rejected), (0, duplicate(2)));
    let told = broker.told(&clinician(), HEALTHY).await;
    assert_eq!(told.cells("people.person.given_name"), ["full:Ana"]);
    broker.finish().await;
}
