//! Every state that breaking glass can be in.

use super::{
    glass::{Broken, By, GlassRow},
    ledger::Ledger,
    warrants::fitting_case,
};

/// What happens to a caller.
pub enum Row {
    /// Glass is broken for the agreement, the role and the case, with this change.
    Broken(fn(&mut Broken)),
    Reviewed,
    /// A use that a broker of a later version recorded.
    Later,
    LaterReview,
    /// A use that leaves a place out.
    AfterAGap,
}
use Row::{AfterAGap, Later, LaterReview, Reviewed};

const USED: Row = Row::Broken(|_| {});

/// What each is called, and what happened, one after another.
pub const KINDS: [(&str, &[Row]); 11] = [
    ("used", &[USED]),
    ("other-case", &[Row::Broken(|one| one.case_reference.push('1'))]),
    ("other-agreement", &[Row::Broken(|one| one.agreement = "test-booking".to_owned())]),
    ("other-role", &[Row::Broken(|one| one.role = "statistician".to_owned())]),
    ("reviewed", &[USED, Reviewed]),
    ("used-again", &[USED, Reviewed, USED]),
    ("used-twice", &[USED, USED]),
    ("reviewed-before", &[Reviewed, USED]),
    ("later", &[Later]),
    ("later-review", &[USED, LaterReview]),
    ("after-a-gap", &[AfterAGap]),
];

/// The caller of whom that stands, under an agreement and in a role.
pub fn caller(kind: &str, under: &str, role: &str) -> String {
    format!("{kind}-{under}-{role}")
}

/// A caller in each state, of one organisation.
pub fn in_every_state(ledger: &mut Ledger, organisation: &str, under: &str, role: &str) {
    for (kind, rows) in &KINDS {
        let by = By { organisation: organisation.to_owned(), caller: caller(kind, under, role) };
        for (row, place) in rows.iter().zip(1..) {
            let mut broken =
                Broken { agreement: under.to_owned(), role: role.to_owned(), case_reference: fitting_case(under) };
            if let Row::Broken(change) = row {
                change(&mut broken);
            }
            let broken = (!matches!(row, Reviewed | LaterReview)).then_some(broken);
            let number = if matches!(row, AfterAGap) { place + 1 } else { place };
            let understood = !matches!(row, Later | LaterReview);
            let row = GlassRow { by: by.clone(), number, broken, understood };
            ledger.glass(row);
        }
    }
}
