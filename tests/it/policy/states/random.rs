//! Questions by chance, in states by chance.

use super::{
    GRACE, Ground,
    asking::{Compared, Comparing},
    dice::Dice,
    expected::{Asked, Question},
    from,
    glass::By,
    happening::{CALLERS, FIELDS, Happening, UNDER},
    review,
    standing::Standing,
    text::Text,
    until,
};
use crate::{harness::*, policy::asking::terms};
use disown::policy::{InForce, Terms};
use jiff::{ToSpan, civil::Date};
use std::{collections::BTreeMap, sync::Arc};

/// Questions in one state, and states in one log.
const QUESTIONS: u64 = 1000;
const STATES: u64 = 20;

const VIEWS: [&str; 6] = ["summary", "reach", "isolation_check", "arrival", "help", "nothing"];

/// How many are asked: a part of a minute's work unless another number is told from outside.
#[expect(clippy::disallowed_methods, reason = "how the tests are run is told from outside")]
fn questions() -> u64 {
    std::env::var("DISOWN_DECISIONS").map_or(50_000, |count| count.parse().unwrap())
}

/// What questions are made of.
struct Asking<'a> {
    ground: &'a Ground,
    comparing: Comparing<'a>,
    /// By agreement.
    cases: BTreeMap<String, [String; 2]>,
    agreements: Vec<String>,
    roles: Vec<&'a str>,
    purposes: Vec<&'a str>,
    parties: Vec<&'a str>,
    days: Vec<Date>,
}

impl<'a> Asking<'a> {
    fn new(ground: &'a Ground) -> Self {
        let agreements: Vec<_> = ground.first().policy.agreements().map(|one| one.id.to_string()).collect();
        let case = |id: &String| {
            let fits = terms("", "", if id == super::WARRANTS { "sojp-isolation" } else { id }).case_reference;
            let other = format!("{}7", &fits[..fits.len() - 1]);
            (id.clone(), [fits, other])
        };
        let texts = ground.texts.values();
        let parties = texts.flat_map(|text| text.parties.iter().map(String::as_str)).chain(["nobody-we-know"]);
        let [first, last, ended] = [review(), review().saturating_add(GRACE.days()), until()];
        let around = |day: Date| (-1..=1).map(move |by| day.saturating_add(by.days()));
        Self {
            cases: agreements.iter().map(case).collect(),
            roles: ground.expecting.roles.iter().map(String::as_str).chain(["nobody", "clinician "]).collect(),
            purposes: ground.expecting.purposes.iter().map(String::as_str).chain(["nothing", "*"]).collect(),
            parties: parties.collect(),
            days: [from(), first, last, ended, today()].into_iter().flat_map(around).collect(),
            comparing: Comparing::new(ground),
            agreements,
            ground,
        }
    }

    fn ask(&self, dice: &mut Dice, now: (&Arc<InForce>, &Standing), warrants: &[String], compared: &mut Compared) {
        let standing: Vec<_> = now.1.warrants.keys().collect();
        let warrant = match dice.below(100) {
            0..50 => String::new(),
            50..53 => "w-ffffffffffffffff".to_owned(),
            53..55 => "*".to_owned(),
            55..70 if !warrants.is_empty() => dice.pick(warrants).clone(),
            70.. if !standing.is_empty() => (*dice.pick(&standing)).clone(),
            _ => String::new(),
        };
        let document = now.1.warrants.get(&warrant);
        let broken: Vec<_> = now.1.glass.iter().collect();
        let used = (!broken.is_empty() && dice.percent(30)).then(|| *dice.pick(&broken));
        let agreement = match (used, document) {
            (Some((_, known)), _) if dice.percent(90) => known.agreement.as_str(),
            (None, Some(known)) if dice.percent(85) => known.agreement.as_str(),
            _ if dice.percent(3) => "no-such-agreement",
            _ if dice.percent(50) => *dice.pick(&UNDER),
            _ => dice.pick(&self.agreements),
        };
        let texts: Vec<_> = self.ground.texts.values().filter(|text| text.id == agreement).collect();
        // Of an agreement that is none the terms are those of any other.
        let any: Vec<_> = self.ground.texts.values().collect();
        let text = dice.pick(if texts.is_empty() { &any } else { &texts });
        let role = match used {
            Some((_, known)) if dice.percent(90) => &known.role,
            _ if dice.percent(85) => dice.pick(&text.roles),
            _ => *dice.pick(&self.roles),
        };
        let purpose = if dice.percent(90) { &text.purposes[0] } else { *dice.pick(&self.purposes) };
        let anybody = By {
            organisation: if dice.percent(90) { dice.pick(&text.parties) } else { *dice.pick(&self.parties) }
                .to_owned(),
            caller: (*dice.pick(&CALLERS)).to_owned(),
        };
        let by = used.map(|(by, _)| by).filter(|_| dice.percent(95)).unwrap_or(&anybody);
        let other = *dice.pick(&self.roles);
        let holds = match dice.below(20) {
            0 => vec![other],
            1..4 if other != role => vec![other, role],
            _ => vec![role],
        };
        let fits = dice.percent(93);
        let case = self.cases.get(agreement).map_or("", |known| dice.pick(known.as_slice()).as_str());
        let of_use = used.map(|(_, known)| known).filter(|known| known.agreement == agreement);
        let case_reference = match (fits, document, of_use) {
            (true, _, Some(known)) if dice.percent(80) => known.case_reference.clone(),
            (true, Some(known), _) if known.agreement == agreement && dice.percent(80) => known.case_reference.clone(),
            (true, ..) => case.to_owned(),
            (false, ..) => {
                let unfit = [String::new(), format!("{case}x"), format!("{case}\n"), format!("jy:{ISOLATING}")];
                dice.pick(&unfit).clone()
            }
        };
        let terms = Terms {
            role: role.to_owned(),
            purpose: purpose.to_owned(),
            agreement: agreement.to_owned(),
            case_reference,
            warrant,
            ground: match dice.below(10) {
                0 => String::new(),
                1 => "consent".to_owned(),
                2 => "court_order".to_owned(),
                _ => ground_under(agreement),
            },
            break_glass: dice.percent(if used.is_some() { 90 } else { 10 }),
            acknowledged: match dice.below(20) {
                0 => String::new(),
                1 => conditions_of("parish-support"),
                _ => text.binding.clone().unwrap_or_default(),
            },
        };
        let places = self.places(dice, text);
        let own: Vec<&str> = text.views.keys().map(String::as_str).collect();
        let view = if own.is_empty() || dice.percent(30) { *dice.pick(&VIEWS) } else { *dice.pick(&own) };
        let asked = match dice.below(10) {
            0..2 => Asked::Everything,
            2..4 => Asked::View(view),
            _ => Asked::Fields(&places),
        };
        let day = if dice.percent(60) { today() } else { *dice.pick(&self.days) };
        let By { caller, organisation } = by;
        let question = Question { caller, organisation, holds: &holds, terms: &terms, fits, asked, day };
        self.comparing.ask(now, &question, compared);
    }

    /// Some fields, with repeats: of the agreement's, of those that warrants name, or any.
    fn places(&self, dice: &mut Dice, text: &Text) -> Vec<usize> {
        let fields = &self.ground.expecting.oracle.fields;
        let of = dice.below(3);
        let from: Vec<usize> = (0..fields.len())
            .filter(|at| match of {
                0 => text.fields[*at] > 0,
                1 => FIELDS.contains(&fields[*at].name.as_str()),
                _ => true,
            })
            .collect();
        let some = 1 + dice.below(8);
        (0..some).filter(|_| !from.is_empty()).map(|_| *dice.pick(&from)).collect()
    }
}

/// A log of its own, brought from one state to the next; in each some questions.
async fn ask_along(ground: &Ground, asking: &Asking<'_>, seed: u64, questions: u64) -> Compared {
    let mut dice = Dice::of(seed);
    let mut compared = Compared::default();
    let mut ledger = ground.ledger(&format!("random-{seed}")).await;
    let [first, edited] = [ground.first().clone(), ground.edited.clone()];
    let versions =
        |id: &str| ground.texts.values().filter(|text| text.id == id).map(|text| text.version.clone()).collect();
    let cases = |id: &str| asking.cases[id].clone();
    let mut before = first.clone();
    // Both, so that the text of either can be read whichever is in force.
    ledger.put(&edited.policy).await;
    ledger.put(&first.policy).await;
    Happening { ledger: &mut ledger, dice: &mut dice, versions: &versions, cases: &cases }.begin();
    let mut warrants = Vec::new();
    while compared.questions < questions {
        if dice.percent(5) {
            before = if dice.percent(50) { first.clone() } else { edited.clone() };
            ledger.put(&before.policy).await;
        }
        for _ in 0..=dice.below(6) {
            Happening { ledger: &mut ledger, dice: &mut dice, versions: &versions, cases: &cases }.act();
        }
        for _ in 0..dice.below(5) {
            Happening { ledger: &mut ledger, dice: &mut dice, versions: &versions, cases: &cases }.warrant();
        }
        for _ in 0..dice.below(5) {
            Happening { ledger: &mut ledger, dice: &mut dice, versions: &versions, cases: &cases }.glass();
        }
        ledger.restrict(dice.percent(50)).await;
        warrants.extend(ledger.written.warrants.iter().skip(warrants.len()).map(|row| row.warrant.clone()));
        let (in_force, standing) = ledger.now(&before, &ground.expecting.oracle).await;
        for _ in 0..QUESTIONS.min(questions - compared.questions) {
            asking.ask(&mut dice, (&in_force, &standing), &warrants, &mut compared);
        }
        before = in_force;
    }
    compared
}

#[tokio::test(flavor = "multi_thread")]
async fn random_questions_in_random_states_are_decided_as_the_oracle_decides() {
    let ground = Ground::new().await;
    let asking = Asking::new(&ground);
    let mut all = Compared::default();
    for seed in 1.. {
        let left = questions() - all.questions;
        if left == 0 {
            break;
        }
        println!("log {seed}");
        all.add(ask_along(&ground, &asking, seed, left.min(QUESTIONS * STATES)).await);
    }
    let Compared { questions, fields, granted, by_warrant, by_glass } = all;
    println!(
        "{questions} random questions in {} states: {granted} granted, {by_warrant} fields by warrant, {by_glass} by broken glass",
        questions / QUESTIONS
    );
    println!("{fields} decisions compared, 0 disagreements");
    assert!(granted > questions / 50 && by_warrant > 0 && by_glass > 0, "too little of it comes to a decision");
}
