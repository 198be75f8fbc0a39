//! What an auditor looks for, in form.

use crate::{
    access::Invalid,
    access_log::{Countable, Filter},
    dataset::Catalogue,
    pb,
    pseudonym::SubjectIdentifier,
};
use jiff::Timestamp;
use zeroize::Zeroizing;

const TIME: Invalid = Invalid::of("from, until", "a time of RFC 3339, as in 2026-11-21T20:00:00Z");
const FILTER: Invalid =
    Invalid::of("filter", "at most 128 characters each, and no subject identifier but in `subject`");
const PAGE_SIZE: Invalid = Invalid::of("page_size", "at most 1,000");
const PAGE_TOKEN: Invalid = Invalid::of("page", "the `next_page` of an earlier response");

/// Everything but the subject, of whom nothing may stay in a filter.
pub(super) fn parse(message: pb::LogFilter) -> Result<Filter, Invalid> {
    let text = |value: String| {
        let fits = value.len() <= 128 && !value.chars().any(char::is_control);
        if fits { Ok(Some(value).filter(|value| !value.is_empty())) } else { Err(FILTER) }
    };
    let time = |value: String| match value.as_str() {
        "" => Ok(None),
        raw => raw.parse::<Timestamp>().map(|time| Some(format!("{time:.6}"))).map_err(|_| TIME),
    };
    Ok(Filter {
        from: time(message.from)?,
        until: time(message.until)?,
        caller: text(message.caller)?,
        organisation: text(message.organisation)?,
        purpose: text(message.purpose)?,
        agreement: text(message.agreement)?,
        outcome: text(message.outcome)?,
        kind: text(message.kind)?,
        alarm: text(message.alarm)?,
        tags: None,
    })
}

/// Who is searched for; none: nobody in particular.
pub(super) fn subject(raw: Zeroizing<String>, catalogue: &Catalogue) -> Result<Option<SubjectIdentifier>, Invalid> {
    if raw.is_empty() {
        return Ok(None);
    }
    SubjectIdentifier::parse(raw, catalogue).map(Some).map_err(|_| {
        Invalid::of("subject", "scheme and value of a known scheme, as in `jy:JY` and six digits and a letter A to D")
    })
}

/// How many entries a page has, where pages are asked for, and where it begins.
pub(super) fn page(size: u32, token: &str) -> Result<(Option<u32>, u64), Invalid> {
    let size = match size {
        0 => None,
        size if size <= 1000 => Some(size),
        _ => return Err(PAGE_SIZE),
    };
    let start = if token.is_empty() { 0 } else { token.parse().map_err(|_| PAGE_TOKEN)? };
    Ok((size, start))
}

/// What to count by: at most three parts, each once.
pub(super) fn countable(names: &[String]) -> Option<Vec<Countable>> {
    let mut parts = Vec::new();
    for name in names {
        let part = Countable::named(name).filter(|part| parts.len() < 3 && !parts.contains(part))?;
        parts.push(part);
    }
    Some(parts)
}
