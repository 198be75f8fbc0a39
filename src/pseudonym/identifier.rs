//! The direct identifier of a subject.

use crate::dataset::Catalogue;
use zeroize::Zeroizing;

/// A subject identifier, scheme and value: `jy:JY123456A`, `visitor:V0000123`.
///
/// INVARIANT (no-identifier-leak): it exists between parsing and translation only. It has no `Debug`, `Display`, `Clone`,
/// `PartialEq`, `Hash` or `Serialize`, it cannot be read outside this folder, and it is wiped when dropped.
#[expect(missing_debug_implementations, reason = "a direct identifier must not be printable")]
pub struct SubjectIdentifier(Zeroizing<String>);

/// The form is wrong. The error never holds the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a subject identifier of a known scheme (scheme and value, as in `jy:JY` and six digits and a letter A to D)"
)]
pub struct InvalidIdentifier;

impl SubjectIdentifier {
    /// Reads `scheme:value`. The value must match the scheme's pattern as it is; nothing is trimmed or folded.
    pub fn parse(raw: Zeroizing<String>, catalogue: &Catalogue) -> Result<Self, InvalidIdentifier> {
        let (scheme, value) = raw.split_once(':').ok_or(InvalidIdentifier)?;
        let known = catalogue.schemes().iter().find(|known| known.name == scheme).ok_or(InvalidIdentifier)?;
        if known.pattern.is_match(value) && raw.len() <= Self::LONGEST { Ok(Self(raw)) } else { Err(InvalidIdentifier) }
    }

    /// Reads what a source file has: a value of the first scheme, or `scheme:value`.
    pub fn parse_source(raw: &str, catalogue: &Catalogue) -> Result<Self, InvalidIdentifier> {
        let text = match catalogue.schemes().first() {
            Some(usual) if !raw.contains(':') => format!("{}:{raw}", usual.name),
            _ => raw.to_owned(),
        };
        Self::parse(Zeroizing::new(text), catalogue)
    }

    /// So long may scheme, colon and value be together.
    pub(super) const LONGEST: usize = 32;

    /// Padded to one length. Zero never stands in an identifier, so the padding can be taken off again.
    pub(super) fn padded(&self) -> Zeroizing<[u8; Self::LONGEST]> {
        let mut block = Zeroizing::new([0; Self::LONGEST]);
        block[..self.0.len()].copy_from_slice(self.0.as_bytes());
        block
    }

    /// Undoes `padded`.
    pub(super) fn from_padded(block: &[u8]) -> Option<Self> {
        let end = block.iter().position(|byte| *byte == 0).unwrap_or(block.len());
        let text = std::str::from_utf8(&block[..end]).ok()?;
        Some(Self(Zeroizing::new(text.to_owned())))
    }
}
