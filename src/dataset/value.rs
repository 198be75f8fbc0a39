//! What a cell of a dataset holds.

use crate::pseudonym::Pseudonym;
use jiff::civil::Date;
use zeroize::Zeroizing;

/// A value of a record, unredacted. It has no `Debug` and no `Display`: only `access::redact` turns one into something shown.
#[expect(missing_debug_implementations, reason = "personal data must not be printable")]
pub enum Value {
    /// Text as it came in, or a code of a closed list.
    Text(Zeroizing<String>),
    /// A civil day.
    Date(Date),
    /// Another subject, by its pseudonym in the same dataset.
    Subject(Pseudonym),
}

/// What is shown of a field. Ordered: each level reveals more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing, not even whether there is a value.
    Withheld,
    /// Whether there is a value.
    Exists,
    /// The value made coarse.
    Coarse,
    /// The value.
    Full,
}

impl Level {
    /// The levels at which something is shown, least revealing first.
    pub const SHOWN: [Level; 3] = [Level::Exists, Level::Coarse, Level::Full];

    /// As it stands in policy lines and entries.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Withheld => "withheld",
            Level::Exists => "exists",
            Level::Coarse => "coarse",
            Level::Full => "full",
        }
    }
}
