//! Agreements: one that is taken holds together.
#![no_main]

use disown::{dataset::Level, policy::Agreement};
use disown_fuzz::{CATALOGUE, ROLES};
use jiff::ToSpan;
use libfuzzer_sys::fuzz_target;
use regex::Regex;

fuzz_target!(|text: &str| {
    let Ok(agreement) = Agreement::parse(text, &ROLES, &CATALOGUE) else { return };
    assert_eq!(agreement.text, text);
    assert!(!agreement.parties.is_empty() && !agreement.purposes.is_empty() && !agreement.roles.is_empty());
    assert!(agreement.purposes.iter().all(|purpose| ROLES.purpose(purpose.as_str()).is_some()));
    assert!(agreement.roles.iter().all(|role| ROLES.role(role.as_str()).is_some()));
    for (field, level) in &agreement.fields {
        assert!(*level > Level::Withheld && CATALOGUE.can_show(*field, *level));
    }
    for fields in agreement.views.values() {
        assert!(!fields.is_empty() && fields.iter().all(|field| agreement.fields.contains_key(field)));
    }

    let valid = agreement.valid;
    assert!(agreement.in_force_on(valid.from) && !agreement.in_force_on(valid.until));
    assert!(!agreement.in_force_on(valid.from.saturating_sub(1.day())) || valid.from == jiff::civil::Date::MIN);
    let file: toml::Table = text.parse().unwrap();
    for day in ["from", "until", "review"].iter().filter_map(|day| file["valid"].get(day)?.as_datetime()) {
        assert!(day.time.is_none() && day.offset.is_none(), "a day is none: {day}");
    }

    // It matches whole or not at all, which holds only where it is a pattern by itself.
    let pattern = file["case_reference"].as_str().unwrap();
    Regex::new(pattern).unwrap();
    assert_eq!(agreement.case_reference.as_str(), format!("^(?:{pattern})$"));
});
