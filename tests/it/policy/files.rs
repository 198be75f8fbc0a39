//! The folder and the model: nothing missing, nothing that has no meaning there, no other model.

use super::{Edited, reference, refused};
use crate::harness::*;
use disown::policy::{MODEL, Policy, PolicyFiles};
use std::fs;

#[tokio::test]
async fn the_reference_policies_are_taken_and_their_cases_pass() {
    let policy = Policy::load(reference()).await.unwrap();
    assert_eq!(policy.agreements().count(), 14);
    assert!(policy.cases >= 40);
}

#[tokio::test]
async fn another_model_is_refused_whatever_is_different() {
    let effect = "some(where (p.eft == allow)) && !some(where (p.eft == deny))";
    let matcher = "r.disclosure == p.disclosure && r.purpose == p.purpose && g2(r.obj, p.obj) && g(r.sub, p.sub)";
    for (from, to) in [
        (effect, "!some(where (p.eft == deny))"),
        (effect, "some(where (p.eft == allow))"),
        (effect, "priority(p.eft) || deny"),
        (matcher, "true"),
        ("r.purpose == p.purpose", "keyMatch(r.purpose, p.purpose)"),
        ("r.purpose == p.purpose", "keyMatch2(r.purpose, p.purpose)"),
        ("r.purpose == p.purpose", "regexMatch(r.purpose, p.purpose)"),
        ("r.purpose == p.purpose", "globMatch(r.purpose, p.purpose)"),
        ("r.purpose == p.purpose", "eval(p.purpose)"),
        ("r.purpose == p.purpose", "r.purpose != p.purpose"),
        (" && g(r.sub, p.sub)", ""),
        (" && g(r.sub, p.sub)", " || g(r.sub, p.sub)"),
        ("g2 = _, _", "g2 = _, _\ng3 = _, _"),
        ("[matchers]", "[matchers]\nm2 = true"),
        ("p = sub, purpose, obj, disclosure, eft", "p = sub, purpose, obj, disclosure"),
    ] {
        let told = refused(reference().edited("model.conf", from, to)).await;
        assert_eq!(told, "model.conf is not the model that this broker was made for", "{to}");
    }
    let blank_lines = MODEL.replace('\n', "\r\n\r\n");
    Policy::load(reference().replaced("model.conf", &blank_lines)).await.unwrap();
}

#[tokio::test]
async fn a_missing_file_is_named() {
    for file in ["model.conf", "catalogue.toml", "roles.toml", "red-lines.toml"] {
        assert_eq!(refused(reference().without(file)).await, format!("{file} is missing"));
    }
    let told = refused(reference().without("audit.cases.toml")).await;
    assert_eq!(told, "agreements/audit.cases.toml is missing");
}

#[test]
fn a_file_that_has_no_meaning_there_is_refused_and_not_passed_over() {
    for name in [
        "policy.csv.bak",
        "policies.toml",
        "red_lines.toml",
        "agreements/notes.txt",
        "agreements/sojp.TOML",
        "Policy.CSV",
    ] {
        let deployment = Deployment::new();
        fs::write(deployment.path("policies").join(name), "").unwrap();
        let told = PolicyFiles::read(&deployment.path("policies")).unwrap_err().to_string();
        assert!(told.contains(name) && told.contains("a policy folder holds"), "{told}");
    }
    let deployment = Deployment::new();
    fs::write(deployment.path("policies/.policy.csv.swp"), "").unwrap();
    PolicyFiles::read(&deployment.path("policies")).unwrap();
    fs::remove_dir_all(deployment.path("policies/agreements")).unwrap();
    PolicyFiles::read(&deployment.path("policies")).unwrap_err();
}

#[test]
fn a_file_that_is_not_text_is_refused() {
    let deployment = Deployment::new();
    fs::write(deployment.path("policies/policy.csv"), b"p, clinician, \xff\xfe").unwrap();
    assert!(PolicyFiles::read(&deployment.path("policies")).unwrap_err().to_string().contains("policy.csv"));
}

#[tokio::test]
async fn roles_are_read_strictly() {
    for (from, to) in [
        ("law_enforcement = true", "law_enforcment = true"),
        (", law_enforcement = true", ""),
        ("law_enforcement = true", "law_enforcement = \"yes\""),
        ("law_enforcement = true", "law_enforcement = true, all = true"),
        ("[roles]", "[rolls]"),
        ("[purposes]", "[purposes]\n\"every thing\" = \"x\""),
        ("clinician =", "\"clini*\" ="),
        ("audit = ", "statistics = "),
    ] {
        let told = refused(reference().edited("roles.toml", from, to)).await;
        assert!(told.starts_with("roles.toml: "), "{to}: {told}");
    }
}

#[tokio::test]
async fn the_version_names_the_rules_and_not_the_agreements() {
    let version = reference().version();
    assert_eq!(Policy::load(reference()).await.unwrap().version, version);
    for file in ["catalogue.toml", "policy.csv", "red-lines.toml", "roles.toml"] {
        assert_ne!(reference().with(file, "# a remark").version(), version, "{file}");
    }
    let remark = reference().with("audit.toml", "# a remark");
    assert_eq!(remark.version(), version);
    let (before, after) = (Policy::load(reference()).await.unwrap(), Policy::load(remark).await.unwrap());
    assert_ne!(before.agreement("audit").unwrap().version, after.agreement("audit").unwrap().version);
}
