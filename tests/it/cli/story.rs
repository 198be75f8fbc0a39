//! From an empty directory to a proof, over the command line alone.

use super::command::*;
use crate::harness::*;
use rustix::process::Signal;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};
use tempfile::TempDir;

/// A deployment that `disownctl init` laid out and `disownctl serve` serves, with a folder beside it for files of its callers.
pub(super) struct Story {
    folder: TempDir,
    broker: Serving,
}

impl Story {
    pub(super) fn begin() -> Self {
        let folder = tempfile::Builder::new().prefix("disown-test-").tempdir().unwrap();
        let deployment = folder.path().join("deployment");
        let told = succeeds(&["init", "--development", "--listen", "127.0.0.1:0", text(&deployment)]);
        assert!(told.contains("keep it apart from the rest"));
        let broker = Serving::start(&deployment);
        Self { folder, broker }
    }

    pub(super) fn deployment(&self) -> PathBuf {
        self.folder.path().join("deployment")
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn token(&self, asker: &Asker) -> String {
        let config = self.deployment().join("disown.toml");
        let who = ["--caller", &asker.caller, "--organisation", &asker.organisation, "--role", &asker.roles[0]];
        succeeds(&[&["token", "--config", text(&config)][..], &who].concat()).trim().to_owned()
    }

    /// Runs a command of a client, in the asker's name and terms.
    pub(super) fn run(&self, asker: &Asker, arguments: &[&str]) -> String {
        said(self.output(asker, arguments), arguments)
    }

    /// The same, of a command that may fail.
    pub(super) fn output(&self, asker: &Asker, arguments: &[&str]) -> Output {
        let (role, purpose, agreement, case) = &asker.terms;
        let terms = ["--role", role, "--purpose", purpose, "--agreement", agreement, "--case", case];
        let mut command = disown();
        command.env("DISOWN_SERVER", &self.broker.address).env("DISOWN_TOKEN", self.token(asker));
        command.args(arguments).args(terms);
        if arguments[0] == "query" {
            command.args(["--acknowledge", &conditions_of(agreement), "--ground", &ground_under(agreement)]);
        }
        command.output().unwrap()
    }

    fn json(&self, asker: &Asker, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(asker, &[arguments, &["--json"]].concat())).unwrap()
    }

    fn load(&self, dataset: &str, header: &str, rows: &[String]) -> Value {
        let file = self.file(&format!("{dataset}.csv"));
        fs::write(&file, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
        self.json(&registrar(), &["load", dataset, text(&file), "--source", "test"])
    }

    pub(super) fn load_one_person(&self) {
        let row =
            format!("{ISOLATING},Marie,Le Brocq,1984-05-24,F,JE,1 La Grande Rue,St Helier,JE2 3AB,07700 900001,,");
        assert_eq!(self.load("people", PEOPLE, &[row])["stored"], 1);
    }

    /// What a clinician is shown of a field, with its level.
    fn shown(&self, field: &str) -> Value {
        let answer = self.json(&clinician(), &["query", &format!("jy:{ISOLATING}"), "--field", field]);
        answer["records"][0]["cells"][0].clone()
    }
}

#[test]
fn from_an_empty_directory_to_a_proof() {
    let story = Story::begin();
    story.load_one_person();
    let isolates = format!("H2,{ISOLATING},isolation,2026-01-01,,positive_test,,St Helier,,,");
    let nobody = "H3,nobody,isolation,2026-01-01,,,,,,,".to_owned();
    assert_eq!(story.load("public_health", PUBLIC_HEALTH, &[isolates])["rejected"].as_array().unwrap().len(), 0);
    let file = story.file("bad.csv");
    fs::write(&file, format!("{PUBLIC_HEALTH}\n{nobody}\n")).unwrap();
    let (role, purpose, agreement, case) = registrar().terms;
    let mut command = disown();
    command.env("DISOWN_SERVER", &story.broker.address).env("DISOWN_TOKEN", story.token(&registrar()));
    command.args(["load", "public_health", text(&file), "--source", "test", "--json", "--role", &role]);
    let output = command.args(["--purpose", &purpose, "--agreement", &agreement, "--case", &case]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "done in part");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["stored"], &report["rejected"][0]["line"]), (&0.into(), &2.into()));

    // Two answers, each with its receipt.
    let receipts = story.file("receipts.jsonl");
    let subject = format!("jy:{ISOLATING}");
    let keep = ["--receipt-out", text(&receipts)];
    let view = ["query", &subject, "--view", "isolation_check"];
    let answer = story.json(&police(), &[&view[..], &keep].concat());
    let cells: Vec<_> =
        answer["records"].as_array().unwrap().iter().flat_map(|one| one["cells"].as_array()).flatten().collect();
    assert!(cells.iter().any(|cell| cell["field"] == "people.person.given_name" && cell["value"] == "Marie"));
    assert_eq!(answer["handling"].as_array().unwrap().len(), 2);
    let by_handle = format!("handle:{}", answer["handle"].as_str().unwrap());
    assert!(story.run(&police(), &[&["query", &by_handle][..], &keep].concat()).contains("Le Brocq"));

    let (key, export) = (story.deployment().join("log.vkey"), story.file("export.jsonl"));
    let checked = json(&["log", "check-receipt", text(&receipts), "--key", text(&key), "--json"]);
    assert_eq!((&checked["checked"], &checked["failed"]), (&2.into(), &Value::Array(vec![])));
    forge_a_receipt(&receipts, &key);

    let found = story.run(&auditor(), &["log", "search", "--json", "--by", "pc.vautier", "--kind", "release"]);
    let indexes: Vec<u64> = found.lines().map(|line| line_json(line)["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes.len(), 2);
    assert!(indexes.contains(&answer["entry"].as_u64().unwrap()));

    story.run(&auditor(), &["log", "export", "--out", text(&export)]);
    let verified = json(&["log", "verify", "--export", text(&export), "--key", text(&key), "--json"]);
    assert_eq!(verified["entries"], verified["signed"]);
    cut_an_export(&export, &key);

    let bundle = story.file("bundle.json");
    let index = indexes[0].to_string();
    story.run(&auditor(), &["log", "bundle", &index, "--old-size", "3", "--key", text(&key), "--out", text(&bundle)]);
    let bundle = line_json(&fs::read_to_string(bundle).unwrap());
    assert_eq!(bundle["vkey"].as_str().unwrap(), fs::read_to_string(&key).unwrap().trim());
    assert!(bundle["consistency_b64"].as_array().is_some_and(|path| !path.is_empty()));

    let deployment = story.deployment();
    let (code, _) = story.broker.terminate();
    assert_eq!(code, Some(0));
    assert_no_identifier(&deployment);
    let database = deployment.join("data/control.sqlite");
    let verified = json(&["log", "verify", "--database", text(&database), "--key", text(&key), "--json"]);
    assert_eq!(verified["entries"], verified["signed"]);
}

#[test]
fn a_hangup_puts_a_new_policy_in_force_and_a_broken_one_does_not() {
    let mut story = Story::begin();
    story.load_one_person();
    let phone = "people.person.phone";
    assert_eq!(story.shown(phone)["disclosure"], "full");

    let csv = story.deployment().join("policies/policy.csv");
    let lines = fs::read_to_string(&csv).unwrap();
    fs::write(&csv, format!("{lines}p, clinician, clinical_care, category:contact, full, Deny\n")).unwrap();
    story.broker.signal(Signal::HUP);
    let told = story.broker.wait_for("the policy was not reloaded");
    assert!(told.contains("`Deny` is neither"), "{told}");
    assert_eq!(story.shown(phone)["disclosure"], "full");

    let denied = format!(
        "p, clinician, clinical_care, {phone}, full, deny\np, clinician, clinical_care, {phone}, exists, allow\n"
    );
    fs::write(&csv, format!("{lines}{denied}")).unwrap();
    story.broker.signal(Signal::HUP);
    story.broker.wait_for("a new policy is in force");
    assert_eq!(story.shown(phone)["disclosure"], "exists");

    let found = story.run(&auditor(), &["log", "search", "--json", "--kind", "release"]);
    let versions: Vec<Value> = found
        .lines()
        .map(|line| line_json(line_json(line)["actor"].as_str().unwrap())["policy_version"].clone())
        .collect();
    assert_eq!(versions.len(), 3);
    assert!(versions[0] == versions[1] && versions[1] != versions[2]);
    assert_eq!(story.broker.terminate().0, Some(0));
}

/// One character of a digest changed: the receipt does not hold any more, and the line is named.
fn forge_a_receipt(receipts: &Path, key: &Path) {
    let lines = fs::read_to_string(receipts).unwrap();
    let (first, second) = lines.split_once('\n').unwrap();
    let mut forged = line_json(second);
    let other = line_json(first)["answer"].clone();
    forged["answer"] = other;
    let file = receipts.with_extension("forged");
    fs::write(&file, format!("{first}\n{forged}\n")).unwrap();
    let output = disown().args(["log", "check-receipt", text(&file), "--key", text(key), "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = line_json(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(told["failed"][0]["line"], 2);
    assert_eq!(told["failed"][0]["why"], "the receipt covers other bytes than these");
}

/// An export without its last entry does not verify, nor does one with an entry more than was signed.
fn cut_an_export(export: &Path, key: &Path) {
    let text_of = fs::read_to_string(export).unwrap();
    let (kept, _) = text_of.trim_end().rsplit_once('\n').unwrap();
    let file = export.with_extension("cut");
    fs::write(&file, kept).unwrap();
    let told = fails(1, &["log", "verify", "--export", text(&file), "--key", text(key)]);
    assert!(told.contains("does NOT verify"), "{told}");

    let mut forged = line_json(text_of.lines().last().unwrap());
    forged["index"] = Value::from(forged["index"].as_u64().unwrap() + 1);
    fs::write(&file, format!("{text_of}{forged}\n")).unwrap();
    let told = fails(1, &["log", "verify", "--export", text(&file), "--key", text(key)]);
    assert!(told.contains("has no place: the checkpoint was not signed over it"), "{told}");
}

fn line_json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_agreement_is_stopped_and_approved_again_by_those_who_have_its_keys() {
    let story = Story::begin();
    story.load_one_person();
    let person = |name: &str, caller: &str, organisation: &str| {
        let asker = asker(caller, organisation, "registrar", "", "", "");
        (story.token(&asker), story.deployment().join(format!("development-approvers/{name}.pem")))
    };
    let officer = person("data-protection-officer", "dpo@gov.je", "government-of-jersey");
    let run = |(token, key): &(String, PathBuf), arguments: &[&str]| {
        let mut command = disown();
        command.env("DISOWN_SERVER", &story.broker.address).env("DISOWN_TOKEN", token).args(arguments);
        if arguments[1] != "show" {
            command.args(["--key", text(key), "--reason", "the review of July"]);
        }
        command.output().unwrap()
    };
    let does = |person: &(String, PathBuf), arguments: &[&str]| said(run(person, arguments), arguments);
    let shown = does(&officer, &["agreement", "show", "clinical-care"]);
    assert!(shown.starts_with("clinical-care: approved, in force today\n"), "{shown}");
    assert_eq!(story.shown("people.person.given_name")["value"], "Marie");

    let told = does(&officer, &["agreement", "suspend", "clinical-care"]);
    assert!(told.contains("clinical-care: suspended, not in force today"), "{told}");
    assert!(told.contains("suspend by data-protection-officer: the review of July"), "{told}");
    let query = ["query", &format!("jy:{ISOLATING}")];
    let (role, purpose, agreement, case) = clinician().terms;
    let terms = ["--role", &role, "--purpose", &purpose, "--agreement", &agreement, "--case", &case];
    let mut refused = disown();
    refused.env("DISOWN_SERVER", &story.broker.address).env("DISOWN_TOKEN", story.token(&clinician()));
    assert!(!refused.args(query).args(terms).output().unwrap().status.success());

    // What is approved is the file that the approver has read.
    let file = story.deployment().join("policies/agreements/clinical-care.toml");
    let file = text(&file);
    does(&officer, &["agreement", "propose", file]);
    let read = does(&officer, &["agreement", "show", "clinical-care", "--text", "current"]);
    assert_eq!(read, fs::read_to_string(file).unwrap());
    let other = story.file("other.toml");
    fs::write(&other, read.replace("full", "coarse")).unwrap();
    let refused = run(&officer, &["agreement", "approve", text(&other)]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && told.contains("`version`: "), "{told}");
    let all = [
        officer,
        person("chief-officer", "chief-officer@gov.je", "government-of-jersey"),
        person("registrar", "registrar@gov.je", "government-of-jersey"),
        person("medical-director", "medical-director@hcj.je", "health-and-care-jersey"),
        person("director-of-public-health", "director@publichealth.je", "public-health-jersey"),
    ];
    for person in &all {
        does(person, &["agreement", "approve", file]);
    }
    let shown: Value = serde_json::from_str(&does(&all[0], &["agreement", "show", "clinical-care", "--json"])).unwrap();
    assert_eq!((&shown["standing"], &shown["in_force"]), (&"approved".into(), &true.into()));
    assert_eq!(story.shown("people.person.given_name")["value"], "Marie");
}

#[test]
fn a_key_of_an_approver_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("me.pem");
    let made = succeeds(&["agreement", "key", text(&file)]);
    assert!(made.starts_with("key = \"") && made.trim().len() == 52, "{made}");
    let again = disown().args(["agreement", "key", text(&file)]).output().unwrap();
    assert!(!again.status.success());
    assert!(String::from_utf8(again.stderr).unwrap().contains("a key is never overwritten"));
}
