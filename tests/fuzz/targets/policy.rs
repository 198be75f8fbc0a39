//! One file of a policy, named by the first line, in place of its own in a small policy: a policy that loads grants nothing
//! that the red lines forbid, unless it is those that were changed.
#![no_main]

use disown::{
    dataset::{Level, catalogue::LawEnforcement},
    policy::{Asked, InForce, Policy, Terms, authorise},
};
use disown_fuzz::{caller, named, small_policy_with};
use libfuzzer_sys::{Corpus, fuzz_target};
use std::sync::Arc;

const FILES: [&str; 7] = [
    "policy.csv",
    "more.csv",
    "roles.toml",
    "red-lines.toml",
    "catalogue.toml",
    "model.conf",
    "agreements/checks.toml",
];

fuzz_target!(|text: &str| -> Corpus {
    let Some((name, text)) = named(text) else { return Corpus::Reject };
    if !FILES.contains(&name) {
        return Corpus::Reject;
    }
    if let Ok(policy) = small_policy_with(name, text) {
        assert_eq!(policy.cases, 3);
        if name != "red-lines.toml" {
            assert_within_red_lines(policy);
        }
    }
    Corpus::Keep
});

/// Asks for everything, as everybody, for every purpose, under every agreement.
fn assert_within_red_lines(policy: Policy) {
    let in_force = Arc::new(InForce::nowhere(policy));
    let policy = &in_force.policy;
    for agreement in policy.agreements() {
        for party in &agreement.parties {
            for spec in policy.roles.roles() {
                let Some(caller) = caller(party.as_str(), &[spec.role.as_str()]) else { continue };
                for purpose in policy.roles.purposes() {
                    let terms = Terms {
                        role: spec.role.to_string(),
                        purpose: purpose.to_string(),
                        agreement: agreement.id.to_string(),
                        case_reference: "C-1".to_owned(),
                        acknowledged: agreement.handling.digest().to_owned(),
                        ground: agreement.grounds.first().map_or(String::new(), |ground| ground.as_str().to_owned()),
                        ..Terms::default()
                    };
                    let granted = authorise(&in_force, &caller, &terms, &Asked::Everything, "", agreement.valid.from);
                    let Ok(grant) = granted else { continue };
                    for decision in grant.decisions().iter().filter(|one| one.level > Level::Withheld) {
                        let field = &policy.catalogue.field(decision.field).name;
                        let open = policy.catalogue.field(decision.field).law_enforcement == LawEnforcement::Open;
                        assert!(open || !spec.law_enforcement, "{} {field}", spec.role);
                        let checks = ["officer", "sergeant"].contains(&spec.role.as_str());
                        let address = field.starts_with("people.") && field.ends_with(".address");
                        assert!(!(checks && address), "{} {field}", spec.role);
                    }
                }
            }
        }
    }
}
