//! A file that was cut off: refused, or it grants a part of what the whole does, and never more.

use super::{Edited, asking::Authority, reference};
use disown::{dataset::Level, policy::Policy};
use jiff::civil::date;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a policy grants to somebody.
#[derive(Default)]
struct Granted {
    levels: BTreeMap<String, Level>,
    others: BTreeSet<String>,
}

fn granted(policy: Policy) -> Granted {
    let authority = Authority::over(policy);
    let day = date(2026, 11, 21);
    let mut granted = Granted::default();
    for terms in authority.all_terms() {
        let caller = authority.party_to(&terms);
        let agreement = authority.in_force.policy.agreement(&terms.agreement).unwrap();
        let condition = agreement.condition.as_ref().map(|condition| &condition.text);
        let who = format!("{} {} {} where {condition:?}", terms.role, terms.purpose, terms.agreement);
        for (field, level) in authority.ask_for_all(&caller, &terms, day).unwrap_or_default() {
            granted.levels.insert(format!("{who}: {field}"), level);
        }
        for record_type in authority.may_put(&caller, &terms, day) {
            granted.others.insert(format!("{who} puts {record_type}"));
        }
        for operation in authority.operations(&caller, &terms, day) {
            granted.others.insert(format!("{who} does {operation:?}"));
        }
    }
    granted
}

/// Cuts a file off before each of its lines, and gives how many of the cuts were taken.
async fn cut_everywhere(file: &str) -> usize {
    let whole = granted(Policy::load(reference()).await.unwrap());
    assert!(whole.levels.values().any(|level| *level == Level::Full) && !whole.others.is_empty());
    let text = reference().text(file).clone();
    let mut taken = 0;
    for line in 0..text.lines().count() {
        let cut: String = text.split_inclusive('\n').take(line).collect();
        let Ok(policy) = Policy::load(reference().replaced(file, &cut)).await else { continue };
        taken += 1;
        let part = granted(policy);
        for (what, level) in part.levels {
            let before = whole.levels.get(&what).copied().unwrap_or(Level::Withheld);
            assert!(level <= before, "{file} cut off before line {}: {what} at {}", line + 1, level.as_str());
        }
        assert!(part.others.is_subset(&whole.others), "{file} cut off before line {}", line + 1);
    }
    taken
}

#[tokio::test]
async fn policy_lines_cut_off_anywhere_grant_no_more() {
    // Each block of lines is missed by a case of its agreement.
    assert_eq!(cut_everywhere("policy.csv").await, 0);
}

#[tokio::test]
async fn a_catalogue_cut_off_anywhere_grants_no_more() {
    cut_everywhere("catalogue.toml").await;
}

#[tokio::test]
async fn roles_cut_off_anywhere_grant_no_more() {
    assert_eq!(cut_everywhere("roles.toml").await, 0);
}

#[tokio::test]
async fn an_agreement_cut_off_anywhere_grants_no_more() {
    let names = agreements();
    assert_eq!(names.len(), 14);
    for name in names {
        cut_everywhere(&name).await;
    }
}

#[tokio::test]
async fn red_lines_cut_off_anywhere_grant_no_more() {
    cut_everywhere("red-lines.toml").await;
}

/// Cases are left out: they grant nothing.
fn agreements() -> Vec<String> {
    reference().agreements.into_keys().filter(|name| !name.ends_with(".cases.toml")).collect()
}
