//! The rules a record must keep. A record that breaks one is rejected by the rule's name; its values are never repeated.

use super::{Delivery, Header};
use crate::{
    dataset::{
        Catalogue,
        catalogue::{Column, DatasetSpec, Kind, RecordTypeId},
    },
    pseudonym::SubjectIdentifier,
};
use jiff::{ToSpan, civil::Date, civil::date};
use zeroize::Zeroizing;

/// A record in form.
#[expect(missing_debug_implementations, reason = "holds personal data")]
pub struct Checked {
    pub(super) subject: SubjectIdentifier,
    pub(super) record_type: RecordTypeId,
    /// One a column of the dataset.
    pub(super) cells: Vec<CheckedCell>,
}

/// A cell in form.
pub(super) enum CheckedCell {
    Empty,
    Text(Zeroizing<String>),
    Subject(SubjectIdentifier),
}

/// The rule a record broke, and in which column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Column of the source; empty where the whole record does.
    pub column: String,
    /// Which rule.
    pub rule: Rule,
}

/// The rules of intake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// As many values as the header has columns.
    Arity,
    /// UTF-8.
    Encoding,
    /// At most 10,000 characters.
    Length,
    /// No control characters but line ends and tabs.
    Control,
    /// No characters that make text read otherwise than it is written.
    Deceptive,
    /// No blanks at the edges.
    Whitespace,
    /// A subject identifier of a known scheme.
    Identifier,
    /// No subject identifier where none belongs.
    NamesSubject,
    /// A value is needed.
    Required,
    /// A day, ISO 8601, that is in the calendar.
    Date,
    /// A day from 1900 on, not more than two years ahead.
    Range,
    /// The second day is not before the first.
    Order,
    /// One of the closed list.
    Code,
    /// A record type of the dataset that the agreement takes in.
    RecordType,
    /// Not there already.
    Duplicate,
}

impl Rule {
    /// As told.
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::Arity => "arity",
            Rule::Encoding => "encoding",
            Rule::Length => "length",
            Rule::Control => "control",
            Rule::Deceptive => "deceptive",
            Rule::Whitespace => "whitespace",
            Rule::Identifier => "identifier",
            Rule::NamesSubject => "names_subject",
            Rule::Required => "required",
            Rule::Date => "date",
            Rule::Range => "range",
            Rule::Order => "order",
            Rule::Code => "code",
            Rule::RecordType => "record_type",
            Rule::Duplicate => "duplicate",
        }
    }
}

const LONGEST: usize = 10_000;
const EARLIEST: Date = date(1900, 1, 1);

impl Delivery {
    /// Checks one row of a source with that header.
    pub fn check(&self, header: &Header, values: &[Vec<u8>]) -> Result<Checked, Broken> {
        let policy = &self.grant.grant().in_force.policy;
        let spec = policy.catalogue.dataset(self.dataset);
        if values.len() != header.width {
            return Err(whole(Rule::Arity));
        }
        let texts = values
            .iter()
            .map(|value| std::str::from_utf8(value).map_err(|_| whole(Rule::Encoding)))
            .collect::<Result<Vec<_>, _>>()?;
        let subject = SubjectIdentifier::parse_source(texts[header.subject], &policy.catalogue)
            .map_err(|_| broken(&spec.subject_column, Rule::Identifier))?;
        let record_type = self.record_type(spec, header.record_type.map(|at| texts[at]), &policy.catalogue)?;
        let mut cells = Vec::with_capacity(spec.columns.len());
        for (column, at) in spec.columns.iter().zip(&header.columns) {
            let cell = self.cell(column, texts[*at], &policy.catalogue);
            cells.push(cell.map_err(|rule| broken(&column.source_name, rule))?);
        }
        check_order(spec, &cells)?;
        Ok(Checked { subject, record_type, cells })
    }

    fn record_type(
        &self,
        spec: &DatasetSpec,
        named: Option<&str>,
        catalogue: &Catalogue,
    ) -> Result<RecordTypeId, Broken> {
        let column = spec.record_type_column.as_deref().unwrap_or_default();
        let mut known = spec.record_types.iter().copied();
        let found = match named {
            Some(name) => known.find(|id| catalogue.record_type(*id).name == name),
            None => known.next(),
        };
        let taken_in = |id: &RecordTypeId| self.grant.grant().agreement().intake.contains(id);
        found.filter(taken_in).ok_or_else(|| broken(column, Rule::RecordType))
    }

    fn cell(&self, column: &Column, raw: &str, catalogue: &Catalogue) -> Result<CheckedCell, Rule> {
        if raw.is_empty() {
            return if column.required { Err(Rule::Required) } else { Ok(CheckedCell::Empty) };
        }
        match &column.kind {
            Kind::Subject => {
                SubjectIdentifier::parse_source(raw, catalogue).map(CheckedCell::Subject).map_err(|_| Rule::Identifier)
            }
            Kind::Date => {
                let day = day(raw).ok_or(Rule::Date)?;
                let latest = self.today.saturating_add(2.years());
                if (EARLIEST..=latest).contains(&day) { Ok(text(raw)) } else { Err(Rule::Range) }
            }
            Kind::Code(codes) => {
                if codes.iter().any(|code| code == raw) {
                    Ok(text(raw))
                } else {
                    Err(Rule::Code)
                }
            }
            Kind::Text => check_text(raw, catalogue).map(|()| text(raw)),
        }
    }
}

fn check_text(raw: &str, catalogue: &Catalogue) -> Result<(), Rule> {
    let deceptive =
        |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}');
    if raw.chars().count() > LONGEST {
        Err(Rule::Length)
    } else if raw.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Err(Rule::Control)
    } else if raw.chars().any(deceptive) {
        Err(Rule::Deceptive)
    } else if raw.trim() != raw {
        Err(Rule::Whitespace)
    } else if catalogue.holds_identifier(raw) {
        Err(Rule::NamesSubject)
    } else {
        Ok(())
    }
}

/// Ten characters, `2026-11-21`, and in the calendar.
fn day(raw: &str) -> Option<Date> {
    let form = raw.len() == 10
        && raw.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    if form { raw.parse().ok() } else { None }
}

fn check_order(spec: &DatasetSpec, cells: &[CheckedCell]) -> Result<(), Broken> {
    for (first, second) in &spec.order {
        if let (CheckedCell::Text(from), CheckedCell::Text(until)) = (&cells[*first], &cells[*second])
            // Days in ISO 8601 are in the order of their text.
            && until.as_str() < from.as_str()
        {
            return Err(broken(&spec.columns[*second].source_name, Rule::Order));
        }
    }
    Ok(())
}

fn text(raw: &str) -> CheckedCell {
    CheckedCell::Text(Zeroizing::new(raw.to_owned()))
}

fn whole(rule: Rule) -> Broken {
    Broken { column: String::new(), rule }
}

fn broken(column: &str, rule: Rule) -> Broken {
    Broken { column: column.to_owned(), rule }
}
