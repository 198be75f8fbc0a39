//! The disclosure matrix: everything that the reference policy gives to anybody, in one file for people to judge.

use super::{
    asking::{Authority, terms},
    reference,
};
use crate::harness::*;
use disown::{
    dataset::Level,
    policy::{Agreement, LogUse, Operation, Policy, Right, Terms},
};
use std::{collections::BTreeMap, fmt::Write};

const HEAD: &str = "\
# The disclosure matrix: what the reference policy gives, by agreement and purpose, to each role that may act under it.
# full, coarse, exists: how much of a field is shown; put: records are taken in; search: the access log is read;
# restrict: a subject's data is put out of use, and back.
# `.` is withheld. Every role, purpose, agreement and field was asked: what has no line here is given to nobody.
";

/// What one role gets under one agreement for one purpose.
type Column = BTreeMap<String, String>;

fn column(authority: &Authority, agreement: &Agreement, terms: &Terms) -> Column {
    let mut column = Column::new();
    for party in &agreement.parties {
        let caller = authority.caller(party.as_str(), &[terms.role.as_str()]);
        let mut of_party = Column::new();
        if let Ok(levels) = authority.ask_for_all(&caller, terms, today()) {
            let shown = levels.into_iter().filter(|(_, level)| *level > Level::Withheld);
            of_party.extend(shown.map(|(field, level)| (field, level.as_str().to_owned())));
        }
        let puts = authority.may_put(&caller, terms, today());
        of_party.extend(puts.into_iter().map(|record_type| (record_type, "put".to_owned())));
        for operation in authority.operations(&caller, terms, today()) {
            let (row, cell) = match operation {
                Operation::AccessLog(LogUse::Search) => ("(all of the access log)", "search"),
                Operation::AccessLog(LogUse::BySubject) => ("(the access log of one subject)", "search"),
                Operation::Right(Right::Restrict) => ("(the use of what is held on one subject)", "restrict"),
            };
            of_party.insert(row.to_owned(), cell.to_owned());
        }
        assert!(column.is_empty() || column == of_party, "parties of one agreement get different things");
        column = of_party;
    }
    column
}

fn table(out: &mut String, columns: &[(String, Column)]) {
    let mut rows: Vec<&String> = columns.iter().flat_map(|(_, column)| column.keys()).collect();
    rows.sort();
    rows.dedup();
    let wide = rows.iter().map(|row| row.len()).max().unwrap_or_default();
    let mut line = |name: &str, cells: Vec<&str>| {
        let cells: Vec<_> =
            columns.iter().zip(cells).map(|((role, _), cell)| format!("{cell:<w$}", w = role.len())).collect();
        writeln!(out, "{}", format!("{name:<wide$}  {}", cells.join("  ")).trim_end()).unwrap();
    };
    line("", columns.iter().map(|(role, _)| role.as_str()).collect());
    for row in rows {
        line(row, columns.iter().map(|(_, column)| column.get(row).map_or(".", String::as_str)).collect());
    }
}

#[tokio::test]
async fn the_disclosure_matrix_is_the_one_that_was_reviewed() {
    let authority = Authority::over(Policy::load(reference()).await.unwrap());
    let policy = &authority.in_force.policy;
    let mut text = HEAD.to_owned();
    for agreement in policy.agreements() {
        for purpose in policy.roles.purposes() {
            let of_role =
                |role: &str| column(&authority, agreement, &terms(role, purpose.as_str(), agreement.id.as_str()));
            let columns = policy.roles.roles().iter().map(|spec| (spec.role.to_string(), of_role(spec.role.as_str())));
            let columns: Vec<_> = columns.filter(|(_, column)| !column.is_empty()).collect();
            if columns.is_empty() {
                continue;
            }
            writeln!(text, "\n## {} for {purpose}: {}", agreement.id, agreement.title).unwrap();
            writeln!(
                text,
                "parties: {}",
                agreement.parties.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            )
            .unwrap();
            if let Some(condition) = &agreement.condition {
                let record_type = &policy.catalogue.record_type(condition.record_type).full_name;
                writeln!(text, "only subjects with {record_type}: {}", condition.text).unwrap();
            }
            table(&mut text, &columns);
        }
    }
    let nothing: Vec<_> = policy
        .roles
        .roles()
        .iter()
        .map(|spec| spec.role.as_str())
        .filter(|role| {
            !text.lines().any(|line| line.starts_with(' ') && line.split_whitespace().any(|word| word == *role))
        })
        .collect();
    writeln!(text, "\n## Given nothing at all: {}", nothing.join(", ")).unwrap();
    assert_golden("disclosure-matrix.txt", &text, "disclosure_matrix");
}
