//! fail-closed: a plan is made of a grant and cannot be widened by hand.

use disown::{access::Plan, dataset::Selection, dataset::catalogue::DatasetIndex};

fn widen(plan: &mut Plan, dataset: DatasetIndex, selection: Selection) {
    plan.selections.push((dataset, selection));
}

fn main() {}
