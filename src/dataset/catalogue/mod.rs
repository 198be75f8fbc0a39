//! The catalogue: which datasets are held, what is in them and what may be made of it.

mod file;
mod reach;

use super::{Coarsening, Level};
use crate::ids::{DatasetId, OrganisationId};
use indexmap::IndexMap;
use jiff::civil::Date;
use regex::Regex;
use std::collections::HashMap;

pub use file::InvalidCatalogue;
pub use reach::{Category, LawEnforcement};

/// A field, by its place in the catalogue it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(usize);

/// A record type, by its place in the catalogue it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordTypeId(usize);

/// A dataset, by its place in the catalogue it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatasetIndex(usize);

/// All datasets, record types and fields. Checked when it is made; nobody checks again after that.
#[derive(Debug)]
pub struct Catalogue {
    schemes: Vec<Scheme>,
    datasets: Vec<DatasetSpec>,
    record_types: Vec<RecordType>,
    fields: Vec<Field>,
    fields_by_name: HashMap<String, FieldId>,
    categories: IndexMap<String, Category>,
}

/// A way of naming subjects.
#[derive(Debug)]
pub struct Scheme {
    /// `jy`.
    pub name: String,
    /// Anchored at both ends.
    pub pattern: Regex,
    /// The same, anywhere in a text.
    pub anywhere: Regex,
}

/// One separately held source.
#[derive(Debug)]
pub struct DatasetSpec {
    /// Its name.
    pub id: DatasetId,
    /// What it is, for people.
    pub title: String,
    /// Who keeps it.
    pub owner: OrganisationId,
    /// The law it is under: `jersey` or `guernsey`.
    pub regime: String,
    /// The day by which keeping it is to be reviewed (GO9).
    pub review: Date,
    /// How far law enforcement reaches; a category can be stricter.
    pub law_enforcement: LawEnforcement,
    /// The source column that names the subject.
    pub subject_column: String,
    /// The source column that names the record type; none where there is one record type.
    pub record_type_column: Option<String>,
    /// What a subject is to the keeper (GO8).
    pub subject_category: SubjectCategory,
    /// Pairs of day columns, of which the second is not before the first.
    pub order: Vec<(usize, usize)>,
    /// Its columns, each in every record type.
    pub columns: Vec<Column>,
    /// Its record types.
    pub record_types: Vec<RecordTypeId>,
}

/// What subjects are to the keeper of a dataset, as every record of it tells its recipients (GO 8(3)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectCategory {
    /// All the same: `patient`.
    Always(String),
    /// What that column of a record says: `suspect`, `convicted`, `victim`, `witness` or `other`. It has a closed list and is always there.
    Column(usize),
}

/// A kind of record of one dataset.
#[derive(Debug)]
pub struct RecordType {
    /// `person`.
    pub name: String,
    /// `people.person`.
    pub full_name: String,
    /// The dataset it is in.
    pub dataset: DatasetIndex,
    /// How long a record is kept.
    pub retention_days: u32,
    /// A subject has at most one.
    pub one_per_subject: bool,
    /// How far law enforcement reaches: whether there is such a record is out of its reach already. The stricter of dataset and category.
    pub law_enforcement: LawEnforcement,
    /// Its fields, one a column, in the order of the columns.
    pub fields: Vec<FieldId>,
}

/// A column of a dataset.
#[derive(Debug)]
pub struct Column {
    /// Name in the store and in field names.
    pub name: String,
    /// Name in source files.
    pub source_name: String,
    /// What it holds.
    pub kind: Kind,
    /// A record without it is rejected.
    pub required: bool,
    /// No two records have the same.
    pub unique: bool,
    /// Stored sealed, cell by cell.
    pub sealed: bool,
    /// Fact or assessment (GO8).
    pub nature: Nature,
    /// The subject provided it (R-POR).
    pub provided_by_subject: bool,
    /// How it is made coarse, if it can be.
    pub coarse: Option<Coarsening>,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A civil day.
    Date,
    /// One of a closed list.
    Code(Vec<String>),
    /// Another subject.
    Subject,
}

/// Whether a field states a fact or somebody's assessment (GO8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// A fact.
    Fact,
    /// An assessment.
    Assessment,
}

/// One column of one record type.
#[derive(Debug)]
pub struct Field {
    /// `dataset.record_type.column`.
    pub name: String,
    /// The record type it is in.
    pub record_type: RecordTypeId,
    /// Its column's place in the dataset.
    pub column: usize,
    /// What kind of data it is, the object of policy lines.
    pub category: String,
    /// How far law enforcement reaches: the strictest of the dataset, the record type's category and its own.
    pub law_enforcement: LawEnforcement,
}

impl Catalogue {
    /// Reads and checks a catalogue file (TOML).
    pub fn parse(text: &str) -> Result<Self, InvalidCatalogue> {
        file::parse(text)
    }

    /// The datasets, in the order of the file.
    pub fn datasets(&self) -> impl Iterator<Item = (DatasetIndex, &DatasetSpec)> {
        self.datasets.iter().enumerate().map(|(at, spec)| (DatasetIndex(at), spec))
    }

    /// A dataset by name.
    pub fn dataset_named(&self, name: &str) -> Option<(DatasetIndex, &DatasetSpec)> {
        self.datasets().find(|(_, spec)| spec.id.as_str() == name)
    }

    /// One dataset.
    pub fn dataset(&self, at: DatasetIndex) -> &DatasetSpec {
        &self.datasets[at.0]
    }

    /// One record type.
    pub fn record_type(&self, at: RecordTypeId) -> &RecordType {
        &self.record_types[at.0]
    }

    /// The record types, in the order of the file.
    pub fn record_types(&self) -> impl Iterator<Item = (RecordTypeId, &RecordType)> {
        self.record_types.iter().enumerate().map(|(at, record_type)| (RecordTypeId(at), record_type))
    }

    /// A record type by its full name.
    pub fn record_type_named(&self, full_name: &str) -> Option<RecordTypeId> {
        self.record_types().find(|(_, record_type)| record_type.full_name == full_name).map(|(at, _)| at)
    }

    /// The fields, in the order of the file.
    pub fn fields(&self) -> impl Iterator<Item = (FieldId, &Field)> {
        self.fields.iter().enumerate().map(|(at, field)| (FieldId(at), field))
    }

    /// One field.
    pub fn field(&self, at: FieldId) -> &Field {
        &self.fields[at.0]
    }

    /// The field that is that column of a record type.
    pub fn field_at(&self, record_type: RecordTypeId, column: usize) -> Option<FieldId> {
        self.fields().find(|(_, field)| field.record_type == record_type && field.column == column).map(|(at, _)| at)
    }

    /// Whether it is special category data (GO5).
    pub fn is_special(&self, at: FieldId) -> bool {
        self.categories.get(&self.field(at).category).is_some_and(|category| category.special)
    }

    /// A field by name.
    pub fn field_named(&self, name: &str) -> Option<FieldId> {
        self.fields_by_name.get(name).copied()
    }

    /// The column of a field.
    pub fn column(&self, at: FieldId) -> &Column {
        let field = self.field(at);
        &self.dataset(self.record_type(field.record_type).dataset).columns[field.column]
    }

    /// Whether a field can be shown at a level at all.
    pub fn can_show(&self, at: FieldId, level: Level) -> bool {
        level != Level::Coarse || self.column(at).coarse.is_some()
    }

    /// The ways of naming subjects; the first is meant where a source gives none.
    pub fn schemes(&self) -> &[Scheme] {
        &self.schemes
    }

    /// Whether a text contains something that has the form of a subject identifier, in whatever case.
    pub fn holds_identifier(&self, text: &str) -> bool {
        let held = |text: &str| self.schemes.iter().any(|scheme| scheme.anywhere.is_match(text));
        held(text) || held(&text.to_ascii_uppercase()) || held(&text.to_ascii_lowercase())
    }
}

impl FieldId {
    /// Position in a table that has a place for each field of the catalogue.
    pub fn position(self) -> usize {
        self.0
    }
}

impl RecordTypeId {
    /// Position in a table that has a place for each record type of the catalogue.
    pub fn position(self) -> usize {
        self.0
    }
}

impl DatasetIndex {
    /// Position in a table that has a place for each dataset of the catalogue.
    pub fn position(self) -> usize {
        self.0
    }
}
