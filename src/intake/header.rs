//! The header of a source: which of its columns is which of the catalogue's.

use crate::dataset::catalogue::DatasetSpec;

/// Where a source has each column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub(super) subject: usize,
    pub(super) record_type: Option<usize>,
    pub(super) columns: Vec<usize>,
    pub(super) width: usize,
}

/// A header that is not that of the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidHeader {
    /// A column is missing.
    Missing,
    /// A column is there that the dataset does not have, or twice.
    Surplus,
}

impl Header {
    /// Finds every column of the dataset in a source's header, in any order; there must be no other.
    pub fn find(names: &[String], spec: &DatasetSpec) -> Result<Self, InvalidHeader> {
        let place = |wanted: &str| names.iter().position(|name| name == wanted).ok_or(InvalidHeader::Missing);
        let columns = spec.columns.iter().map(|column| place(&column.source_name)).collect::<Result<Vec<_>, _>>()?;
        let subject = place(&spec.subject_column)?;
        let record_type = spec.record_type_column.as_deref().map(place).transpose()?;
        let expected = columns.len() + 1 + usize::from(record_type.is_some());
        if names.len() != expected {
            return Err(InvalidHeader::Surplus);
        }
        Ok(Self { subject, record_type, columns, width: expected })
    }
}
