//! How a value is made coarse.

use super::Value;
use jiff::civil::Date;

/// What a coarse disclosure shows of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coarsening {
    /// Of a day, its year: `2026`.
    Year,
    /// Of a day, its month: `2026-10`.
    Month,
    /// Of a day of birth, the age today in bands of ten years: `30-39`, `90+`.
    AgeBand,
    /// Of a British postcode, the part before the blank: `JE2`.
    OutwardCode,
    /// Of a name, its first letter: `A.`.
    Initial,
}

impl Coarsening {
    /// Whether values of this kind are days.
    pub fn is_of_dates(self) -> bool {
        matches!(self, Coarsening::Year | Coarsening::Month | Coarsening::AgeBand)
    }

    /// The coarse form, or nothing where the value has none: a value that cannot be made coarse is not shown.
    pub fn of(self, value: &Value, today: Date) -> Option<String> {
        match (self, value) {
            (Coarsening::Year, Value::Date(day)) => Some(format!("{:04}", day.year())),
            (Coarsening::Month, Value::Date(day)) => Some(format!("{:04}-{:02}", day.year(), day.month())),
            (Coarsening::AgeBand, Value::Date(born)) => age_band(*born, today),
            (Coarsening::OutwardCode, Value::Text(text)) => {
                text.split_once(' ').map(|(outward, _)| outward.to_owned()).filter(|outward| outward.len() <= 4)
            }
            (Coarsening::Initial, Value::Text(text)) => text.chars().next().map(|first| format!("{first}.")),
            _ => None,
        }
    }
}

/// From 90 on one band: the oldest are few enough to be known by their age.
fn age_band(born: Date, today: Date) -> Option<String> {
    let birthday_to_come = (today.month(), today.day()) < (born.month(), born.day());
    let age = today.year() - born.year() - i16::from(birthday_to_come);
    match age {
        i16::MIN..0 => None,
        0..90 => Some(format!("{}-{}", age / 10 * 10, age / 10 * 10 + 9)),
        _ => Some("90+".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use zeroize::Zeroizing;

    const TODAY: Date = date(2026, 11, 21);

    #[test]
    fn ages_count_from_the_birthday() {
        assert_eq!(age_band(date(1996, 11, 21), TODAY).as_deref(), Some("30-39"));
        assert_eq!(age_band(date(1996, 11, 22), TODAY).as_deref(), Some("20-29"));
        assert_eq!(age_band(date(1920, 1, 1), TODAY).as_deref(), Some("90+"));
        assert_eq!(age_band(date(2030, 1, 1), TODAY), None);
    }

    #[test]
    fn what_has_no_coarse_form_is_not_shown() {
        let text = |s: &str| Value::Text(Zeroizing::new(s.to_owned()));
        assert_eq!(Coarsening::OutwardCode.of(&text("JE2 7DS"), TODAY).as_deref(), Some("JE2"));
        assert_eq!(Coarsening::OutwardCode.of(&text("JE27DS"), TODAY), None);
        assert_eq!(Coarsening::Month.of(&text("2026-01-01"), TODAY), None);
        assert_eq!(Coarsening::Initial.of(&text("Édith"), TODAY).as_deref(), Some("É."));
    }
}
