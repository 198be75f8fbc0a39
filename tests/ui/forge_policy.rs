//! fail-closed: a policy that was not checked cannot be had.

use disown::policy::{Policy, PolicyFiles};

fn forge(real: Policy, files: PolicyFiles) -> Policy {
    Policy { files, ..real }
}

fn main() {}
