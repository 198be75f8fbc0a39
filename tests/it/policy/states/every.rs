//! Every role, purpose, agreement, state of it, state of a warrant, and field; restricted or not.

use super::{
    GRACE, Ground, WARRANTS, from,
    asking::{Compared, Comparing},
    expected::{Asked, Question},
    ledger::Ledger,
    review,
    standing::{Document, Standing, WarrantRow},
    until,
};
use crate::{harness::*, policy::asking::terms};
use disown::{
    approval::{Deed, Matter},
    policy::{InForce, Terms},
};
use jiff::{ToSpan, civil::Date};
use std::{sync::Arc, thread};

/// What is in force in one state of every agreement, without and with somebody restricted, and the day.
struct State {
    name: &'static str,
    in_force: [Arc<InForce>; 2],
    standing: Standing,
    day: Date,
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

    async fn keep(&mut self, name: &'static str) {
        self.keep_on(&[(name, today())]).await;
    }

    /// What was done since is a state, on each of these days.
    async fn keep_on(&mut self, days: &[(&'static str, Date)]) {
        let oracle = &self.ground.expecting.oracle;
        self.ledger.close_epoch().await;
        self.ledger.restrict(false).await;
        let (unrestricted, _) = self.ledger.now(&self.before, oracle).await;
        self.ledger.close_epoch().await;
        self.ledger.restrict(true).await;
        for (name, day) in days {
            let (restricted, standing) = self.ledger.now(&unrestricted, oracle).await;
            let in_force = [unrestricted.clone(), restricted.clone()];
            self.states.push(State { name, in_force, standing, day: *day });
            self.before = restricted;
        }
    }
}

/// Everybody of whom the one or the other agreement needs the approval, the data protection officer apart.
const PEOPLE: [&str; 13] = [
    "chief-officer", "registrar", "medical-director", "director-of-public-health", "superintendent", "head-of-service",
    "constable-of-st-helier", "hospitality", "chief-statistician", "comptroller", "deputy-commissioner",
    "compliance-manager", "information-commissioner",
];
const DPO: &str = "data-protection-officer";

async fn states(ground: &Ground) -> Vec<State> {
    let mut ledger = ground.ledger("every").await;
    ledger.put(&ground.first().policy).await;
    for under in [WARRANTS, "clinical-care"] {
        warrants(&mut ledger, under).await;
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
    let owners = [("people", "registrar"), ("clinical", "medical-director"), ("public_health", "director-of-public-health")];
    for (id, owner) in owners {
        let id: disown::ids::DatasetId = id.try_into().unwrap();
        walk.all(&[owner], |_, _| Deed::Withdraw(id.clone()));
        walk.keep("a dataset withdrawn from it").await;
        walk.all(&[owner], |_, _| Deed::Restore(id.clone()));
        walk.ledger.act(&Matter::Dataset(id.clone()), Deed::Withdraw(id.clone()), owner);
        walk.keep("a dataset withdrawn from all").await;
        walk.ledger.act(&Matter::Dataset(id.clone()), Deed::Restore(id), owner);
    }
    walk.keep("everything restored").await;
    walk.all(&["chief-officer"], |_, _| Deed::Terminate);
    walk.keep("terminated").await;
    walk.states
}

/// A warrant in each state, each for the case of the agreement that it is under.
async fn warrants(ledger: &mut Ledger, under: &str) {
    let case = everybody_case(under);
    let document = |change: fn(&mut Document)| {
        let mut document = Document {
            agreement: under.to_owned(),
            case_reference: case.clone(),
            fields: ["clinical.condition.code", "clinical.test_result.value", "clinical.condition.site"].map(str::to_owned).into(),
            from: from(),
            until: until(),
            uses: 2,
        };
        change(&mut document);
        document
    };
    let same: fn(&mut Document) = |_| {};
    let kinds: [(&str, &[&str], fn(&mut Document)); 9] = [
        ("registered", &[], same),
        ("confirmed", &["confirmed"], same),
        ("other-case", &["confirmed"], |one| one.case_reference.push('1')),
        ("not-begun", &["confirmed"], |one| one.from = today().saturating_add(1.day())),
        ("expired", &["confirmed"], |one| one.until = today().saturating_sub(1.day())),
        ("used", &["confirmed", "used"], same),
        ("spent", &["confirmed", "used", "used"], same),
        ("revoked", &["confirmed", "revoked"], same),
        ("one-field", &["confirmed"], |one| one.fields.truncate(1)),
    ];
    for (kind, events, change) in kinds {
        let warrant = format!("w-{kind}-{under}");
        let row = |number, event, by: &str, document| WarrantRow {
            warrant: warrant.clone(), number, event, by: by.to_owned(), document, sealed: true,
        };
        ledger.warrant(row(1, "registered", "greffier", Some(document(change))), 1).await;
        for (event, number) in events.iter().zip(2..) {
            ledger.warrant(row(number, event, if *event == "used" { "" } else { "deputy-greffier" }, None), number).await;
        }
    }
}

/// A case reference that fits.
fn everybody_case(under: &str) -> String {
    terms("", "", if under == WARRANTS { "sojp-isolation" } else { under }).case_reference
}

/// Every question that there is in a state.
fn ask_all(ground: &Ground, state: &State, in_force: &Arc<InForce>) -> Compared {
    let comparing = Comparing::new(ground);
    let all: Vec<usize> = (0..ground.expecting.oracle.fields.len()).collect();
    let mut compared = Compared::default();
    let none = [String::new(), "w-0000000000000000".to_owned()];
    let kinds = ["registered", "confirmed", "other-case", "not-begun", "expired", "used", "spent", "revoked", "one-field"];
    let under = |under: &str| kinds.map(|kind| format!("w-{kind}-{under}"));
    let warrants: Vec<String> = none.into_iter().chain(under(WARRANTS)).chain(under("clinical-care")).collect();
    for agreement in in_force.policy.agreements() {
        let organisations = [agreement.parties[0].as_str(), "nobody-we-know"];
        let case_reference = everybody_case(agreement.id.as_str());
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
                    };
                    // Somebody of an organisation that is no party, once: it has nothing to do with warrants.
                    for organisation in &organisations[..if at == 0 { 2 } else { 1 }] {
                        let asked = Asked::Fields(&all);
                        let question = Question { organisation, holds: &holds, terms: &terms, fits: true, asked, day: state.day };
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
    let mut fields = 0;
    for (at, state) in states.iter().enumerate() {
        let [unrestricted, restricted] = [compared[0][at], compared[1][at]];
        let Compared { questions, granted, by_warrant, .. } = unrestricted;
        println!("{}: {questions} questions, {granted} granted, {by_warrant} fields by warrant", state.name);
        // Whom it concerns is not looked at yet.
        assert_eq!((granted, by_warrant), (restricted.granted, restricted.by_warrant));
        fields += unrestricted.fields + restricted.fields;
    }
    println!("{} states of every agreement, {fields} decisions compared, 0 disagreements", states.len());
}
