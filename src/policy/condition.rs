//! Conditions of agreements: a typed predicate over one record type, parsed once, evaluated in the broker.
//!
//! ```text
//! or    = and { "or" and }            and  = term { "and" term }
//! term  = "(" or ")" | column "is" [ "not" ] "empty" | column compare literal
//! compare = "=" | "!=" | "<" | "<=" | ">" | ">="       literal = "today" | 2026-11-21 | "text"
//! ```

use crate::dataset::{
    Catalogue, Value,
    catalogue::{DatasetSpec, Kind, RecordTypeId},
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
    /// Reads a condition on records of a type. Sealed columns and names of other subjects cannot be part of one.
    pub fn parse(record: &str, text: &str, catalogue: &Catalogue) -> Result<Self, InvalidCondition> {
        const LONGEST: usize = 1000;
        let record_type = catalogue
            .record_type_named(record)
            .ok_or_else(|| InvalidCondition(format!("`{record}` is no record type of the catalogue")))?;
        if text.len() > LONGEST {
            return Err(InvalidCondition(format!("longer than {LONGEST} characters")));
        }
        let spec = catalogue.dataset(catalogue.record_type(record_type).dataset);
        let mut parser = Parser { tokens: tokens(text)?, at: 0, spec, depth: 0 };
        let predicate = parser.any()?;
        match parser.tokens.get(parser.at) {
            None => Ok(Self { record_type, text: text.to_owned(), predicate }),
            Some(rest) => Err(InvalidCondition(format!("nothing is expected at `{rest}`"))),
        }
    }

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

struct Parser<'a> {
    tokens: Vec<String>,
    at: usize,
    spec: &'a DatasetSpec,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Predicate, InvalidCondition> {
        const DEEPEST: usize = 16;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(InvalidCondition(format!("nested more than {DEEPEST} deep")));
        }
        let mut parts = vec![self.all()?];
        while self.took("or") {
            parts.push(self.all()?);
        }
        self.depth -= 1;
        Ok(one_or(parts, Predicate::Any))
    }

    fn all(&mut self) -> Result<Predicate, InvalidCondition> {
        let mut parts = vec![self.term()?];
        while self.took("and") {
            parts.push(self.term()?);
        }
        Ok(one_or(parts, Predicate::All))
    }

    fn term(&mut self) -> Result<Predicate, InvalidCondition> {
        if self.took("(") {
            let inner = self.any()?;
            return if self.took(")") { Ok(inner) } else { Err(InvalidCondition("a `)` is missing".to_owned())) };
        }
        let name = self.next()?;
        let column = self.spec.columns.iter().position(|column| column.name == name);
        let column = column.ok_or_else(|| InvalidCondition(format!("`{name}` is no column of `{}`", self.spec.id)))?;
        let known = &self.spec.columns[column];
        if known.sealed || known.kind == Kind::Subject {
            return Err(InvalidCondition(format!(
                "`{name}` is sealed or names a subject: a condition cannot look at it"
            )));
        }
        if self.took("is") {
            let negated = self.took("not");
            return if self.took("empty") {
                Ok(Predicate::Empty { column, negated })
            } else {
                Err(InvalidCondition("`empty` is expected after `is`".to_owned()))
            };
        }
        let operator = match self.next()?.as_str() {
            "=" => Operator::Equal,
            "!=" => Operator::Unequal,
            "<" => Operator::Less,
            "<=" => Operator::AtMost,
            ">" => Operator::Greater,
            ">=" => Operator::AtLeast,
            other => return Err(InvalidCondition(format!("a comparison is expected at `{other}`"))),
        };
        let raw = self.next()?;
        let literal = match (raw.strip_prefix('"'), &known.kind) {
            (Some(text), Kind::Text | Kind::Code(_)) => Literal::Text(text.to_owned()),
            (None, Kind::Date) if raw == "today" => Literal::Today,
            (None, Kind::Date) => {
                Literal::Date(raw.parse().map_err(|_| InvalidCondition(format!("`{raw}` is no day")))?)
            }
            _ => return Err(InvalidCondition(format!("`{name}` cannot be compared with `{raw}`"))),
        };
        Ok(Predicate::Compare { column, operator, literal })
    }

    fn took(&mut self, word: &str) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|token| token == word);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> Result<String, InvalidCondition> {
        let token =
            self.tokens.get(self.at).cloned().ok_or_else(|| InvalidCondition("it ends too early".to_owned()))?;
        self.at += 1;
        Ok(token)
    }
}

fn one_or(mut parts: Vec<Predicate>, join: fn(Vec<Predicate>) -> Predicate) -> Predicate {
    if parts.len() == 1 { parts.swap_remove(0) } else { join(parts) }
}

/// Words, comparisons, parentheses; a text in quotes keeps its opening quote, so that it cannot be taken for a word.
fn tokens(text: &str) -> Result<Vec<String>, InvalidCondition> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => 1,
            '"' => {
                let end =
                    rest[1..].find('"').ok_or_else(|| InvalidCondition("a closing quote is missing".to_owned()))?;
                tokens.push(rest[..=end].to_owned());
                rest = rest[end + 2..].trim_start();
                continue;
            }
            '<' | '>' | '=' | '!' => rest.find(|c| !"<>=!".contains(c)).unwrap_or(rest.len()),
            _ => rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len()),
        };
        if length == 0 {
            return Err(InvalidCondition(format!("`{first}` has no meaning here")));
        }
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn catalogue() -> Catalogue {
        Catalogue::parse(include_str!("../../policies/catalogue.toml")).unwrap()
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
