//! Decisions of the reference policies, over all combinations, against an oracle.

use super::{
    asking::{Authority, Levels},
    oracle::{LEVELS, Oracle},
    reference,
};
use disown::policy::{Asked, LogUse, Operation, Policy, PolicyFiles, Refusal, Right, Terms};
use jiff::civil::{Date, date};

const DAYS: [Date; 6] =
    [date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 1), date(2026, 12, 2), date(2027, 1, 1), date(2100, 1, 1)];

/// Asks for every field under those terms and compares each level with the oracle's; gives how many were compared.
pub fn compare(authority: &Authority, oracle: &Oracle, organisation: &str, terms: &Terms, day: Date) -> usize {
    let caller = authority.caller(organisation, &[&terms.role]);
    let decided = authority.ask_for_all(&caller, terms, day);
    let (role, purpose, agreement) = (terms.role.as_str(), terms.purpose.as_str(), terms.agreement.as_str());
    let at = format!("{organisation} {role} {purpose} {agreement} on {day}");
    if !oracle.stands(organisation, role, purpose, agreement, day) {
        assert!(decided.is_err_and(|refusal| refusal != Refusal::NothingGranted), "{at}: granted");
        return oracle.fields.len();
    }
    let expected = |field: &super::oracle::Field| LEVELS[oracle.level(role, purpose, agreement, field, day)];
    let nothing = oracle.fields.iter().all(|field| expected(field) == "withheld");
    let levels = match decided {
        Err(refusal) => {
            assert!(nothing && refusal == Refusal::NothingGranted, "{at}: refused ({})", refusal.as_str());
            Levels::new()
        }
        Ok(levels) => levels,
    };
    for field in &oracle.fields {
        let decided = levels.get(&field.name).map_or("withheld", |level| level.as_str());
        assert_eq!(decided, expected(field), "{at}: {}", field.name);
    }
    oracle.fields.len()
}

/// Every organisation that is somewhere a party, and one that is nowhere.
pub fn organisations(files: &PolicyFiles, policy: &Policy) -> Vec<String> {
    assert!(!files.agreements.is_empty());
    let mut all: Vec<String> =
        policy.agreements().flat_map(|agreement| &agreement.parties).map(ToString::to_string).collect();
    all.push("nobody-we-know".to_owned());
    all.sort();
    all.dedup();
    all
}

#[tokio::test]
async fn every_decision_of_the_reference_policies_is_the_oracles() {
    let files = reference();
    let oracle = Oracle::over(&files);
    let policy = Policy::load(files.clone()).await.unwrap();
    assert_eq!(policy.catalogue.fields().count(), oracle.fields.len());
    let organisations = organisations(&files, &policy);
    let authority = Authority::over(policy);
    let mut compared = 0;
    for terms in authority.all_terms() {
        for organisation in &organisations {
            compared += compare(&authority, &oracle, organisation, &terms, date(2026, 11, 21));
        }
    }
    assert_eq!(compared, 15 * 13 * 14 * organisations.len() * oracle.fields.len());
}

#[tokio::test]
async fn every_decision_is_the_oracles_on_the_first_and_last_days_too() {
    let files = reference();
    let oracle = Oracle::over(&files);
    let authority = Authority::over(Policy::load(files).await.unwrap());
    for terms in authority.all_terms() {
        for day in DAYS {
            compare(&authority, &oracle, "government-of-jersey", &terms, day);
        }
    }
}

#[tokio::test]
async fn everything_is_what_the_agreement_lists_and_a_view_is_a_part_of_it() {
    let authority = Authority::over(Policy::load(reference()).await.unwrap());
    let day = date(2026, 11, 21);
    for terms in authority.all_terms() {
        let caller = authority.caller("government-of-jersey", &[&terms.role]);
        let agreement = authority.in_force.policy.agreement(&terms.agreement).unwrap();
        let all = authority.ask_for_all(&caller, &terms, day);
        let Ok(everything) = authority.ask(&caller, &terms, &Asked::Everything, day) else {
            assert!(all.is_err());
            continue;
        };
        let all = all.unwrap();
        assert_eq!(everything.len(), agreement.fields.len());
        assert!(everything.iter().all(|(field, level)| all[field] == *level));
        for (name, fields) in &agreement.views {
            let view = authority.ask(&caller, &terms, &Asked::View(name.clone()), day).unwrap();
            assert_eq!(view.len(), fields.len());
            assert!(view.iter().all(|(field, level)| all[field] == *level));
        }
    }
}

#[tokio::test]
async fn a_role_that_the_token_does_not_hold_is_refused_whatever_else_it_holds() {
    let authority = Authority::over(Policy::load(reference()).await.unwrap());
    let day = date(2026, 11, 21);
    for terms in authority.all_terms() {
        let others: Vec<_> = authority.in_force.policy.roles.roles().iter().map(|spec| spec.role.to_string()).collect();
        let others: Vec<&str> = others.iter().map(String::as_str).filter(|role| *role != terms.role).collect();
        let caller = authority.caller("government-of-jersey", &others);
        assert!(matches!(authority.ask_for_all(&caller, &terms, day), Err(Refusal::Role)));
        assert!(authority.may_put(&caller, &terms, day).is_empty());
        assert!(authority.operations(&caller, &terms, day).is_empty());
    }
}

#[tokio::test]
async fn putting_in_and_operations_are_granted_to_those_of_the_lines_and_to_nobody_else() {
    let authority = Authority::over(Policy::load(reference()).await.unwrap());
    let day = date(2026, 11, 21);
    let (mut put, mut done) = (Vec::new(), Vec::new());
    for terms in authority.all_terms() {
        let caller = authority.party_to(&terms);
        let who = format!("{} {} {}", terms.role, terms.purpose, terms.agreement);
        let types = authority.may_put(&caller, &terms, day);
        if !types.is_empty() {
            put.push((who.clone(), types.len()));
        }
        let operations = authority.operations(&caller, &terms, day);
        done.extend(operations.into_iter().map(|operation| (who.clone(), operation)));
    }
    let expected = [
        ("border_clerk border_control arrival-register", 1),
        ("booking_clerk test_booking test-booking", 1),
        ("venue venue_register venue-register", 1),
        ("registrar registration registers", 12),
    ];
    assert_eq!(put, expected.map(|(who, types)| (who.to_owned(), types)));
    let [search, by_subject] = [LogUse::Search, LogUse::BySubject].map(Operation::AccessLog);
    let expected = [
        ("auditor audit audit", search),
        ("data_protection_officer data_protection data-protection", search),
        ("data_protection_officer data_protection data-protection", by_subject),
        ("regulator oversight oversight", search),
        ("rights_officer subject_rights subject-rights", by_subject),
        ("rights_officer subject_rights subject-rights", Operation::Right(Right::Restrict)),
    ];
    assert_eq!(done, expected.map(|(who, operation)| (who.to_owned(), operation)));
}
