//! Several roles in one token: a caller acts in one of them, and the others change nothing. Names that only look like a role are none.

use super::{asking::Authority, reference};
use crate::harness::*;
use disown::policy::{Policy, Refusal, Terms};
use tonic::Code;

/// Whatever of it is granted: levels, record types and operations.
type Given = (Result<super::asking::Levels, Refusal>, Vec<String>, usize);

fn given(authority: &Authority, organisation: &str, holds: &[&str], terms: &Terms) -> Given {
    let caller = authority.caller(organisation, holds);
    let levels = authority.ask_for_all(&caller, terms, today());
    let operations = authority.operations(&caller, terms, today()).len();
    (levels, authority.may_put(&caller, terms, today()), operations)
}

#[tokio::test]
async fn who_holds_two_roles_or_all_gets_in_each_what_the_role_alone_gets() {
    let authority = Authority::over(Policy::load(reference()).await.unwrap());
    let policy = &authority.in_force.policy;
    let roles: Vec<&str> = policy.roles.roles().iter().map(|spec| spec.role.as_str()).collect();
    let (mut compared, mut granted) = (0, 0);
    for terms in authority.all_terms() {
        let role = terms.role.as_str();
        for organisation in policy.agreement(&terms.agreement).unwrap().parties.iter().map(|party| party.as_str()) {
            let alone = given(&authority, organisation, &[role], &terms);
            granted += usize::from(alone.0.is_ok() || !alone.1.is_empty() || alone.2 > 0);
            let others = roles.iter().copied().filter(|other| *other != role);
            for holds in others.map(|other| vec![other, role]).chain([roles.clone()]) {
                assert!(given(&authority, organisation, &holds, &terms) == alone, "{role} with {holds:?}");
                compared += 1;
            }
        }
    }
    println!("{compared} tokens of several roles, {granted} terms that give something to a role alone");
    assert!(granted >= 14);
}

/// Each way in which a name can look like another one and be none.
fn lookalikes(name: &str) -> Vec<String> {
    let like =
        [('a', 'а'), ('c', 'с'), ('e', 'е'), ('i', 'і'), ('o', 'о'), ('p', 'р'), ('s', 'ѕ'), ('x', 'х'), ('_', '‗')];
    let confusable = like.iter().filter(|(from, _)| name.contains(*from));
    let mut names: Vec<_> = confusable.map(|(from, to)| name.replacen(*from, &to.to_string(), 1)).collect();
    for mark in [" ", "\t", "\n", "\0", "\u{a0}", "\u{200b}", "\u{feff}", "\u{301}", ",", ";", "*"] {
        names.push(format!("{name}{mark}"));
        names.push(format!("{mark}{name}"));
    }
    let wide: String = name.chars().map(|one| char::from_u32(one as u32 + 0xFEE0).unwrap_or(one)).collect();
    names.extend([name.to_uppercase(), name.replace('_', "-"), format!("{name}{name}"), wide]);
    names.retain(|one| one != name);
    names
}

#[tokio::test]
async fn a_name_that_looks_like_a_role_is_none_in_the_token_nor_in_the_request() {
    let authority = Authority::over(Policy::load(reference()).await.unwrap());
    let mut tried = 0;
    for asker in everybody() {
        let (role, purpose, agreement, _) = &asker.terms;
        let terms = super::asking::terms(role, purpose, agreement);
        for odd in lookalikes(role) {
            // Held and not asked in, asked in and not held, and both.
            let asked = Terms { role: odd.clone(), ..terms.clone() };
            for (holds, terms) in [(odd.as_str(), &terms), (role, &asked), (&odd, &asked)] {
                let Some(caller) = authority.verified("somebody", &asker.organisation, &[holds]) else { continue };
                let decided = authority.ask_for_all(&caller, terms, today());
                assert!(matches!(decided, Err(Refusal::Role)), "{role:?} by {odd:?}");
                assert!(authority.may_put(&caller, terms, today()).is_empty());
                assert!(authority.operations(&caller, terms, today()).is_empty());
                tried += 1;
            }
        }
    }
    println!("{tried} lookalikes of roles refused");
    assert!(tried > 1000);
}

/// The roles of one person come together in nothing: an officer who is a clinician too is told as an officer by the police's terms.
#[tokio::test]
async fn who_is_an_officer_and_a_clinician_is_never_told_as_both() {
    let broker = TestBroker::populated().await;
    let alone = broker.told(&police(), ISOLATING).await.answer.records;
    let mut both = police();
    both.roles.push("clinician".to_owned());
    assert!(broker.told(&both, ISOLATING).await.answer.records == alone);
    // In the other role, under the one's agreement or the other's, for the one's purpose or the other's.
    let [own, clinical] = [police().terms, clinician().terms];
    for (role, purpose, agreement, case) in [
        (&clinical.0, &own.1, &own.2, &own.3),
        (&clinical.0, &clinical.1, &own.2, &own.3),
        (&clinical.0, &clinical.1, &clinical.2, &clinical.3),
        (&own.0, &clinical.1, &own.2, &own.3),
        (&own.0, &clinical.1, &clinical.2, &clinical.3),
    ] {
        both.terms = (role.clone(), purpose.clone(), agreement.clone(), case.clone());
        assert_eq!(broker.refused(&both, both.question(ISOLATING)).await.0, Code::PermissionDenied);
    }
    broker.finish().await;
}
