//! Conditions, on records of the type that the first line names: one that is taken looks at no sealed column, can be evaluated
//! for any record, and means the same in parentheses.
#![no_main]

use disown::{
    dataset::{Value, catalogue::Kind},
    policy::Condition,
};
use disown_fuzz::{CATALOGUE, TODAY, named};
use jiff::{ToSpan, civil::Date};
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

fuzz_target!(|text: &str| {
    let Some((record, text)) = named(text) else { return };
    let Ok(condition) = Condition::parse(record, text, &CATALOGUE) else { return };
    assert_eq!(condition.text, text);
    let spec = CATALOGUE.dataset(CATALOGUE.record_type(condition.record_type).dataset);
    for column in condition.columns() {
        assert!(!spec.columns[column].sealed && spec.columns[column].kind != Kind::Subject);
    }
    for outside in text.split('"').step_by(2) {
        let words = outside.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
        // No column begins like that, so it was read as a day, which is ten characters and nothing more.
        assert!(
            words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).all(|word| word.len() == 10),
            "{text}"
        );
    }
    let again = [format!("({text})"), format!("({text}) and ({text})"), format!("({text}) or ({text})")];
    // Longer and deeper than the first, they may be over a limit.
    let again = again.iter().filter_map(|text| Condition::parse(record, text, &CATALOGUE).ok()).collect::<Vec<_>>();
    let words: Vec<&str> = text.split('"').collect();
    let texts = ["", "St Helier", "\u{10FFFF}"].into_iter().chain(words);
    let records = [Date::MIN, Date::MAX, TODAY, TODAY - 1.day(), TODAY + 1.day()].into_iter().map(Some).chain([None]);
    for (day, text) in records.zip(texts.chain(std::iter::repeat("x"))) {
        let cells: Vec<Option<Value>> = spec.columns.iter().map(|column| cell(&column.kind, day, text)).collect();
        let holds = condition.holds(&cells, TODAY);
        assert!(again.iter().all(|again| again.holds(&cells, TODAY) == holds), "{text}");
    }
    // Nothing to look at is no reason to panic.
    condition.holds(&[], TODAY);
});

fn cell(kind: &Kind, day: Option<Date>, text: &str) -> Option<Value> {
    match kind {
        Kind::Date => day.map(Value::Date),
        Kind::Text | Kind::Code(_) => Some(Value::Text(Zeroizing::new(text.to_owned()))).filter(|_| !text.is_empty()),
        Kind::Subject => None,
    }
}
