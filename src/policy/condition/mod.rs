//! Conditions of agreements: a typed predicate over one record type, parsed once, evaluated in the broker.
//!
//! ```text
//! or    = and { "or" and }            and  = term { "and" term }
//! term  = "(" or ")" | column "is" [ "not" ] "empty" | column compare literal
//! compare = "=" | "!=" | "<" | "<=" | ">" | ">="       literal = "today" | 2026-11-21 | "text"
//! ```

mod parse;

use crate::{
    dataset::{Catalogue, Source, Value, catalogue::RecordTypeId},
    ids::OrganisationId,
};
use jiff::civil::Date;
use std::cmp::Ordering;

/// Which subjects an agreement covers, and which records of that type are released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The record type it looks at.
    pub record_type: RecordTypeId,
    /// As it was written.
    pub text: String,
    /// Records of these sources alone count, where their agreements list them; none: of any.
    pub sources: Vec<String>,
    predicate: Predicate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Predicate {
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    Empty { column: usize, negated: bool },
    Compare { column: usize, operator: Operator, literal: Literal },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Literal {
    Today,
    Date(Date),
    Text(String),
}

/// A condition that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("condition: {0}")]
pub struct InvalidCondition(String);

impl Condition {
    /// The columns it looks at.
    pub fn columns(&self) -> Vec<usize> {
        fn collect(predicate: &Predicate, into: &mut Vec<usize>) {
            match predicate {
                Predicate::All(parts) | Predicate::Any(parts) => parts.iter().for_each(|part| collect(part, into)),
                Predicate::Empty { column, .. } | Predicate::Compare { column, .. } => into.push(*column),
            }
        }
        let mut columns = Vec::new();
        collect(&self.predicate, &mut columns);
        columns
    }

    /// Whether a record that comes from there counts for it under an agreement of those parties: what a party delivered itself opens
    /// nothing to it, whatever it was allowed when it did so.
    pub fn counts(&self, source: &Source, parties: &[OrganisationId]) -> bool {
        let named = self.sources.is_empty() || (source.listed && self.sources.contains(&source.name));
        named && source.delivered_by.as_ref().is_some_and(|organisation| !parties.contains(organisation))
    }

    /// As people read it.
    pub fn in_words(&self, catalogue: &Catalogue) -> String {
        let record_type = &catalogue.record_type(self.record_type).full_name;
        match &self.sources[..] {
            [] => format!("{record_type}: {}", self.text),
            sources => format!("{record_type}: {}; by records from {}", self.text, sources.join(", ")),
        }
    }

    /// Whether a record satisfies it today. To compare with an empty value is never true.
    pub fn holds(&self, cells: &[Option<Value>], today: Date) -> bool {
        self.predicate.holds(cells, today)
    }
}

impl Predicate {
    fn holds(&self, cells: &[Option<Value>], today: Date) -> bool {
        match self {
            Predicate::All(parts) => parts.iter().all(|part| part.holds(cells, today)),
            Predicate::Any(parts) => parts.iter().any(|part| part.holds(cells, today)),
            Predicate::Empty { column, negated } => cells.get(*column).is_some_and(|cell| cell.is_none() != *negated),
            Predicate::Compare { column, operator, literal } => {
                let ordering = match (cells.get(*column).and_then(Option::as_ref), literal) {
                    (Some(Value::Date(day)), Literal::Today) => day.cmp(&today),
                    (Some(Value::Date(day)), Literal::Date(other)) => day.cmp(other),
                    (Some(Value::Text(text)), Literal::Text(other)) => text.as_str().cmp(other),
                    _ => return false,
                };
                operator.accepts(ordering)
            }
        }
    }
}

impl Operator {
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Operator::Equal => ordering.is_eq(),
            Operator::Unequal => ordering.is_ne(),
            Operator::Less => ordering.is_lt(),
            Operator::AtMost => ordering.is_le(),
            Operator::Greater => ordering.is_gt(),
            Operator::AtLeast => ordering.is_ge(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn catalogue() -> Catalogue {
        Catalogue::parse(include_str!("../../../policies/catalogue.toml")).unwrap()
    }

    fn parse(text: &str) -> Result<Condition, InvalidCondition> {
        Condition::parse("public_health.isolation", text, &catalogue())
    }

    /// Cells of an isolation order: `source_id` comes first, the two days after it.
    fn order(from: Option<Date>, until: Option<Date>) -> Vec<Option<Value>> {
        vec![None, from.map(Value::Date), until.map(Value::Date)]
    }

    #[test]
    fn an_order_runs_between_its_days() {
        let condition = parse("event_date <= today and (end_date is empty or end_date >= today)").unwrap();
        let today = date(2026, 11, 21);
        let cases = [
            (Some(date(2026, 11, 20)), None, true),
            (Some(today), Some(today), true),
            (Some(date(2026, 11, 1)), Some(date(2026, 11, 20)), false),
            (Some(date(2026, 11, 22)), None, false),
            (None, None, false),
        ];
        for (from, until, holds) in cases {
            assert_eq!(condition.holds(&order(from, until), today), holds, "{from:?} {until:?}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for bad in [
            "",
            "event_date",
            "event_date <=",
            "event_date << today",
            "event_date <= tomorrow",
            "event_date <= 20261121",
            "event_date <= 2026-11-21T10",
            "event_date <= \"text\"",
            "place = today",
            "(event_date <= today",
            "event_date <= today)",
            "event_date <= today or",
            "event_date is full",
            "sex = \"F\"",
            "detail is empty",
            "contact_jy_number is empty",
            "place = \"open",
            "event_date <= today; drop",
            "today <= event_date",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&"(".repeat(500)).is_err());
        assert!(parse("place = \"St Helier\" and end_date is not empty").is_ok());
    }
}
