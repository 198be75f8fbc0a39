//! The command itself: what it prints, how it ends, and one story from an empty directory to a proof.

pub(crate) mod command;
mod outputs;
mod replay;
mod story;
mod subjects;

use crate::harness::*;
use command::*;
use std::fs;

#[test]
fn the_demonstration_shows_four_levels_a_denial_a_proof_and_a_flipped_byte() {
    let told = succeeds(&["demo", "--exit"]);
    for shown in ["■ Marie", "▒ ", "? held", "·"] {
        assert!(told.contains(shown), "the demonstration does not show `{shown}`");
    }
    assert!(told.contains("permission denied"));
    assert!(told.contains("the two answers are the same bytes"));
    for reason in ["nothing_granted", "condition_not_met", "nothing_held"] {
        assert!(told.contains(reason), "the access log does not show `{reason}`");
    }
    assert!(told.contains("holds: entry"));
    assert!(told.contains("one bit of the answer changed: the receipt covers other bytes than these"));
    assert!(told.contains("one byte flipped: entry "));
    assert!(!told.contains("JY"), "a number is printed");
}

#[test]
fn every_subcommand_explains_itself() {
    let mut asked = vec![vec![]];
    let mut count = 0;
    while let Some(path) = asked.pop() {
        let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = succeeds(&arguments);
        assert!(help.contains("Usage:"), "{arguments:?} does not say how it is used");
        count += 1;
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in commands.take_while(|line| line.starts_with("  ")) {
            let name = line.split_whitespace().next().unwrap();
            if name != "help" && !line.starts_with("   ") {
                asked.push([path.clone(), vec![name.to_owned()]].concat());
            }
        }
    }
    assert!(count >= 18, "only {count} commands were found");
}

#[test]
fn serving_without_a_configuration_says_how_to_get_one() {
    let empty = tempfile::tempdir().unwrap();
    let config = empty.path().join("disown.toml");
    let told = fails(64, &["serve", "--config", config.to_str().unwrap()]);
    assert!(told.contains("`disownctl init DIR` lays out a deployment to start from"), "{told}");
}

#[test]
fn a_configuration_with_a_fault_is_refused_by_name() {
    let deployment = Deployment::new();
    let path = deployment.path("disown.toml");
    let good = fs::read_to_string(&path).unwrap();
    let faults = [
        ("broker =", "borker =", "unknown field `borker`"),
        ("[access_log]", "[access_log]\nmax_page = 1", "unknown field `max_page`"),
        ("Europe/Jersey", "Europe/Sark", "`Europe/Sark` is not a time zone"),
        ("plaintext = true", "", "`listen`: give `tls"),
        ("127.0.0.1:0", "0.0.0.0:0", "`listen`: give `tls"),
    ];
    for (from, to, says) in faults {
        assert!(good.contains(from));
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        let told = fails(64, &["serve", "--development", "--config", path.to_str().unwrap()]);
        assert!(told.contains(says), "`{to}` is told as: {told}");
    }
}

#[test]
fn the_development_issuer_is_not_trusted_unless_somebody_says_so() {
    let deployment = Deployment::new();
    let told = fails(64, &["serve", "--config", deployment.path("disown.toml").to_str().unwrap()]);
    assert!(told.contains("--development"), "{told}");
}

#[test]
fn the_policies_of_the_repository_pass_and_a_broken_copy_does_not() {
    let summary = json(&["policy", "check", "policies", "--json"]);
    assert_eq!(summary["agreements"], 14);
    assert!(summary["cases"].as_u64().unwrap() >= 40);
    assert_eq!(summary["version"].as_str().unwrap().len(), 64);

    let copy = Deployment::new();
    let folder = copy.path("policies");
    let folder = folder.to_str().unwrap();
    assert!(succeeds(&["policy", "check", folder]).contains("no red line is crossed"));
    copy.edit("policies/policy.csv", "category:clinical_health, exists, deny", "category:clinical_health, full, Deny");
    let told = fails(1, &["policy", "check", folder]);
    assert!(told.contains("policy.csv, line 37: `Deny` is neither `allow` nor `deny`"), "{told}");
}

#[test]
fn a_decision_is_explained_by_the_lines_behind_it() {
    let terms = ["--role", "police_officer", "--purpose", "isolation_enforcement", "--agreement", "sojp-isolation"];
    let explain = |more: &[&'static str]| -> Vec<&'static str> {
        [&["policy", "explain", "policies", "--on", "2026-11-21"], &terms[..], more].concat()
    };
    let told = json(&explain(&["--field", "people.person.date_of_birth", "--json"]));
    assert_eq!((&told["shown"], &told["agreement"]), (&"coarse".into(), &"coarse".into()));
    let lines: Vec<_> = told["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert!(lines.len() == 2 && lines[0].ends_with("full, deny") && lines[1].ends_with("coarse, allow"), "{lines:?}");
    let told = json(&explain(&["--field", "clinical.condition.code", "--json"]));
    assert!(told["hard_rule"].as_str().unwrap().contains("with a warrant only"), "{told}");
    assert!(succeeds(&explain(&["--field", "clinical.condition.code"])).contains("withheld"));
    let told = fails(1, &explain(&["--field", "people.person.phon"]));
    assert!(told.contains("`people.person.phon` is no field"), "{told}");
    let told = fails(1, &["policy", "explain", "--role", "police", "--purpose", "audit", "--agreement", "statistics"]);
    assert!(told.contains("lists no field"), "{told}");
    let wrong = ["--role", "police", "--purpose", "audit", "--agreement", "sojp-isolation"];
    let told = fails(1, &[&["policy", "explain"][..], &wrong].concat());
    assert!(told.contains("`police` is not a role of roles.toml"), "{told}");
}

#[test]
fn an_unknown_key_is_told_with_the_one_probably_meant() {
    let deployment = Deployment::new();
    deployment.edit("disown.toml", "reflection = false", "reflexion = false");
    let path = deployment.path("disown.toml");
    let told = fails(64, &["serve", "--config", path.to_str().unwrap()]);
    assert!(told.contains("unknown field `reflexion`") && told.contains("did you mean `reflection`?"), "{told}");
    deployment.edit("policies/agreements/audit.toml", "access_log = ", "acess_log = ");
    let folder = deployment.path("policies");
    let told = fails(1, &["policy", "check", folder.to_str().unwrap()]);
    assert!(told.contains("did you mean `access_log`?"), "{told}");
}

#[test]
fn a_deployment_is_never_overwritten() {
    let deployment = Deployment::new();
    let key = fs::read(deployment.path("keyring.json")).unwrap();
    let told = fails(1, &["init", deployment.base().to_str().unwrap()]);
    assert!(told.contains("a deployment is never overwritten"), "{told}");
    assert!(fs::read(deployment.path("keyring.json")).unwrap() == key);
}

#[test]
fn a_deployment_without_development_issuer_gives_no_tokens() {
    let folder = tempfile::tempdir().unwrap();
    succeeds(&["init", folder.path().to_str().unwrap()]);
    let config = folder.path().join("disown.toml");
    let who = ["--caller", "a", "--organisation", "b", "--role", "clinician"];
    let told = fails(1, &[&["token", "--config", config.to_str().unwrap()][..], &who].concat());
    assert!(told.contains("no development issuer"), "{told}");
}

#[tokio::test]
async fn an_access_log_does_not_verify_with_the_key_of_another() {
    if !on_files() {
        return;
    }
    let (deployment, other) = (TestBroker::populated().await.stop().await, Deployment::new());
    let database = deployment.path("data/control.sqlite");
    let verify =
        |key: &str| ["log", "verify", "--database", database.to_str().unwrap(), "--key", key].map(str::to_owned);
    let right = verify(deployment.path("log.vkey").to_str().unwrap());
    assert!(succeeds(&right.each_ref().map(String::as_str)).starts_with("verified: "));
    let wrong = verify(other.path("log.vkey").to_str().unwrap());
    let told = fails(1, &wrong.each_ref().map(String::as_str));
    assert!(told.contains("does NOT verify"), "{told}");
    let missing = fails(1, &["log", "verify", "--database", "nowhere.sqlite", "--key", &right[5]]);
    assert!(missing.contains("nowhere.sqlite"), "{missing}");
}

#[test]
fn the_tables_a_catalogue_needs_are_printed() {
    let told = succeeds(&["catalogue", "ddl", "people", "--catalogue", "policies/catalogue.toml"]);
    assert!(told.contains("CREATE TABLE record (") && told.contains("date_of_birth TEXT"));
    let told = fails(1, &["catalogue", "ddl", "schools", "--catalogue", "policies/catalogue.toml"]);
    assert!(told.contains("`schools` is no dataset of the catalogue"), "{told}");
}

#[test]
fn a_key_is_added_for_a_dataset_of_the_catalogue_and_never_replaced() {
    let deployment = Deployment::new();
    let config = deployment.path("disown.toml");
    let add = |dataset: &'static str| ["keys", "add", dataset, "--config", config.to_str().unwrap()].map(str::to_owned);
    let public = || succeeds(&["keys", "public", "--config", config.to_str().unwrap()]);
    let before = (fs::read(deployment.path("keyring.json")).unwrap(), public());
    let told = fails(1, &add("schools").each_ref().map(String::as_str));
    assert!(told.contains("`schools` is no dataset of the catalogue"), "{told}");
    let told = fails(1, &add("people").each_ref().map(String::as_str));
    assert!(told.contains("a key is never replaced"), "{told}");
    assert!(fs::read(deployment.path("keyring.json")).unwrap() == before.0);

    let people = fs::read_to_string(deployment.path("policies/catalogue.toml")).unwrap();
    let people = &people[people.find("[datasets.people]").unwrap()..people.find("[datasets.clinical]").unwrap()];
    deployment.append("policies/catalogue.toml", &people.replace("datasets.people", "datasets.schools"));
    assert!(succeeds(&add("schools").each_ref().map(String::as_str)).contains("a key for `schools`"));
    assert_eq!(public(), before.1);
    let keyring = fs::metadata(deployment.path("keyring.json")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&keyring.permissions()) & 0o777, 0o600);
    assert!(fs::read(deployment.path("keyring.json")).unwrap() != before.0);
}
