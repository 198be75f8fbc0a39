//! Positive control: what the types are for does compile, so that the other files fail for their own reason.
#![expect(dead_code, reason = "that it compiles is the test")]

use disown::{
    access::{Address, Linked, Plan, ReceiptMismatch, Redacted, Refused, Released, plan, redact, refuse, release},
    access_log::{Appender, Entry, Filter, InspectionRecorder, Reader, Receipt, Unavailable},
    dataset::{Catalogue, Store},
    policy::{Denial, Grant},
    pseudonym::{InvalidIdentifier, Keyring, Pseudonym, SubjectIdentifier},
};
use zeroize::Zeroizing;

fn spend(grant: Grant) -> Plan {
    plan(grant)
}

async fn fetch(store: &dyn Store, address: &Address) {
    let _ = store.fetch(address).await;
}

fn redacted(linked: Linked) -> Redacted {
    redact(linked)
}

fn released(answer: Redacted, receipt: Receipt) -> Result<Released, ReceiptMismatch> {
    release(answer, receipt)
}

fn given(answer: Released) -> (Vec<u8>, Receipt) {
    answer.into_parts()
}

async fn refused(denial: Denial, log: &Appender) -> Result<Refused, Unavailable> {
    refuse(denial, log).await
}

async fn append(log: &Appender, entry: Entry) -> Result<Receipt, Unavailable> {
    log.receipted(entry).await
}

async fn read(reader: &Reader) {
    let _ = reader.search(&Filter::default(), 0, 1).await;
}

fn lesser(log: &Appender) -> InspectionRecorder {
    log.for_inspections()
}

fn identifier(raw: String, catalogue: &Catalogue) -> Result<SubjectIdentifier, InvalidIdentifier> {
    SubjectIdentifier::parse(Zeroizing::new(raw), catalogue)
}

async fn pseudonym(keyring: &Keyring, subject: &SubjectIdentifier, catalogue: &Catalogue) -> Vec<Pseudonym> {
    let (_, people) = catalogue.dataset_named("people").unwrap();
    keyring.pseudonymise(&people.id, &[subject]).await.unwrap()
}
