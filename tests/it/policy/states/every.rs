//! Every role, purpose, agreement, state of it, state of a warrant, state of broken glass, ground, acknowledgement, and field; restricted
//! or not.

use super::{
    Ground, WARRANTS,
    asking::{Compared, Comparing},
    expected::{Asked, Expecting, Question},
    uses,
    walk::{State, states},
    warrants::{fitting_case, names},
};
use crate::harness::{conditions_of, ground_under};
use disown::policy::{InForce, Terms};
use std::{sync::Arc, thread};

/// None, one that nobody has, and those of two agreements in every state.
const WARRANTS_ASKED: usize = 20;
/// None, one that the police's agreements list, and one that none lists.
const GROUNDS: [&str; 3] = ["", "legal_duty", "consent"];

/// All questions that there are in a state.
struct Asking<'a> {
    ground: &'a Ground,
    comparing: Comparing<'a>,
    state: &'a State,
    in_force: &'a Arc<InForce>,
    all: Vec<usize>,
    compared: Compared,
}

impl Asking<'_> {
    fn ask(&mut self, caller: &str, organisation: &str, terms: &Terms) {
        let (holds, asked) = ([terms.role.as_str()], Asked::Fields(&self.all));
        let question = Question { caller, organisation, holds: &holds, terms, fits: true, asked, day: self.state.day };
        self.comparing.ask((self.in_force, &self.state.standing), &question, &mut self.compared);
    }

    /// Whatever else a question says of itself, of terms that some text of the agreement has.
    fn ask_in_every_way(&mut self, organisation: &str, terms: &Terms) {
        let of = |kind: &str| uses::caller(kind, &terms.agreement, &terms.role);
        let acknowledged = [terms.acknowledged.clone(), conditions_of("parish-support"), String::new()];
        for ground in GROUNDS {
            for acknowledged in &acknowledged {
                let terms = Terms { ground: ground.to_owned(), acknowledged: acknowledged.clone(), ..terms.clone() };
                self.ask("somebody", organisation, &terms);
                // Who broke glass, and says so or does not.
                self.ask(&of("used"), organisation, &terms);
                self.ask(&of("used"), organisation, &Terms { break_glass: true, ..terms });
            }
        }
        let with_glass = Terms { break_glass: true, ..terms.clone() };
        self.ask("somebody", organisation, &with_glass);
        for (kind, _) in uses::KINDS {
            self.ask(&of(kind), organisation, &with_glass);
        }
    }
}

/// How many questions that makes.
const WAYS: usize = GROUNDS.len() * 3 * 3 + 1 + uses::KINDS.len();

fn ask_all(ground: &Ground, state: &State, in_force: &Arc<InForce>) -> Compared {
    let (comparing, all) = (Comparing::new(ground), (0..ground.expecting.oracle.fields.len()).collect());
    let mut asking = Asking { ground, comparing, state, in_force, all, compared: Compared::default() };
    let none = [String::new(), "w-0000000000000000".to_owned()].into_iter();
    let warrants: Vec<String> = none.chain(names(WARRANTS)).chain(names("clinical-care")).collect();
    assert_eq!(warrants.len(), WARRANTS_ASKED);
    for agreement in in_force.policy.agreements() {
        let (id, party) = (agreement.id.as_str(), agreement.parties[0].as_str());
        for role in &ground.expecting.roles {
            for purpose in &ground.expecting.purposes {
                let matters = asking.ground.is_named(id, role, purpose);
                for (warrant, at) in warrants.iter().zip(0..) {
                    let terms = Terms {
                        role: role.clone(),
                        purpose: purpose.clone(),
                        agreement: id.to_owned(),
                        case_reference: fitting_case(id),
                        warrant: warrant.clone(),
                        ground: ground_under(id),
                        acknowledged: conditions_of(id),
                        ..Terms::default()
                    };
                    asking.ask("somebody", party, &terms);
                    // What has nothing to do with warrants is asked once.
                    if at == 0 {
                        asking.ask("somebody", "nobody-we-know", &terms);
                        asking.ask(
                            &uses::caller("used", id, role),
                            party,
                            &Terms { break_glass: true, ..terms.clone() },
                        );
                    }
                    if matters && (at == 0 || warrant.ends_with(id)) {
                        asking.ask_in_every_way(party, &terms);
                    }
                }
            }
        }
    }
    asking.compared
}

/// How many questions there are in a state.
fn questions(ground: &Ground) -> usize {
    let Expecting { roles, purposes, .. } = &ground.expecting;
    let pairs = || roles.iter().flat_map(|role| purposes.iter().map(move |purpose| (role, purpose)));
    let of = |id: &str| {
        let named = pairs().filter(|(role, purpose)| ground.is_named(id, role, purpose)).count();
        let own = if [WARRANTS, "clinical-care"].contains(&id) { names(id).count() } else { 0 };
        pairs().count() * (WARRANTS_ASKED + 2) + named * (1 + own) * WAYS
    };
    ground.first().policy.agreements().map(|agreement| of(agreement.id.as_str())).sum()
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
    let expected = questions(&ground);
    let mut all = Compared::default();
    for (at, state) in states.iter().enumerate() {
        let [unrestricted, restricted] = [compared[0][at], compared[1][at]];
        let Compared { questions, granted, by_warrant, by_glass, .. } = unrestricted;
        println!(
            "{}: {questions} questions, {granted} granted, {by_warrant} fields by warrant, {by_glass} by broken glass",
            state.name
        );
        assert_eq!(questions, expected as u64);
        // Whom it concerns is not looked at yet.
        assert_eq!(unrestricted, restricted);
        all.add(unrestricted);
        all.add(restricted);
    }
    let Compared { questions, fields, granted, by_warrant, by_glass } = all;
    assert_eq!(fields, questions * ground.expecting.oracle.fields.len() as u64);
    assert!(granted > 500 && by_warrant > 200 && by_glass > 200, "hardly anything was granted");
    println!("{questions} questions: {granted} granted, {by_warrant} fields by warrant, {by_glass} by broken glass");
    println!("{} states of every agreement, {fields} decisions compared, 0 disagreements", states.len());
}
