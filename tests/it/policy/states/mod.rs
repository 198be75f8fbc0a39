//! Decisions in every state of agreements, warrants, broken glass and restrictions, against a second implementation that reads the same rows.

mod answered;
mod asking;
mod dice;
mod every;
mod expected;
mod glass;
mod happening;
mod ledger;
mod matrix;
mod random;
mod red_lines;
mod standing;
mod text;
mod uses;
mod walk;
mod warrants;

use super::{asking::Authority, oracle::Oracle};
use crate::harness::*;
use disown::{
    approval::ApproverKey,
    policy::{InForce, Policy, PolicyFiles},
};
use expected::Expecting;
use jiff::{ToSpan, civil::Date};
use ledger::Ledger;
use red_lines::RedLines;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use text::Text;

/// The agreement of the police that lists clinical fields and has a clause for emergencies, as none of the reference policies has.
const WARRANTS: &str = "sojp-warrants";
const CLINICAL_FIELDS: &str = "\"clinical.condition.code\" = \"full\"\n\"clinical.condition.status\" = \"full\"\n\
    \"clinical.test_result.event_date\" = \"coarse\"\n\"clinical.test_result.value\" = \"exists\"\n";
/// Not for all of its roles; some of it is out of reach of law enforcement.
const CLAUSE: &str = "[break_glass]\nroles = [\"police_sergeant\"]\nminutes = 30\nfresh_seconds = 120\n\n\
    [break_glass.fields]\n\"people.person.email\" = \"full\"\n\"people.person.sex\" = \"exists\"\n\
    \"people.person.date_of_birth\" = \"full\"\n\"people.person.phone\" = \"exists\"\n\
    \"clinical.condition.code\" = \"full\"\n\"clinical.condition.site\" = \"full\"\n\
    \"public_health.case_investigation.detail\" = \"full\"\n";
/// In the clause of the clinicians: a red line keeps it from everybody.
const OPENED: &str = "[break_glass.fields]\n\"public_health.isolation.source_id\" = \"full\"\n";
/// A case that says nothing: what is expected is not written down here.
const NOBODY: &str = "[[case]]\nname = \"nobody\"\ncaller = { organisation = \"nobody\", role = \"clinician\" }\n\
    purpose = \"clinical_care\"\nexpect.denied = true\n";
const GRACE: i64 = 10;

/// The reference policies with approvers who have keys, an agreement more, and the same after an edit of every agreement.
struct Ground {
    deployment: Deployment,
    keys: Arc<BTreeMap<String, ApproverKey>>,
    expecting: Expecting,
    authority: Authority,
    texts: BTreeMap<String, Text>,
    approvers: String,
    edited: Arc<InForce>,
}

impl Ground {
    async fn new() -> Self {
        let deployment = Deployment::on(Engine::Sqlite);
        let files = with_warrants(PolicyFiles::read(&deployment.path("policies")).unwrap());
        let edited = edited(files.clone());
        let oracle = Oracle::over(&files);
        let mut texts = BTreeMap::new();
        for files in [&files, &edited] {
            let agreements = files.agreements.iter().filter(|(name, _)| !name.ends_with(".cases.toml"));
            let read = agreements.map(|(_, text)| Text::read(text, &oracle));
            texts.extend(read.map(|text| (text.version.clone(), text)));
        }
        let roles: toml::Table = files.rules["roles.toml"].parse().unwrap();
        let names = |list: &str| roles[list].as_table().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        let red_lines = RedLines::read(&files.rules["red-lines.toml"], &oracle);
        let expecting = Expecting::new(oracle, red_lines, names("roles"), names("purposes"));
        let approvers = files.rules["approvers.toml"].clone();
        let (keys, authority) = (ledger::keys(&deployment), Authority::over(Policy::load(files).await.unwrap()));
        let edited = Arc::new(InForce::nowhere(Policy::load(edited).await.unwrap()));
        Self { deployment, keys, expecting, authority, texts, approvers, edited }
    }

    /// An empty log.
    async fn ledger(&self, folder: &str) -> Ledger {
        let mut ledger = Ledger::new(&self.deployment, folder, self.keys.clone()).await;
        ledger.written.texts = self.texts.clone();
        ledger.written.approvers = text::approvers(&self.approvers);
        ledger
    }

    /// An agreement with a warrant or an emergency in it, or with neither, and each role that any of its texts has.
    fn may_have_broken_glass(&self) -> BTreeSet<(String, String)> {
        let texts = self.texts.values().filter(|text| happening::UNDER.contains(&text.id.as_str()));
        texts.flat_map(|text| text.roles.iter().map(|role| (text.id.clone(), role.clone()))).collect()
    }

    /// Whether some text of an agreement has that role and that purpose: others are refused whatever else is asked.
    fn is_named(&self, agreement: &str, role: &str, purpose: &str) -> bool {
        let mut texts = self.texts.values().filter(|text| text.id == agreement);
        texts.any(|text| text.roles.iter().any(|one| one == role) && text.purposes.iter().any(|one| one == purpose))
    }

    fn first_party(&self, agreement: &str) -> String {
        self.first().policy.agreement(agreement).unwrap().parties[0].to_string()
    }

    /// The policy before the edit, as no log has put it in force.
    fn first(&self) -> &Arc<InForce> {
        &self.authority.in_force
    }
}

/// The days on which something changes: from the first, the last before the review, the last of grace, and the end. Every second
/// agreement ends before it is reviewed.
fn from() -> Date {
    today().saturating_sub(30.days())
}

fn review() -> Date {
    today().saturating_add(30.days())
}

fn until() -> Date {
    today().saturating_add(60.days())
}

fn with_warrants(mut files: PolicyFiles) -> PolicyFiles {
    let police = files.agreements["sojp-isolation.toml"].replace("id = \"sojp-isolation\"", "id = \"sojp-warrants\"");
    let unconditional: String =
        police.lines().filter(|line| !line.starts_with("condition")).map(|line| line.to_owned() + "\n").collect();
    let clinical = unconditional.replace("[fields]\n", &format!("[fields]\n{CLINICAL_FIELDS}"));
    let clinical = clinical.replace("[views]\n", &format!("{CLAUSE}\n[views]\n"));
    files.agreements.insert(format!("{WARRANTS}.toml"), clinical);
    files.agreements.insert(format!("{WARRANTS}.cases.toml"), NOBODY.to_owned());
    let care = files.agreements.get_mut("clinical-care.toml").unwrap();
    assert!(care.contains("[break_glass.fields]\n"));
    *care = care.replace("[break_glass.fields]\n", OPENED);
    for (at, (name, text)) in files.agreements.iter_mut().enumerate() {
        if name.ends_with(".cases.toml") {
            *text = NOBODY.to_owned();
            continue;
        }
        let ends_first = at % 4 == 3;
        let review = if ends_first { until().saturating_add(30.days()) } else { review() };
        let valid =
            format!("valid = {{ from = {}, until = {}, review = {review}, grace_days = {GRACE} }}", from(), until());
        *text = lines(text, |line| if line.starts_with("valid = ") { valid.clone() } else { line.to_owned() });
    }
    files
}

/// Every agreement says something else: one role and one field more, one field less, one less of a field, no views.
fn edited(mut files: PolicyFiles) -> PolicyFiles {
    let texts = files.agreements.iter_mut().filter(|(name, _)| !name.ends_with(".cases.toml"));
    for (_, text) in texts {
        let without_views = text.split("\n[views]").next().unwrap().to_owned() + "\n";
        let other = without_views
            .replace("roles = [", "roles = [\"booking_clerk\", ")
            .replace("[\"booking_clerk\", \"booking_clerk\"", "[\"booking_clerk\", \"clinician\"")
            .replace("[fields]\n", "[fields]\n\"people.person.place_of_birth\" = \"full\"\n")
            .replace("\"people.person.given_name\" = \"full\"\n", "")
            .replace("\"clinical.condition.code\" = \"full\"", "\"clinical.condition.code\" = \"exists\"")
            .replace("\"people.person.family_name\" = \"full\"", "\"people.person.family_name\" = \"coarse\"");
        assert!(other != *text);
        *text = other;
    }
    files
}

fn lines(text: &str, change: impl Fn(&str) -> String) -> String {
    text.lines().map(|line| change(line) + "\n").collect()
}
