//! An invented population, the same every time but for its days, which are counted from today.

use crate::pb;
use jiff::{ToSpan, civil::Date};

/// The people of the demonstration, as the source files of three datasets.
pub(super) struct Population {
    pub(super) people: Source,
    pub(super) clinical: Source,
    pub(super) public_health: Source,
}

/// One source file.
pub(super) struct Source {
    pub(super) dataset: &'static str,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<pb::Row>,
}

/// Has tested positive and is under isolation today.
pub(super) const ISOLATING: &str = "JY104729C";
/// Was under isolation, and is free again.
pub(super) const FREE: &str = "JY224737A";
/// Nobody has this number.
pub(super) const NOBODY: &str = "JY999983D";

const GIVEN: [&str; 10] = ["Marie", "Philip", "Élise", "John", "Ana", "Peter", "Zofia", "Thomas", "Nancy", "Raoul"];
const FAMILY: [&str; 9] = ["Le Brocq", "Vautier", "Renouf", "de Gruchy", "Ferreira", "Nowak", "Pallot", "Amy", "Hamon"];
const PARISHES: [(&str, &str); 6] = [
    ("St Helier", "JE2 3AB"),
    ("St Saviour", "JE2 7DS"),
    ("St Brelade", "JE3 8FH"),
    ("Grouville", "JE3 9GA"),
    ("Trinity", "JE3 5JB"),
    ("St Ouen", "JE3 2LQ"),
];
const PEOPLE: u32 = 240;

/// Invents it.
pub(super) fn population(today: Date) -> Population {
    let mut population = Population {
        people: source(
            "people",
            "jy_number,given_name,family_name,date_of_birth,sex,place_of_birth,address_line,parish,postcode,phone,email,registered_on",
        ),
        clinical: source(
            "clinical",
            "record_id,jy_number,record_type,code_system,code,description,event_date,end_date,value,unit,status,site",
        ),
        public_health: source(
            "public_health",
            "record_id,jy_number,record_type,event_date,end_date,category,place,parish_or_port,contact_jy_number,test_result,detail",
        ),
    };
    for number in 0..PEOPLE {
        add(&mut population, number, today);
    }
    population
}

fn add(population: &mut Population, number: u32, today: Date) {
    let jy = match number {
        0 => ISOLATING.to_owned(),
        1 => FREE.to_owned(),
        _ => jy(number),
    };
    let at = |list: &[&str], step: u32| list[((number * 7 + step) as usize) % list.len()].to_owned();
    let (parish, postcode) = PARISHES[number as usize % PARISHES.len()];
    let born = today
        .saturating_sub((18 + i64::from(number * 13 % 70)).years())
        .saturating_sub(i64::from(number * 31 % 360).days());
    let sex = if number.is_multiple_of(2) { "F" } else { "M" };
    population.people.add(&[
        &jy,
        &at(&GIVEN, 0),
        &at(&FAMILY, number / 10),
        &born.to_string(),
        sex,
        "JE",
        &format!("{} La Grande Rue", number + 1),
        parish,
        postcode,
        &format!("07700 900{number:03}"),
        &format!("resident{number}@example.org"),
        "2019-04-01",
    ]);
    if number.is_multiple_of(4) {
        let since = today.saturating_sub(900.days()).to_string();
        population.clinical.add(&[
            &format!("C{number:04}a"),
            &jy,
            "condition",
            "SNOMED",
            "195967001",
            "Asthma",
            &since,
            "",
            "",
            "",
            "active",
            "GP surgery A",
        ]);
    }
    if number % 3 == 2 {
        return;
    }
    // One in three isolates today; another has done so and is free.
    let isolating = number.is_multiple_of(3);
    let tested = today.saturating_sub(if isolating { 3.days() } else { 40.days() });
    let until = tested.saturating_add(10.days()).to_string();
    let tested = tested.to_string();
    population.clinical.add(&[
        &format!("C{number:04}b"),
        &jy,
        "test_result",
        "LOINC",
        "94500-6",
        "SARS-CoV-2 RNA PCR",
        &tested,
        "",
        "positive",
        "",
        "final",
        "Overdale",
    ]);
    population.public_health.add(&[
        &format!("H{number:04}a"),
        &jy,
        "case_investigation",
        &tested,
        "",
        "household",
        "home",
        parish,
        &self::jy(number + 5),
        "",
        "3 contacts",
    ]);
    population.public_health.add(&[
        &format!("H{number:04}b"),
        &jy,
        "isolation",
        &tested,
        &until,
        "positive_test",
        "",
        parish,
        "",
        "",
        "",
    ]);
}

fn jy(number: u32) -> String {
    format!("JY{:06}{}", number * 7919 % 1_000_000, ["A", "B", "C", "D"][number as usize % 4])
}

fn source(dataset: &'static str, header: &str) -> Source {
    Source { dataset, columns: header.split(',').map(str::to_owned).collect(), rows: Vec::new() }
}

impl Source {
    fn add(&mut self, values: &[&str]) {
        let line = self.rows.len() as u64 + 2;
        self.rows.push(pb::Row { line, values: values.iter().map(|value| value.as_bytes().to_vec()).collect() });
    }
}
