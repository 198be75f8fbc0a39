//! Every role, purpose, agreement, state of it, state of a warrant, and field; restricted or not.

use super::{
    Ground, WARRANTS,
    asking::{Compared, Comparing},
    expected::{Asked, Expecting, Question},
    walk::{State, states},
    warrants::{fitting_case, names},
};
use crate::harness::{conditions_of, ground_under};
use disown::policy::{InForce, Terms};
use std::{sync::Arc, thread};

/// None, one that nobody has, and those of two agreements in every state.
const WARRANTS_ASKED: usize = 20;

/// Every question that there is in a state.
fn ask_all(ground: &Ground, state: &State, in_force: &Arc<InForce>) -> Compared {
    let comparing = Comparing::new(ground);
    let all: Vec<usize> = (0..ground.expecting.oracle.fields.len()).collect();
    let mut compared = Compared::default();
    let none = [String::new(), "w-0000000000000000".to_owned()].into_iter();
    let warrants: Vec<String> = none.chain(names(WARRANTS)).chain(names("clinical-care")).collect();
    assert_eq!(warrants.len(), WARRANTS_ASKED);
    for agreement in in_force.policy.agreements() {
        let organisations = [agreement.parties[0].as_str(), "nobody-we-know"];
        let case_reference = fitting_case(agreement.id.as_str());
        let (ground_named, acknowledged) = (ground_under(agreement.id.as_str()), conditions_of(agreement.id.as_str()));
        for role in &ground.expecting.roles {
            let holds = [role.as_str()];
            for purpose in &ground.expecting.purposes {
                for (warrant, at) in warrants.iter().zip(0..) {
                    let terms = Terms {
                        role: role.clone(),
                        purpose: purpose.clone(),
                        agreement: agreement.id.to_string(),
                        case_reference: case_reference.clone(),
                        warrant: warrant.clone(),
                        ground: ground_named.clone(),
                        acknowledged: acknowledged.clone(),
                        ..Terms::default()
                    };
                    // Somebody of an organisation that is no party, once: it has nothing to do with warrants.
                    for organisation in &organisations[..if at == 0 { 2 } else { 1 }] {
                        let asked = Asked::Fields(&all);
                        let question =
                            Question { organisation, holds: &holds, terms: &terms, fits: true, asked, day: state.day };
                        comparing.ask((in_force, &state.standing), &question, &mut compared);
                    }
                }
            }
        }
    }
    compared
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_in_every_state_is_the_oracles() {
    let ground = Ground::new().await;
    let states = states(&ground).await;
    let ask_in = |restricted: usize| {
        let of_state = |state| ask_all(&ground, state, &state.in_force[restricted]);
        states.iter().map(of_state).collect::<Vec<_>>()
    };
    let compared = thread::scope(|scope| {
        let [unrestricted, restricted] = [0, 1].map(|restricted| scope.spawn(move || ask_in(restricted)));
        [unrestricted.join().unwrap(), restricted.join().unwrap()]
    });
    let Expecting { oracle, roles, purposes, .. } = &ground.expecting;
    let agreements = ground.first().policy.agreements().count();
    let mut all = Compared::default();
    for (at, state) in states.iter().enumerate() {
        let [unrestricted, restricted] = [compared[0][at], compared[1][at]];
        let Compared { questions, granted, by_warrant, .. } = unrestricted;
        println!("{}: {questions} questions, {granted} granted, {by_warrant} fields by warrant", state.name);
        assert_eq!(questions, (agreements * roles.len() * purposes.len() * (WARRANTS_ASKED + 1)) as u64);
        // Whom it concerns is not looked at yet.
        assert_eq!(unrestricted, restricted);
        all.add(unrestricted);
        all.add(restricted);
    }
    let Compared { questions, fields, granted, by_warrant } = all;
    assert_eq!(fields, questions * oracle.fields.len() as u64);
    assert!(granted > 500 && by_warrant > 200, "hardly anything was granted");
    println!("{} states of every agreement, {fields} decisions compared, 0 disagreements", states.len());
}
