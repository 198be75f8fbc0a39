//! fail-closed: there is no plan without a grant.

use disown::{access::plan, policy::Denial};

fn go_on(denial: Denial) {
    let _ = plan(denial);
}

fn main() {}
