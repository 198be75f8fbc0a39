//! What stands behind a decision is what it was made of: over all combinations, the lines named give the level decided.

use super::reference;
use crate::harness::*;
use disown::{dataset::Level, pb, policy::Policy};
use std::collections::BTreeMap;

/// The level that lines come to: that of those that allow.
fn of_lines(texts: &[&str]) -> Level {
    let allows: Vec<_> = texts
        .iter()
        .filter_map(|text| {
            let parts: Vec<_> = text.split(',').map(str::trim).collect();
            (parts[5] == "allow").then(|| match parts[4] {
                "full" => Level::Full,
                "coarse" => Level::Coarse,
                "exists" => Level::Exists,
                other => panic!("{other}"),
            })
        })
        .collect();
    assert!(allows.windows(2).all(|pair| pair[0] == pair[1]), "lines of several levels: {texts:?}");
    allows.first().copied().unwrap_or(Level::Withheld)
}

#[tokio::test]
async fn what_is_named_behind_a_decision_comes_to_it() {
    let policy = Policy::load(reference()).await.unwrap();
    let (mut explained, mut with_lines, mut by_rule) = (0, 0, 0);
    for agreement in policy.agreements() {
        for role in policy.roles.roles() {
            for purpose in policy.roles.purposes() {
                for (field, spec) in policy.catalogue.fields() {
                    let asked = (role.role.as_str(), purpose.as_str(), agreement.id.as_str());
                    let Ok(told) = policy.explain(asked.0, asked.1, asked.2, field, today()) else {
                        assert!(policy.disclosure(asked.0, asked.1, asked.2, field, today()).is_err());
                        continue;
                    };
                    let texts: Vec<_> = told.lines.iter().map(|line| line.text.as_str()).collect();
                    let by_agreement = told.agreement.unwrap_or(Level::Withheld);
                    let by_rules = if told.hard_rule.is_some() { Level::Withheld } else { Level::Full };
                    let expected = of_lines(&texts).min(by_agreement).min(by_rules);
                    assert_eq!(told.decision.level, expected, "{asked:?} {}: {texts:?}", spec.name);
                    for line in &told.lines {
                        let file = &policy.files().rules[&line.file];
                        assert_eq!(file.lines().nth(line.line as usize - 1).unwrap(), line.text);
                    }
                    explained += 1;
                    with_lines += usize::from(!texts.is_empty());
                    by_rule += usize::from(told.hard_rule.is_some());
                }
            }
        }
    }
    println!("explained: {explained} decisions, {with_lines} with lines, {by_rule} with a hard rule");
    assert!(explained > 1000 && with_lines > 300 && by_rule > 100);
}

/// What a caller is told of its own access names the line, the clause or the rule.
#[tokio::test]
async fn a_caller_learns_which_line_or_clause_sets_what_it_sees() {
    let deployment = Deployment::new();
    let fields = "[fields]\n\"people.person.email\" = \"full\"\n\"clinical.condition.code\" = \"full\"";
    let agreement = "policies/agreements/sojp-isolation.toml";
    deployment.edit(agreement, "[fields]", fields);
    deployment.edit(agreement, "date_of_birth\" = \"coarse\"", "date_of_birth\" = \"full\"");
    let broker = deployment.serve().await;
    let rules = async |asker: &Asker| {
        let request = pb::DescribeAccessRequest { terms: asker.pb_terms() };
        let described = broker.access().describe_access(asker.request(&broker.deployment, request)).await.unwrap();
        let fields = described.into_inner().fields;
        fields.into_iter().map(|one| (one.field, (one.decided_by, one.rule))).collect::<BTreeMap<_, _>>()
    };
    let officer = rules(&police()).await;
    let of = |field: &str| (officer[field].0.as_str(), officer[field].1.as_str());
    let clause = "sojp-isolation, [fields]: \"people.person.family_name\" = \"full\"";
    assert_eq!(of("people.person.family_name"), ("agreement", clause));
    assert_eq!(of("people.person.email"), ("policy", "no policy line allows more"));
    let (set_by, lines) = of("people.person.date_of_birth");
    assert!(set_by == "policy" && lines.starts_with("policy.csv:") && lines.contains("date_of_birth"), "{lines}");
    let rule = "law enforcement reaches it with a warrant only (CS4)";
    assert_eq!(of("clinical.condition.code"), ("hard_rule", rule));
    broker.finish().await;
}
