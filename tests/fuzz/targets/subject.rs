//! Subject identifiers: taken is what has the form of one of the schemes and nothing else, and what holds one is found out.
#![no_main]

use disown::pseudonym::SubjectIdentifier;
use disown_fuzz::CATALOGUE;
use libfuzzer_sys::fuzz_target;
use regex::Regex;
use std::sync::LazyLock;
use zeroize::Zeroizing;

static WHOLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\A(?:jy:JY[0-9]{6}[A-D]|visitor:V[0-9]{7})\z").unwrap());
static SOURCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\A(?:(?:jy:)?JY[0-9]{6}[A-D]|visitor:V[0-9]{7})\z").unwrap());
static WITHIN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i-u:JY[0-9]{6}[A-D]|V[0-9]{7})").unwrap());

fuzz_target!(|text: &str| {
    let taken = SubjectIdentifier::parse(Zeroizing::new(text.to_owned()), &CATALOGUE).is_ok();
    assert_eq!(taken, WHOLE.is_match(text));
    let from_source = SubjectIdentifier::parse_source(text, &CATALOGUE).is_ok();
    assert_eq!(from_source, SOURCE.is_match(text));
    assert!(!(taken || from_source) || text.is_ascii());
    assert_eq!(CATALOGUE.holds_identifier(text), WITHIN.is_match(text));
});
