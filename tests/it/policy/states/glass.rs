//! Who may rely on glass that was broken, worked out again by walking over the rows that brokers left.

/// Something that happened to a caller as it is stored, and whether brokers of this version understand it.
#[derive(Debug, Clone)]
pub struct GlassRow {
    pub by: By,
    pub number: u64,
    /// None: what was done before is reviewed.
    pub broken: Option<Broken>,
    pub understood: bool,
}

/// A caller of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct By {
    pub organisation: String,
    pub caller: String,
}

/// For what glass was broken, subject and time aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub agreement: String,
    pub role: String,
    pub case_reference: String,
}

impl Broken {
    pub fn is_for(&self, agreement: &str, role: &str, case_reference: &str) -> bool {
        self.agreement == agreement && self.role == role && self.case_reference == case_reference
    }
}

/// What stands by the rows of one caller: the last use, where each use but it was reviewed before the next, without a gap.
pub fn standing<'a>(rows: impl Iterator<Item = &'a GlassRow>) -> Option<Broken> {
    let rows: Vec<_> = rows.zip(1..).collect();
    let in_order = |(row, place): &(&GlassRow, u64)| {
        let is_use = place % 2 == 1;
        row.understood && row.number == *place && row.broken.is_some() == is_use
    };
    rows.last().filter(|_| rows.iter().all(in_order)).and_then(|(row, _)| row.broken.clone())
}
