//! Where a record comes from, as it is kept with it: what was said at intake, and what the broker knew then.

use crate::ids::OrganisationId;

/// Where a record comes from. Only the name is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As it was given.
    pub name: String,
    /// Who delivered it; none: not known, so that nothing stands on it.
    pub delivered_by: Option<OrganisationId>,
    /// The agreement that it came in under lists the name among its `sources`: nobody else could give it.
    pub listed: bool,
}

/// Between the parts as they are stored. No name holds it, so none can be taken for another part.
const SEPARATOR: char = '\u{1f}';
const LISTED: &str = "listed";

impl Source {
    /// Whether a text can be the name of a source: one line of 1 to 100 characters without blanks at its edges.
    pub fn is_name(text: &str) -> bool {
        (1..=100).contains(&text.chars().count()) && !text.contains(char::is_control) && text.trim() == text
    }

    /// As it is stored with a record.
    pub fn to_stored(&self) -> String {
        let organisation = self.delivered_by.as_ref().map_or("", OrganisationId::as_str);
        let listed = if self.listed { LISTED } else { "" };
        [&self.name, organisation, listed].join(&SEPARATOR.to_string())
    }

    /// From how it is stored. Where a part is missing or unknown, nothing is known but the name.
    pub fn stored(text: &str) -> Self {
        let parts: Vec<_> = text.split(SEPARATOR).collect();
        match parts[..] {
            [name, organisation, listed] if listed.is_empty() || listed == LISTED => {
                let delivered_by = OrganisationId::try_from(organisation).ok();
                Self { name: name.to_owned(), listed: listed == LISTED && delivered_by.is_some(), delivered_by }
            }
            _ => {
                let name = parts.first().copied().unwrap_or_default().to_owned();
                Self { name, delivered_by: None, listed: false }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_again_and_a_name_alone_says_nothing_more() {
        let of = |organisation: Option<&str>, listed| Source {
            name: "border feed".to_owned(),
            delivered_by: organisation.map(|name| name.try_into().unwrap()),
            listed,
        };
        for source in [of(Some("ports-of-jersey"), true), of(Some("ports-of-jersey"), false), of(None, false)] {
            assert_eq!(Source::stored(&source.to_stored()), source);
        }
        let unknown = of(None, false);
        for text in [
            "border feed",
            "border feed\u{1f}ports-of-jersey",
            "border feed\u{1f}ports-of-jersey\u{1f}perhaps",
            "border feed\u{1f}\u{1f}listed",
            "border feed\u{1f}ports-of-jersey\u{1f}listed\u{1f}",
        ] {
            assert_eq!(Source::stored(text), unknown, "{text:?}");
        }
        for none in ["", " feed", "feed ", "a\u{1f}b", "a\nb", &"x".repeat(101)] {
            assert!(!Source::is_name(none), "{none:?}");
        }
    }
}
