//! Reading a condition.

use super::{Condition, InvalidCondition, Literal, Operator, Predicate};
use crate::dataset::{
    Catalogue,
    catalogue::{DatasetSpec, Kind},
};
use jiff::civil::Date;

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
            None => Ok(Self { record_type, text: text.to_owned(), sources: vec![], predicate }),
            Some(rest) => Err(InvalidCondition(format!("nothing is expected at `{rest}`"))),
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
                let day: Option<Date> = raw.parse().ok();
                // Other spellings are read too, some with a time of day that would be lost.
                let day = day.filter(|day| day.to_string() == raw);
                Literal::Date(day.ok_or_else(|| InvalidCondition(format!("`{raw}` is no day")))?)
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
