//! TOML as people write it: read strictly, and where a name is unknown, with the one that was probably meant.

use serde::de::DeserializeOwned;
use std::fmt;

/// A text that is refused.
#[derive(Debug)]
pub struct InvalidToml {
    // It is large, and stands in the errors of many.
    source: Box<toml::de::Error>,
    meant: Option<String>,
}

/// How alike two names must be for one to be taken for the other: 1 is equal.
const ALIKE: f64 = 0.75;

/// Reads a text.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, InvalidToml> {
    toml::from_str(text).map_err(|source| InvalidToml { meant: meant(source.message()), source: Box::new(source) })
}

/// Of "unknown field `a`, expected one of `b`, `c`": what is most like the first.
fn meant(message: &str) -> Option<String> {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names.next().filter(|_| message.starts_with("unknown "))?;
    names
        .map(|name| (strsim::jaro_winkler(unknown, name), name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name.to_owned())
}

impl fmt::Display for InvalidToml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source.to_string().trim_end())?;
        match &self.meant {
            Some(name) => write!(f, "\ndid you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for InvalidToml {}
