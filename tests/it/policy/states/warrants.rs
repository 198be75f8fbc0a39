//! Every state that a warrant can be in.

use super::{
    WARRANTS, from,
    ledger::Ledger,
    standing::{Document, WarrantRow},
    until,
};
use crate::{harness::today, policy::asking::terms};
use jiff::ToSpan;

/// The last two are in no agreement of the police, and the last needs none.
pub const NAMED: [&str; 4] =
    ["clinical.condition.code", "clinical.test_result.value", "clinical.condition.site", "people.person.email"];

type Change = fn(&mut Document);

/// What it is called, what happened after it was registered, and what it says otherwise than the one that is good.
const KINDS: [(&str, &[&str], Change); 9] = [
    ("registered", &[], |_| {}),
    ("confirmed", &["confirmed"], |_| {}),
    ("other-case", &["confirmed"], |one| one.case_reference.push('1')),
    ("not-begun", &["confirmed"], |one| one.from = today().saturating_add(1.day())),
    ("expired", &["confirmed"], |one| one.until = today().saturating_sub(1.day())),
    ("used", &["confirmed", "used"], |_| {}),
    ("spent", &["confirmed", "used", "used"], |_| {}),
    ("revoked", &["confirmed", "revoked"], |_| {}),
    ("one-field", &["confirmed"], |one| one.fields.truncate(1)),
];

/// What the states are called.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(kind, ..)| *kind)
}

/// Those under one agreement, by name. Under every other one they are warrants of another agreement.
pub fn names(under: &str) -> impl Iterator<Item = String> {
    kinds().map(move |kind| format!("w-{kind}-{under}"))
}

/// A warrant in each state, each for the case of the agreement that it is under.
pub fn in_every_state(ledger: &mut Ledger, under: &str) {
    let case = fitting_case(under);
    let document = |change: Change| {
        let mut document = Document {
            agreement: under.to_owned(),
            case_reference: case.clone(),
            fields: NAMED.map(str::to_owned).into(),
            from: from(),
            until: until(),
            uses: 2,
        };
        change(&mut document);
        document
    };
    for (kind, events, change) in KINDS {
        let warrant = format!("w-{kind}-{under}");
        let row = |number, event, by: &str, document| WarrantRow {
            warrant: warrant.clone(),
            number,
            event,
            by: by.to_owned(),
            document,
            understood: true,
        };
        ledger.warrant(row(1, "registered", "greffier", Some(document(change))));
        for (event, number) in events.iter().zip(2..) {
            ledger.warrant(row(number, event, if *event == "used" { "" } else { "deputy-greffier" }, None));
        }
    }
}

/// A case reference that fits.
pub fn fitting_case(under: &str) -> String {
    terms("", "", if under == WARRANTS { "sojp-isolation" } else { under }).case_reference
}
