//! What should be decided, worked out again without Casbin and without the broker's own types: lines split at commas, TOML read
//! as it is, and the rule itself, `min(policy with deny-overrides, agreement, hard rules)`.

use disown::policy::PolicyFiles;
use jiff::civil::Date;
use toml::{Table, Value};

pub struct Oracle {
    lines: Vec<Vec<String>>,
    pub enforcing: Vec<String>,
    pub fields: Vec<Field>,
    /// Categories of special category data.
    pub special: Vec<String>,
    agreements: Vec<Table>,
}

pub struct Field {
    pub name: String,
    pub category: String,
    /// How far law enforcement reaches: a place in `REACHES`.
    pub reach: usize,
    pub coarse: bool,
    pub review: Date,
}

/// What the catalogue says of law enforcement, the strictest last.
const REACHES: [&str; 3] = ["open", "warrant", "never"];

/// As policy lines and agreements call them, least revealing first.
pub const LEVELS: [&str; 4] = ["withheld", "exists", "coarse", "full"];

impl Oracle {
    pub fn over(files: &PolicyFiles) -> Self {
        let csv = files.rules.iter().filter(|(name, _)| name.ends_with(".csv")).flat_map(|(_, text)| text.lines());
        let lines = csv
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
            .map(|line| line.split(',').map(|part| part.trim().to_owned()).collect())
            .collect();
        let roles: Table = files.rules["roles.toml"].parse().unwrap();
        let enforces = |spec: &Value| spec.get("law_enforcement").and_then(Value::as_bool) == Some(true);
        let roles = roles["roles"].as_table().unwrap().iter();
        let agreements = files.agreements.iter().filter(|(name, _)| !name.ends_with(".cases.toml"));
        Self {
            lines,
            enforcing: roles.filter(|(_, spec)| enforces(spec)).map(|(name, _)| name.clone()).collect(),
            fields: fields(&files.rules["catalogue.toml"]),
            special: special(&files.rules["catalogue.toml"]),
            agreements: agreements.map(|(_, text)| text.parse().unwrap()).collect(),
        }
    }

    /// Whether these terms stand for somebody of that organisation on that day.
    pub fn stands(&self, organisation: &str, role: &str, purpose: &str, agreement: &str, day: Date) -> bool {
        let agreement = self.agreement(agreement);
        let names =
            |key: &str, name: &str| agreement[key].as_array().unwrap().iter().any(|one| one.as_str() == Some(name));
        let on = |key: &str| self::day(&agreement["valid"][key]);
        names("parties", organisation)
            && names("roles", role)
            && names("purposes", purpose)
            && on("from") <= day
            && day < on("until")
            && day <= on("review")
    }

    /// The level of a field, as its place in `LEVELS`, where the terms stand.
    pub fn level(&self, role: &str, purpose: &str, agreement: &str, field: &Field, day: Date) -> usize {
        let agreed = self.agreement(agreement).get("fields").and_then(|fields| fields.get(&field.name));
        let agreed = agreed.map_or(0, |level| place(level.as_str().unwrap()));
        if day > field.review || (self.enforcing.iter().any(|one| one == role) && field.reach > 0) {
            return 0;
        }
        self.by_policy(role, purpose, field).min(agreed)
    }

    /// Whether lines allow law enforcement what is not open to it.
    pub fn crosses(&self, purposes: &[&str]) -> bool {
        let mut closed = self.fields.iter().filter(|field| field.reach > 0);
        closed.any(|field| {
            let by = |role: &String| purposes.iter().any(|purpose| self.by_policy(role, purpose, field) > 0);
            self.enforcing.iter().any(by)
        })
    }

    /// What the lines alone come to, as a place in `LEVELS`.
    pub fn by_policy(&self, role: &str, purpose: &str, field: &Field) -> usize {
        let roles = self.with_ancestors(role);
        let object = format!("category:{}", field.category);
        let says = |level: usize, effect: &str| {
            self.lines.iter().any(|line| {
                line[0] == "p"
                    && roles.contains(&line[1].as_str())
                    && line[2] == purpose
                    && (line[3] == field.name || line[3] == object)
                    && line[4] == LEVELS[level]
                    && line[5] == effect
            })
        };
        let shown = |level: &usize| (*level != 2 || field.coarse) && says(*level, "allow");
        (1..=3).rev().filter(shown).find(|level| !(1..=*level).any(|below| says(below, "deny"))).unwrap_or(0)
    }

    fn with_ancestors<'a>(&'a self, role: &'a str) -> Vec<&'a str> {
        let mut found = vec![role];
        let mut at = 0;
        while let Some(child) = found.get(at).copied() {
            let parents =
                self.lines.iter().filter(|line| line[0] == "g" && line[1] == child).map(|line| line[2].as_str());
            found.extend(parents.filter(|parent| !found.contains(parent)).collect::<Vec<_>>());
            at += 1;
        }
        found
    }

    fn agreement(&self, id: &str) -> &Table {
        self.agreements.iter().find(|agreement| agreement["id"].as_str() == Some(id)).unwrap()
    }
}

fn special(catalogue: &str) -> Vec<String> {
    let catalogue: Table = catalogue.parse().unwrap();
    let categories = catalogue["categories"].as_table().unwrap().iter();
    let special = categories.filter(|(_, says)| says.get("special").and_then(Value::as_bool) == Some(true));
    special.map(|(name, _)| name.clone()).collect()
}

fn fields(catalogue: &str) -> Vec<Field> {
    let catalogue: Table = catalogue.parse().unwrap();
    let says = |of: &Value| {
        let says = of["law_enforcement"].as_str().unwrap();
        REACHES.iter().position(|known| *known == says).unwrap()
    };
    let mut fields = Vec::new();
    for (dataset, spec) in catalogue["datasets"].as_table().unwrap() {
        for (record_type, record) in spec["records"].as_table().unwrap() {
            for (column, known) in spec["columns"].as_table().unwrap() {
                let category = known.get("category").unwrap_or(&record["category"]);
                let reaches =
                    [&record["category"], category].map(|name| says(&catalogue["categories"][name.as_str().unwrap()]));
                fields.push(Field {
                    name: format!("{dataset}.{record_type}.{column}"),
                    category: category.as_str().unwrap().to_owned(),
                    reach: reaches.into_iter().fold(says(spec), usize::max),
                    coarse: known.get("coarse").is_some(),
                    review: day(&spec["review"]),
                });
            }
        }
    }
    fields
}

pub fn day(value: &Value) -> Date {
    value.to_string().parse().unwrap()
}

pub fn place(level: &str) -> usize {
    LEVELS.iter().position(|known| *known == level).unwrap()
}
