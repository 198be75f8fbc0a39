//! Where what stands about a subject is not understood.

use super::{Ground, Restricted, Restriction, What};
use crate::ids::RestrictionId;

fn id(raw: &str) -> RestrictionId {
    raw.try_into().unwrap()
}

fn begins(raw: &str) -> Option<What> {
    let restriction = Restriction { ground: Ground::Objection, since: "2026-11-21".parse().unwrap() };
    Some(What::Restricted { id: id(raw), restriction })
}

fn ends(raw: &str) -> Option<What> {
    Some(What::Lifted { id: id(raw), told_on: "2026-11-21".parse().unwrap() })
}

#[test]
fn a_subject_is_restricted_while_one_stands() {
    let mut all = Restricted::default();
    assert!(!all.is_restricted("a"));
    let happening = [begins("r-1"), begins("r-2"), ends("r-1"), begins("r-3"), ends("r-3"), ends("r-2")];
    let restricted = [true, true, true, true, true, false];
    for (number, (what, restricted)) in (1..).zip(happening.into_iter().zip(restricted)) {
        assert!(all.take("a", number, what), "event {number}");
        assert_eq!(all.is_restricted("a"), restricted, "after event {number}");
        assert!(!all.is_restricted("b"));
    }
}

/// Something unknown; lifted without having begun, or twice; begun twice; out of its place.
#[test]
fn what_is_not_understood_restricts_for_good() {
    for strange in [None, ends("r-2"), begins("r-1")] {
        let mut all = Restricted::default();
        assert!(all.take("a", 1, begins("r-1")));
        assert!(!all.take("a", 2, strange));
        assert!(all.get("a").unwrap().liftable(&id("r-1")).is_none(), "lifted though it may be another one by now");
        assert!(all.take("a", 3, ends("r-1")));
        assert!(all.is_restricted("a"));
    }
    let mut all = Restricted::default();
    assert!(!all.take("a", 2, begins("r-1")));
    assert!(all.is_restricted("a") && !all.is_restricted("b"));
}
