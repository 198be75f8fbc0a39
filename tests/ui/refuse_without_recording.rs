//! log-before-release: a refusal is not told before it is recorded.

use disown::{access::Refused, policy::Denial};

fn turn(denial: Denial) -> Refused {
    denial.into()
}

fn main() {}
