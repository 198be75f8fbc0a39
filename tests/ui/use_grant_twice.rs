//! one-version: a grant is spent on one plan.

use disown::{access::plan, policy::Grant};

fn twice(grant: Grant) {
    let _ = plan(grant);
    let _ = plan(grant);
}

fn main() {}
