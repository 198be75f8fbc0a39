//! fail-closed: a grant comes out of authorisation and is not put together by hand.

use disown::policy::{Decision, Grant};

fn forge(real: Grant, decisions: Vec<Decision>) -> Grant {
    Grant { decisions, ..real }
}

fn main() {}
