//! Every refusal in its words: what callers are told is decided once, and a change of it shows here.

use crate::harness::*;
use disown::pb::{self, load_request::Part, query_request::Subject};
use std::fmt::Write;
use tonic::{Request, Status};

/// One line a situation: situation, code, message.
#[derive(Default)]
struct Table(String);

impl Table {
    fn told<T>(&mut self, situation: &str, told: Result<T, Status>) {
        let (code, message) = match told {
            Ok(_) => ("Ok".to_owned(), "answered".to_owned()),
            Err(status) => (format!("{:?}", status.code()), status.message().to_owned()),
        };
        writeln!(self.0, "{situation} | {code} | {message}").unwrap();
    }
}

#[tokio::test]
async fn every_refusal_is_told_in_the_words_of_the_table() {
    let broker = TestBroker::populated().await;
    let mut table = Table::default();
    unauthenticated(&broker, &mut table).await;
    denied(&broker, &mut table).await;
    invalid_questions(&broker, &mut table).await;
    invalid_intake(&broker, &mut table).await;
    invalid_audit(&broker, &mut table).await;
    broker.finish().await;
    assert_golden("status-table.txt", &table.0, "every_refusal");
}

async fn unauthenticated(broker: &TestBroker, table: &mut Table) {
    let question = || clinician().question(ISOLATING);
    table.told("no token", broker.access().query(Request::new(question())).await);
    table.told("a token that is none", broker.access().query(with_token("x.y.z", question())).await);
    let load = tokio_stream::iter(vec![pb::LoadRequest::default()]);
    table.told("no token, intake", broker.intake().load(Request::new(load)).await);
    table.told("no token, audit", broker.audit().search(Request::new(pb::SearchRequest::default())).await);
}

async fn denied(broker: &TestBroker, table: &mut Table) {
    let mut ask = async |situation: &str, change: &dyn Fn(&mut Asker)| {
        let mut asker = clinician();
        change(&mut asker);
        table.told(situation, broker.ask(&asker, asker.question(ISOLATING)).await);
    };
    ask("nothing is wrong", &|_| ()).await;
    ask("a role that is not held", &|asker| asker.terms.0 = "contact_tracer".to_owned()).await;
    ask("a role that is none", &|asker| asker.terms.0 = "doctor".to_owned()).await;
    ask("another purpose", &|asker| asker.terms.1 = "contact_tracing".to_owned()).await;
    ask("a purpose that is none", &|asker| asker.terms.1 = "curiosity".to_owned()).await;
    ask("another agreement", &|asker| asker.terms.2 = "contact-tracing".to_owned()).await;
    ask("an agreement that is none", &|asker| asker.terms.2 = "none".to_owned()).await;
    ask("a case reference in another form", &|asker| asker.terms.3 = "ENC-1".to_owned()).await;
    ask("another organisation", &|asker| asker.organisation = "statistics-jersey".to_owned()).await;
    let question = pb::QueryRequest { view: "none".to_owned(), ..clinician().question(ISOLATING) };
    table.told("a view that is none", broker.ask(&clinician(), question).await);
    let subject = Some(Subject::Handle("handle-of-somebody-else".to_owned()));
    let question = pb::QueryRequest { subject, ..clinician().question(ISOLATING) };
    table.told("a handle that is none", broker.ask(&clinician(), question).await);
    let question = pb::QueryRequest { terms: None, ..clinician().question(ISOLATING) };
    table.told("no terms", broker.ask(&clinician(), question).await);
    table.told("nothing granted", broker.ask(&statistician(), statistician().question(ISOLATING)).await);
}

async fn invalid_questions(broker: &TestBroker, table: &mut Table) {
    let usual = || clinician().question(ISOLATING);
    let fields = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
    let subject = |raw: &str| Some(Subject::Identifier(raw.to_owned()));
    for (situation, question) in [
        ("no subject", pb::QueryRequest { subject: None, ..usual() }),
        ("no scheme", pb::QueryRequest { subject: subject(ISOLATING), ..usual() }),
        ("another scheme", pb::QueryRequest { subject: subject("passport:123456"), ..usual() }),
        ("lower case", pb::QueryRequest { subject: subject("jy:jy104729c"), ..usual() }),
        ("a blank after", pb::QueryRequest { subject: subject("jy:JY104729C "), ..usual() }),
        ("full-width digits", pb::QueryRequest { subject: subject("jy:JY\u{ff11}04729C"), ..usual() }),
        ("a long handle", pb::QueryRequest { subject: Some(Subject::Handle("h".repeat(201))), ..usual() }),
        ("a field that is none", pb::QueryRequest { fields: fields(&["people.person.shoe_size"]), ..usual() }),
        ("a field with a star", pb::QueryRequest { fields: fields(&["people.person.*"]), ..usual() }),
        ("too many fields", pb::QueryRequest { fields: vec!["people.person.sex".to_owned(); 501], ..usual() }),
        (
            "fields and a view",
            pb::QueryRequest { fields: fields(&["people.person.sex"]), view: "summary".to_owned(), ..usual() },
        ),
    ] {
        table.told(situation, broker.ask(&clinician(), question).await);
    }
}

async fn invalid_intake(broker: &TestBroker, table: &mut Table) {
    let usual = || start(&registrar(), "people", PEOPLE);
    let source = format!("from {ISOLATING}");
    for (situation, parts) in [
        ("a load without a start", vec![Part::Row(pb::Row::default())]),
        ("a load with two starts", vec![Part::Start(usual()), Part::Start(usual())]),
        ("a dataset that is none", vec![Part::Start(pb::LoadStart { dataset: "parking".to_owned(), ..usual() })]),
        ("another header", vec![Part::Start(pb::LoadStart { columns: vec![], ..usual() })]),
        ("no source", vec![Part::Start(pb::LoadStart { source: String::new(), ..usual() })]),
        ("a source that names a subject", vec![Part::Start(pb::LoadStart { source, ..usual() })]),
    ] {
        table.told(situation, broker.load_parts(&registrar(), parts).await);
    }
    let person = |number: &'static str, sex: &'static str| {
        let given = [("jy_number", number), ("given_name", "A"), ("family_name", "B"), ("sex", sex)];
        PEOPLE
            .split(',')
            .map(|column| (column, given.iter().find(|one| one.0 == column).map_or("", |one| one.1)))
            .collect()
    };
    let (duplicate, code, identifier): (Vec<_>, Vec<_>, Vec<_>) =
        (person(HEALTHY, "F"), person(NOBODY, "f"), person("A. B.", "F"));
    for (situation, record_type, values) in [
        ("a record type that is none", "people.pet", &duplicate),
        ("a record without its columns", "people.person", &vec![]),
        ("a record that breaks a rule", "people.person", &code),
        ("a record without a subject", "people.person", &identifier),
        ("a record that is there", "people.person", &duplicate),
    ] {
        table.told(situation, broker.put(&registrar(), record_type, values).await);
    }
    table.told("a put of what the agreement does not take in", broker.put(&clerk(), "people.person", &duplicate).await);
    let parts = [Part::Start(pb::LoadStart { terms: clerk().pb_terms(), ..usual() })];
    table.told("a load of what the agreement does not take in", broker.load_parts(&clerk(), parts).await);
}

async fn invalid_audit(broker: &TestBroker, table: &mut Table) {
    let terms = || auditor().pb_terms();
    let usual = || pb::SearchRequest { terms: terms(), ..Default::default() };
    let filtered = |filter| pb::SearchRequest { filter: Some(filter), ..usual() };
    for (situation, request) in [
        (
            "a filter that names a subject",
            filtered(pb::LogFilter { caller: ISOLATING.to_owned(), ..Default::default() }),
        ),
        ("a long filter", filtered(pb::LogFilter { kind: "k".repeat(129), ..Default::default() })),
        ("a time that is none", filtered(pb::LogFilter { from: "yesterday".to_owned(), ..Default::default() })),
        ("large pages", pb::SearchRequest { page_size: 1001, ..usual() }),
        ("a page that is none", pb::SearchRequest { page: "-1".to_owned(), ..usual() }),
    ] {
        table.told(situation, broker.audit().search(auditor().request(&broker.deployment, request)).await);
    }
    let request = pb::GetCheckpointRequest { terms: terms(), size: u64::MAX };
    let told = broker.audit().get_checkpoint(auditor().request(&broker.deployment, request)).await;
    table.told("a checkpoint of no size", told);
    let request = pb::ProveInclusionRequest { terms: terms(), index: 1 << 40, size: 1 };
    let told = broker.audit().prove_inclusion(auditor().request(&broker.deployment, request)).await;
    table.told("an entry outside the tree", told);
    let request = pb::ProveConsistencyRequest { terms: terms(), old_size: 0, new_size: 1 };
    let told = broker.audit().prove_consistency(auditor().request(&broker.deployment, request)).await;
    table.told("a tree that is empty", told);
    let request = pb::SearchRequest { terms: clinician().pb_terms(), ..usual() };
    let told = broker.audit().search(clinician().request(&broker.deployment, request)).await;
    table.told("the access log, for no auditor", told);
}
