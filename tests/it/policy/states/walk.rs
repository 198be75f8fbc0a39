//! Every state that an agreement can be in, one after another.

use super::{GRACE, Ground, WARRANTS, from, ledger::Ledger, review, standing::Standing, until, uses, warrants};
use crate::harness::*;
use disown::{
    approval::{Deed, Matter},
    policy::InForce,
};
use jiff::{ToSpan, civil::Date};
use std::sync::Arc;

/// What is in force in one state of every agreement, without and with somebody restricted, and the day.
pub struct State {
    pub name: String,
    pub in_force: [Arc<InForce>; 2],
    pub standing: Standing,
    pub day: Date,
}

/// Brings every agreement into one state after another, and keeps each.
struct Walk<'a> {
    ground: &'a Ground,
    ledger: Ledger,
    before: Arc<InForce>,
    states: Vec<State>,
}

impl Walk<'_> {
    fn agreements(&self) -> Vec<String> {
        self.ledger.written.agreements.clone()
    }

    fn version(&self, id: &str, policy: &InForce) -> String {
        policy.policy.agreement(id).unwrap().version.clone()
    }

    /// Each of these does that about every agreement.
    fn all(&mut self, by: &[&str], deed: impl Fn(&Self, &str) -> Deed) {
        for id in self.agreements() {
            let (matter, deed) = (agreement(&id), deed(self, &id));
            by.iter().for_each(|name| self.ledger.act(&matter, deed.clone(), name));
        }
    }

    /// Whoever has to agree to an agreement, the data protection officer last.
    fn agree(&mut self, policy: &Arc<InForce>, name: &[&str]) {
        self.all(&["chief-officer"], |walk, id| Deed::Propose(walk.version(id, policy)));
        self.all(name, |walk, id| Deed::Approve(walk.version(id, policy)));
    }

    async fn keep(&mut self, name: &str) {
        self.keep_on(&[(name, today())]).await;
    }

    /// What was done since is a state, on each of these days.
    async fn keep_on(&mut self, days: &[(&str, Date)]) {
        let oracle = &self.ground.expecting.oracle;
        self.ledger.restrict(false).await;
        let (unrestricted, _) = self.ledger.now(&self.before, oracle).await;
        self.ledger.restrict(true).await;
        for (name, day) in days {
            let (restricted, standing) = self.ledger.now(&unrestricted, oracle).await;
            let in_force = [unrestricted.clone(), restricted.clone()];
            self.states.push(State { name: (*name).to_owned(), in_force, standing, day: *day });
            self.before = restricted;
        }
    }
}

/// Everybody of whom the one or the other agreement needs the approval, the data protection officer apart.
const PEOPLE: [&str; 14] = [
    "chief-officer",
    "registrar",
    "medical-director",
    "director-of-public-health",
    "superintendent",
    "head-of-service",
    "chief-executive-of-ports",
    "constable-of-st-helier",
    "hospitality",
    "chief-statistician",
    "comptroller",
    "deputy-commissioner",
    "compliance-manager",
    "information-commissioner",
];
const DPO: &str = "data-protection-officer";

pub async fn states(ground: &Ground) -> Vec<State> {
    let mut ledger = ground.ledger("every").await;
    ledger.put(&ground.first().policy).await;
    for under in [WARRANTS, "clinical-care"] {
        warrants::in_every_state(&mut ledger, under);
    }
    for (under, role) in ground.may_have_broken_glass() {
        uses::in_every_state(&mut ledger, &ground.first_party(&under), &under, &role);
    }
    let (first, edited) = (ground.first().clone(), ground.edited.clone());
    let mut walk = Walk { ground, ledger, before: first.clone(), states: vec![] };
    walk.keep("a draft").await;
    walk.all(&["chief-officer"], |walk, id| Deed::Propose(walk.version(id, &first)));
    walk.keep("proposed").await;
    walk.all(&PEOPLE[..1], |walk, id| Deed::Approve(walk.version(id, &first)));
    walk.keep("approved by one").await;
    walk.all(&PEOPLE[1..], |walk, id| Deed::Approve(walk.version(id, &first)));
    walk.keep("approved by all but the data protection officer").await;
    walk.all(&[DPO], |walk, id| Deed::Approve(walk.version(id, &first)));
    let (day, review, until) = (1.day(), review(), until());
    walk.keep_on(&[
        ("in force", today()),
        ("not begun", from().saturating_sub(day)),
        ("on its first day", from()),
        ("on the day of its review", review),
        ("its review overdue, within grace", review.saturating_add(GRACE.days())),
        ("past its grace", review.saturating_add((GRACE + 1).days())),
        ("on its last day", until.saturating_sub(day)),
        ("ended", until),
    ])
    .await;
    // Another policy is another reading of all that was done.
    walk.ledger.put(&edited.policy).await;
    walk.before = edited.clone();
    walk.keep("edited after it was approved").await;
    walk.agree(&edited, &PEOPLE);
    walk.keep("edited, and the new text not approved by all").await;
    walk.all(&[DPO], |walk, id| Deed::Approve(walk.version(id, &edited)));
    walk.keep("edited and approved anew").await;
    walk.agree(&first, &PEOPLE);
    walk.all(&[DPO], |walk, id| Deed::Approve(walk.version(id, &first)));
    walk.keep("back at its first text").await;
    walk.all(&[DPO], |_, _| Deed::Suspend);
    walk.keep("suspended").await;
    walk.agree(&first, &PEOPLE);
    walk.keep("suspended, and not approved by all again").await;
    walk.all(&[DPO], |walk, id| Deed::Approve(walk.version(id, &first)));
    walk.keep("approved again").await;
    let owners =
        [("people", "registrar"), ("clinical", "medical-director"), ("public_health", "director-of-public-health")];
    for (id, owner) in owners {
        let id: disown::ids::DatasetId = id.try_into().unwrap();
        walk.all(&[owner], |_, _| Deed::Withdraw(id.clone()));
        walk.keep(&format!("{id} withdrawn from it")).await;
        walk.all(&["superintendent"], |_, _| Deed::Restore(id.clone()));
        walk.keep(&format!("{id} withdrawn from it, and restored by another than its owner")).await;
        walk.all(&[owner], |_, _| Deed::Restore(id.clone()));
        walk.ledger.act(&Matter::Dataset(id.clone()), Deed::Withdraw(id.clone()), owner);
        walk.keep(&format!("{id} withdrawn from all")).await;
        walk.ledger.act(&Matter::Dataset(id.clone()), Deed::Restore(id), owner);
    }
    walk.keep("everything restored").await;
    walk.all(&["chief-officer"], |_, _| Deed::Terminate);
    walk.keep("terminated").await;
    walk.agree(&first, &PEOPLE);
    walk.all(&[DPO], |walk, id| Deed::Approve(walk.version(id, &first)));
    walk.keep("terminated, and approved by all again").await;
    walk.states
}
