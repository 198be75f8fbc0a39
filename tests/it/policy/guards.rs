//! What must not depend on a policy line: hard rules, terms, and what is written down of them.

use super::{
    Edited,
    asking::{Authority, terms},
    reference,
};
use crate::harness::*;
use disown::{
    dataset::Level,
    pb,
    policy::{Policy, Refusal},
};
use jiff::civil::date;
use tonic::Code;

/// Red lines of the file gone, and an agreement: everything that can say so says that police may see the clinical record.
fn everything_for_the_police(deployment: &Deployment) {
    deployment.edit("policies/red-lines.toml", "roles = \"law_enforcement\"", "roles = [\"auditor\"]");
    let fields = "[fields]\n\"clinical.condition.description\" = \"full\"\n\"clinical.test_result.value\" = \"exists\"";
    deployment.edit("policies/agreements/sojp-isolation.toml", "[fields]", fields);
}

#[tokio::test]
async fn law_enforcement_gets_nothing_clinical_even_where_red_lines_and_agreement_say_so() {
    let deployment = Deployment::new();
    everything_for_the_police(&deployment);
    let broker = deployment.serve().await;
    broker.populate().await;
    let told = broker.told(&police(), ISOLATING).await;
    assert_eq!(told.cells("people.person.given_name"), ["full:Marie"]);
    assert!(told.answer.records.iter().all(|record| !record.record_type.starts_with("clinical.")));
    let withheld: Vec<_> = told.answer.withheld.iter().map(|one| (one.field.as_str(), one.reason.as_str())).collect();
    let expected = [("clinical.condition.description", "hard_rule"), ("clinical.test_result.value", "hard_rule")];
    assert!(expected.iter().all(|one| withheld.contains(one)), "{withheld:?}");

    let fields = vec!["clinical.condition.description".to_owned()];
    let only_clinical = pb::QueryRequest { fields, ..police().question(ISOLATING) };
    assert_eq!(broker.refused(&police(), only_clinical).await.0, Code::PermissionDenied);
    broker.finish().await;
}

#[tokio::test]
async fn a_dataset_whose_review_is_overdue_is_withheld_from_everybody() {
    let deployment = Deployment::new();
    deployment.edit(
        "policies/catalogue.toml",
        "owner = \"health-and-care-jersey\"\nregime = \"jersey\"\nreview = 2099-01-01",
        "owner = \"health-and-care-jersey\"\nregime = \"jersey\"\nreview = 2026-11-21",
    );
    let broker = deployment.serve().await;
    broker.populate().await;
    let described = "clinical.condition.description";
    assert_eq!(broker.told(&clinician(), ISOLATING).await.cells(described), ["full:Asthma"]);
    broker.deployment.clock.set("2026-11-22T12:00:00Z".parse().unwrap());
    let told = broker.told(&clinician(), ISOLATING).await;
    assert!(told.cells(described).is_empty());
    assert_eq!(told.cells("people.person.given_name"), ["full:Marie"]);
    assert!(told.answer.withheld.iter().any(|one| one.field == described && one.reason == "hard_rule"));
    broker.finish().await;
}

#[tokio::test]
async fn an_agreement_is_in_force_from_its_first_day_to_the_day_before_its_end_and_until_its_review() {
    let authority = Authority::over(Policy::load(reference()).await.unwrap());
    let caller = authority.caller("states-of-jersey-police", &["police_officer"]);
    let terms = terms("police_officer", "isolation_enforcement", "sojp-isolation");
    for (day, in_force) in [
        (date(2025, 12, 31), false),
        (date(2026, 1, 1), true),
        (date(2026, 12, 1), true),
        (date(2026, 12, 2), false),
        (date(2027, 1, 1), false),
    ] {
        let decided = authority.ask_for_all(&caller, &terms, day);
        assert_eq!(decided.is_ok(), in_force, "{day}");
        assert!(in_force || decided == Err(Refusal::NotInForce));
    }
    // Reviewed in time, it still ends.
    let reviewed = reference().edited("sojp-isolation.toml", "review = 2026-12-01", "review = 2030-01-01");
    let authority = Authority::over(Policy::load(reviewed).await.unwrap());
    let caller = authority.caller("states-of-jersey-police", &["police_officer"]);
    assert!(authority.ask_for_all(&caller, &terms, date(2026, 12, 31)).is_ok());
    assert_eq!(authority.ask_for_all(&caller, &terms, date(2027, 1, 1)), Err(Refusal::NotInForce));
}

#[tokio::test]
async fn terms_that_do_not_fit_each_other_are_refused_for_their_reason() {
    let authority = Authority::over(Policy::load(reference()).await.unwrap());
    let day = date(2026, 11, 21);
    let fit = terms("police_officer", "isolation_enforcement", "sojp-isolation");
    let with = |change: fn(&mut disown::policy::Terms)| {
        let mut changed = fit.clone();
        change(&mut changed);
        changed
    };
    let roles = ["police_officer", "clinician", "nobody"];
    for (organisation, terms, refusal) in [
        ("health-and-care-jersey", fit.clone(), Refusal::Agreement),
        ("states-of-jersey-police", with(|terms| terms.agreement = "clinical-care".to_owned()), Refusal::Agreement),
        ("states-of-jersey-police", with(|terms| terms.agreement = "none".to_owned()), Refusal::Agreement),
        ("states-of-jersey-police", with(|terms| terms.role = "clinician".to_owned()), Refusal::Agreement),
        ("states-of-jersey-police", with(|terms| terms.role = "nobody".to_owned()), Refusal::Role),
        ("states-of-jersey-police", with(|terms| terms.role = "auditor".to_owned()), Refusal::Role),
        ("states-of-jersey-police", with(|terms| terms.role = "Police_officer".to_owned()), Refusal::Role),
        ("states-of-jersey-police", with(|terms| terms.purpose = "audit".to_owned()), Refusal::Purpose),
        ("states-of-jersey-police", with(|terms| terms.purpose = "*".to_owned()), Refusal::Purpose),
        ("states-of-jersey-police", with(|terms| terms.case_reference.clear()), Refusal::CaseReference),
        ("states-of-jersey-police", with(|terms| terms.case_reference.push('\n')), Refusal::CaseReference),
        ("states-of-jersey-police", with(|terms| terms.case_reference.push('1')), Refusal::CaseReference),
    ] {
        let caller = authority.caller(organisation, &roles);
        let at = format!("{organisation} {} {} {}", terms.role, terms.purpose, terms.agreement);
        assert_eq!(authority.ask_for_all(&caller, &terms, day), Err(refusal), "{at}");
    }
    let caller = authority.caller("states-of-jersey-police", &roles);
    let levels = authority.ask_for_all(&caller, &fit, day).unwrap();
    assert_eq!(levels["people.person.date_of_birth"], Level::Coarse);
}

#[tokio::test]
async fn a_case_reference_that_holds_a_subject_identifier_is_refused_and_written_nowhere() {
    let deployment = Deployment::new();
    let pattern = "case_reference = \"ENC-[0-9]{8}\"";
    deployment.edit("policies/agreements/clinical-care.toml", pattern, "case_reference = \"(ENC-[0-9]{8})|(.+)\"");
    let broker = deployment.serve().await;
    broker.populate().await;
    for case in
        [ISOLATING.to_owned(), format!("jy:{ISOLATING}"), format!("ENC{ISOLATING}x"), "about V0000123".to_owned()]
    {
        let mut asker = clinician();
        asker.terms.3 = case.clone();
        let (code, told) = broker.refused(&asker, asker.question(ISOLATING)).await;
        assert_eq!((code, told.as_str()), (Code::PermissionDenied, "permission denied"), "{case}");
        let (_, actor, _) =
            broker.entries().await.into_iter().rfind(|(_, actor, _)| actor["kind"] == "denial").unwrap();
        assert_eq!(actor["refusal"], "case_reference");
        assert!(actor["case_reference"].is_null() && !actor.to_string().contains(&case));
    }
    let mut asker = clinician();
    asker.terms.3 = "any other case".to_owned();
    assert_eq!(broker.told(&asker, ISOLATING).await.actor()["case_reference"], "any other case");
    // What was loaded and asked is searched for in everything that was written.
    broker.finish().await;
}

#[tokio::test]
async fn nobody_is_let_in_whose_name_or_organisation_could_be_a_subject_identifier() {
    let authority = Authority::over(Policy::load(reference()).await.unwrap());
    assert!(authority.verified("pc.vautier", "states-of-jersey-police", &["police_officer"]).is_some());
    for name in [ISOLATING.to_owned(), format!("of-{ISOLATING}"), "V0000123".to_owned()] {
        assert!(authority.verified(&name, "states-of-jersey-police", &["police_officer"]).is_none());
        assert!(authority.verified("pc.vautier", &name, &["police_officer"]).is_none());
    }
}
