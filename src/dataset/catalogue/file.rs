//! The catalogue as a file: read strictly, checked, and turned into what cannot be wrong.

use super::{
    Catalogue, Category, Column, DatasetIndex, DatasetSpec, Field, FieldId, Kind, LawEnforcement, Nature, RecordType,
    RecordTypeId, Scheme, SubjectCategory,
};
use crate::{
    dataset::{Coarsening, ddl},
    ids::{DatasetId, OrganisationId},
    strict_toml::{self, InvalidToml},
};
use indexmap::IndexMap;
use jiff::civil::Date;
use regex::Regex;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// A catalogue that cannot be used, and why.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCatalogue {
    /// Not the TOML that a catalogue is.
    #[error("catalogue: {0}")]
    Form(#[from] InvalidToml),
    /// A part of it contradicts another or a rule.
    #[error("catalogue: `{at}`: {what}")]
    Content {
        /// Where: `people.columns.sex`.
        at: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schemes: IndexMap<String, String>,
    #[serde(default)]
    categories: IndexMap<String, Category>,
    datasets: IndexMap<String, RawDataset>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDataset {
    title: String,
    owner: OrganisationId,
    regime: String,
    review: toml::value::Datetime,
    law_enforcement: LawEnforcement,
    subject_column: String,
    record_type_column: Option<String>,
    subject_category: RawSubjectCategory,
    #[serde(default)]
    order: Vec<(String, String)>,
    records: IndexMap<String, RawRecordType>,
    columns: IndexMap<String, RawColumn>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawSubjectCategory {
    Always(String),
    Column(RawCategoryColumn),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCategoryColumn {
    column: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecordType {
    category: String,
    retention_days: u32,
    #[serde(default)]
    one_per_subject: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    r#type: RawKind,
    from: Option<String>,
    one_of: Option<Vec<String>>,
    nature: Nature,
    provided: bool,
    category: Option<String>,
    coarse: Option<Coarsening>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    sealed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawKind {
    Text,
    Date,
    Code,
    Subject,
}

pub(super) fn parse(text: &str) -> Result<Catalogue, InvalidCatalogue> {
    let file: File = strict_toml::read(text)?;
    let mut catalogue = Catalogue {
        schemes: file.schemes.into_iter().map(scheme).collect::<Result<_, _>>()?,
        datasets: vec![],
        record_types: vec![],
        fields: vec![],
        fields_by_name: HashMap::new(),
        categories: file.categories,
    };
    check(!catalogue.schemes.is_empty(), "schemes", "at least one way of naming subjects is needed")?;
    check(!file.datasets.is_empty(), "datasets", "at least one dataset is needed")?;
    let mut used = HashSet::new();
    for (name, raw) in file.datasets {
        used.extend(raw.records.values().map(|record_type| record_type.category.clone()));
        used.extend(raw.columns.values().filter_map(|column| column.category.clone()));
        add_dataset(&mut catalogue, &name, raw)?;
    }
    let idle = catalogue.categories.keys().find(|category| !used.contains(*category));
    idle.map_or(Ok(()), |category| {
        Err(content(&format!("categories.{category}"), "no record type and no column is of this category"))
    })?;
    Ok(catalogue)
}

fn scheme((name, pattern): (String, String)) -> Result<Scheme, InvalidCatalogue> {
    let at = format!("schemes.{name}");
    check(is_column_name(&name), &at, "a name is a lower-case letter and up to 40 lower-case letters, digits or `_`")?;
    let compiled = |text: String| Regex::new(&text).map_err(|_| content(&at, "the pattern is no regular expression"));
    Ok(Scheme { pattern: compiled(format!("^(?:{pattern})$"))?, anywhere: compiled(pattern)?, name })
}

fn add_dataset(catalogue: &mut Catalogue, name: &str, raw: RawDataset) -> Result<(), InvalidCatalogue> {
    const NAME: &str = "a name is a lower-case letter and up to 40 lower-case letters, digits or `_`";
    check(is_column_name(name), name, NAME)?;
    check(name != "control", name, "the access log is kept under that name: give the dataset another")?;
    // The title stands in a remark of the SQL that lays the store out: a line end would end the remark.
    check(!raw.title.contains(char::is_control), name, "`title` is one line of text")?;
    let mut categories = vec![];
    let mut columns = vec![];
    for (column, mut raw_column) in raw.columns {
        let at = format!("{name}.columns.{column}");
        check(is_column_name(&column), &at, NAME)?;
        check(
            !ddl::OWN.iter().any(|(own, _)| *own == column),
            &at,
            "every table has a column of that name already: give it another and set `from`",
        )?;
        categories.push(raw_column.category.take());
        columns.push(self::column(column, raw_column, &at)?);
    }
    check(!columns.is_empty() && columns.len() <= 60, name, "a dataset has 1 to 60 columns")?;
    let sources = columns.iter().map(|column| &column.source_name);
    let mut seen = HashSet::new();
    let distinct =
        sources.chain([&raw.subject_column]).chain(&raw.record_type_column).all(|source| seen.insert(source));
    check(distinct, name, "two columns have the same name in the source")?;
    check(!raw.records.is_empty(), name, "at least one record type is needed")?;
    check(
        raw.records.len() == 1 || raw.record_type_column.is_some(),
        name,
        "`record_type_column` is needed where there are several record types",
    )?;
    check(matches!(raw.regime.as_str(), "jersey" | "guernsey"), name, "`regime` is `jersey` or `guernsey`")?;
    let order = raw.order.iter().map(|pair| ordered(pair, &columns, name)).collect::<Result<_, _>>()?;

    let subject_category = subject_category(raw.subject_category, &columns, name)?;

    let category = |named: &str, at: &str| {
        let known = catalogue.categories.get(named).copied();
        known.ok_or_else(|| content(at, "its category is not declared in `[categories]`"))
    };
    let mut reaches = vec![];
    for (record_type, raw_type) in &raw.records {
        reaches.push(
            raw.law_enforcement
                .max(category(&raw_type.category, &format!("{name}.records.{record_type}"))?.law_enforcement),
        );
    }
    let mut own_reaches = vec![];
    for (column, named) in columns.iter().zip(&categories) {
        let at = format!("{name}.columns.{}", column.name);
        let own = named.as_ref().map(|named| category(named, &at)).transpose()?;
        own_reaches.push(own.map_or(LawEnforcement::Open, |own| own.law_enforcement));
    }
    if let SubjectCategory::Column(at) = subject_category {
        check(
            reaches.iter().all(|reach| own_reaches[at] <= *reach),
            name,
            "`subject_category` names a column that is told with every record: its category cannot be stricter about law enforcement than \
             the record types are",
        )?;
    }

    let dataset = DatasetIndex(catalogue.datasets.len());
    let mut record_types = vec![];
    for ((record_type, raw_type), law_enforcement) in raw.records.into_iter().zip(reaches) {
        check(is_column_name(&record_type), &format!("{name}.records.{record_type}"), NAME)?;
        let id = RecordTypeId(catalogue.record_types.len());
        let full_name = format!("{name}.{record_type}");
        let mut fields = vec![];
        for (at, column) in columns.iter().enumerate() {
            let id_of_field = FieldId(catalogue.fields.len());
            let category = categories[at].clone().unwrap_or_else(|| raw_type.category.clone());
            let field_name = format!("{full_name}.{}", column.name);
            catalogue.fields_by_name.insert(field_name.clone(), id_of_field);
            let reach = law_enforcement.max(own_reaches[at]);
            let field = Field { name: field_name, record_type: id, column: at, category, law_enforcement: reach };
            catalogue.fields.push(field);
            fields.push(id_of_field);
        }
        let RawRecordType { retention_days, one_per_subject, .. } = raw_type;
        catalogue.record_types.push(RecordType {
            name: record_type,
            full_name,
            dataset,
            retention_days,
            one_per_subject,
            law_enforcement,
            fields,
        });
        record_types.push(id);
    }
    catalogue.datasets.push(DatasetSpec {
        id: DatasetId::try_from(name).map_err(|_| content(name, NAME))?,
        title: raw.title,
        owner: raw.owner,
        regime: raw.regime,
        review: day(&raw.review).ok_or_else(|| content(name, "`review` is a day: 2027-01-01"))?,
        law_enforcement: raw.law_enforcement,
        subject_column: raw.subject_column,
        record_type_column: raw.record_type_column,
        subject_category,
        order,
        columns,
        record_types,
    });
    Ok(())
}

fn subject_category(
    raw: RawSubjectCategory,
    columns: &[Column],
    dataset: &str,
) -> Result<SubjectCategory, InvalidCatalogue> {
    let column = match raw {
        RawSubjectCategory::Always(category) => return Ok(SubjectCategory::Always(category)),
        RawSubjectCategory::Column(RawCategoryColumn { column }) => column,
    };
    let fits = |known: &Column| known.required && !known.sealed && matches!(known.kind, Kind::Code(_));
    let found = columns.iter().position(|known| known.name == column && fits(known));
    found.map(SubjectCategory::Column).ok_or_else(|| {
        content(dataset, "`subject_category` names a column that is a code, is required and is not sealed")
    })
}

fn column(name: String, raw: RawColumn, at: &str) -> Result<Column, InvalidCatalogue> {
    let kind = match (raw.r#type, raw.one_of) {
        (RawKind::Code, Some(codes)) if !codes.is_empty() => Kind::Code(codes),
        (RawKind::Code, _) => return Err(content(at, "a code needs its closed list, `one_of`")),
        (_, Some(_)) => return Err(content(at, "`one_of` belongs to codes")),
        (RawKind::Text, None) => Kind::Text,
        (RawKind::Date, None) => Kind::Date,
        (RawKind::Subject, None) => Kind::Subject,
    };
    if let Some(coarse) = raw.coarse {
        let fits = if coarse.is_of_dates() { kind == Kind::Date } else { kind == Kind::Text };
        check(fits, at, "this coarsening is not for values of this type")?;
    }
    check(
        !raw.unique || (raw.sealed && kind == Kind::Text),
        at,
        "`unique` belongs to sealed text, by a keyed blind index",
    )?;
    check(!raw.sealed || kind != Kind::Subject, at, "another subject is stored as a pseudonym, not sealed")?;
    Ok(Column {
        source_name: raw.from.unwrap_or_else(|| name.clone()),
        name,
        kind,
        required: raw.required,
        unique: raw.unique,
        sealed: raw.sealed,
        nature: raw.nature,
        provided_by_subject: raw.provided,
        coarse: raw.coarse,
    })
}

/// With a time or a zone it is read too, and would lose them.
fn day(raw: &toml::value::Datetime) -> Option<Date> {
    let text = raw.to_string();
    text.parse().ok().filter(|day: &Date| day.to_string() == text)
}

fn ordered(pair: &(String, String), columns: &[Column], at: &str) -> Result<(usize, usize), InvalidCatalogue> {
    let day = |name: &str| columns.iter().position(|column| column.name == name && column.kind == Kind::Date);
    match (day(&pair.0), day(&pair.1)) {
        (Some(first), Some(second)) => Ok((first, second)),
        _ => Err(content(at, "`order` names pairs of day columns")),
    }
}

/// What may stand in SQL text as it is.
fn is_column_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && name.len() <= 41
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn check(holds: bool, at: &str, what: &'static str) -> Result<(), InvalidCatalogue> {
    if holds { Ok(()) } else { Err(content(at, what)) }
}

fn content(at: &str, what: &'static str) -> InvalidCatalogue {
    InvalidCatalogue::Content { at: at.to_owned(), what }
}
