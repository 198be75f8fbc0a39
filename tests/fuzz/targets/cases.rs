//! Cases of an agreement, in a small policy: one whose cases pass has cases. A text that is not even TOML is not brought before
//! it, since a policy is compiled before its cases are read.
#![no_main]

use disown_fuzz::small_policy_with;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if text.parse::<toml::Table>().is_err() {
        return;
    }
    if let Ok(policy) = small_policy_with("agreements/checks.cases.toml", text) {
        assert!(policy.cases > 0);
    }
});
