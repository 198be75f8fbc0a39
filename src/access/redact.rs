//! 7. Redact: one disclosure a cell. What comes out are the final bytes of the answer, encoded once.

use super::{
    Linked,
    link::{LinkedRecord, LinkedValue},
};
use crate::{
    access_log::{Entry, Kind, merkle::Hash},
    control::Event,
    dataset::{
        Catalogue, Level, Value,
        catalogue::{Nature, RecordTypeId},
    },
    pb,
    policy::{Decision, Grant, Handling},
    telemetry::alarm,
};
use jiff::civil::Date;
use prost::Message;
use std::{collections::BTreeMap, sync::Arc};

/// The answer as it will be given, with the entry that must be durable first. Its bytes come out by release only.
#[expect(missing_debug_implementations, reason = "holds what a recipient gets")]
pub struct Redacted {
    pub(super) bytes: Vec<u8>,
    digest: Hash,
    pub(super) entry: Arc<Entry>,
    pub(super) lacks: bool,
}

impl Redacted {
    pub(super) fn new(bytes: Vec<u8>, entry: Entry, lacks: bool) -> Self {
        Self { digest: crate::access_log::digest(&bytes), bytes, entry: Arc::new(entry), lacks }
    }

    /// Raises what its entry says, once that is durable.
    pub(super) fn raise_alarms(&self) {
        let (alarms, trace) = self.entry.alarms();
        alarm::raise(alarms, trace);
    }

    /// The digest that the entry's receipt must cover.
    pub fn digest(&self) -> Hash {
        self.digest
    }
}

/// Cannot fail: what has no decision is withheld.
#[tracing::instrument(skip_all)]
pub fn redact(linked: Linked) -> Redacted {
    let Linked { grant, mut records, handle, subject } = linked;
    let catalogue = &grant.in_force.policy.catalogue;
    let (mut shown, mut lacks) = (Vec::new(), false);
    for (record_type, decisions) in by_record_type(&grant, catalogue) {
        let of_type: Vec<_> = records.extract_if(.., |record| record.record_type == record_type).collect();
        lacks |= of_type.is_empty();
        let name = &catalogue.record_type(record_type).full_name;
        if decisions.iter().all(|decision| decision.level <= Level::Exists) {
            shown.extend(folded(name, &of_type, &decisions, catalogue));
        } else {
            let mut rendered: Vec<_> =
                of_type.into_iter().map(|record| rendered(name, record, &decisions, catalogue, grant.today)).collect();
            // In the order of what is shown: any other order would tell of what is not.
            rendered.sort_by(|one, other| in_order(one).cmp(in_order(other)));
            shown.extend(rendered);
        }
    }
    let told = shown.len() as u64;
    let answer = pb::Answer {
        handle: handle.as_str().to_owned(),
        records: shown,
        withheld: withheld(&grant, catalogue),
        handling: grant.agreement().handling.iter().map(pb::HandlingCondition::from).collect(),
    };
    let fields = grant.decisions().iter().map(|one| (catalogue.field(one.field).name.clone(), one.level)).collect();
    let entry = Entry::decided(Kind::Release, "answered", grant.who.clone(), grant.terms())
        .disclosing(fields, told, subject)
        .within(grant.agreement().limits);
    let policy = &grant.in_force.policy;
    let with = |entry: Entry, event: &Event| entry.happening(&policy.version, policy.files_version(), event.clone());
    let entry = grant.happening.iter().fold(entry, with);
    Redacted::new(answer.encode_to_vec(), entry, lacks)
}

fn by_record_type(grant: &Grant, catalogue: &Catalogue) -> BTreeMap<RecordTypeId, Vec<Decision>> {
    let mut groups: BTreeMap<RecordTypeId, Vec<Decision>> = BTreeMap::new();
    for decision in grant.decisions().iter().filter(|decision| decision.level > Level::Withheld) {
        let group = groups.entry(catalogue.field(decision.field).record_type).or_default();
        // A field asked for twice is shown once.
        if !group.contains(decision) {
            group.push(*decision);
        }
    }
    groups
}

/// Of a record type of which only existence is shown, one record stands for all: their number is not shown either.
fn folded(name: &str, records: &[LinkedRecord], decisions: &[Decision], catalogue: &Catalogue) -> Option<pb::Record> {
    let cells = decisions.iter().map(|decision| {
        let column = catalogue.field(decision.field).column;
        let exists = records.iter().any(|record| record.values.get(column).is_some_and(Option::is_some));
        cell(decision, catalogue, pb::cell::Shown::Exists(exists))
    });
    let record = pb::Record { record_type: name.to_owned(), cells: cells.collect(), provenance: None };
    (!records.is_empty()).then_some(record)
}

fn rendered(
    name: &str,
    record: LinkedRecord,
    decisions: &[Decision],
    catalogue: &Catalogue,
    today: Date,
) -> pb::Record {
    let LinkedRecord { mut values, source, as_of, subject_category, disputed, .. } = record;
    let cells = decisions.iter().map(|decision| {
        // A field is shown once, and a column of a record type is one field.
        let value = values.get_mut(catalogue.field(decision.field).column).and_then(Option::take);
        let shown = match decision.level {
            Level::Full => pb::cell::Shown::Full(value.map(full).unwrap_or_default()),
            Level::Coarse => {
                let coarsening = catalogue.column(decision.field).coarse;
                let coarse = match (coarsening, value) {
                    (Some(coarsening), Some(LinkedValue::Value(value))) => coarsening.of(&value, today),
                    _ => None,
                };
                pb::cell::Shown::Coarse(coarse.unwrap_or_default())
            }
            Level::Exists | Level::Withheld => pb::cell::Shown::Exists(value.is_some()),
        };
        cell(decision, catalogue, shown)
    });
    let cells = cells.collect();
    let provenance = pb::Provenance { source, as_of: as_of.to_string(), subject_category, disputed };
    pb::Record { record_type: name.to_owned(), cells, provenance: Some(provenance) }
}

/// What two records of a type may differ in, as far as it is shown.
fn in_order(record: &pb::Record) -> impl Iterator<Item = (bool, &str)> {
    let cells = record.cells.iter().map(|cell| match &cell.shown {
        Some(pb::cell::Shown::Full(text) | pb::cell::Shown::Coarse(text)) => (true, text.as_str()),
        Some(pb::cell::Shown::Exists(exists)) => (*exists, ""),
        None => (false, ""),
    });
    let provenance = record.provenance.iter().flat_map(|of| {
        [(true, of.source.as_str()), (true, &of.as_of), (true, &of.subject_category), (of.disputed, "")]
    });
    cells.chain(provenance)
}

fn full(value: LinkedValue) -> String {
    match value {
        LinkedValue::Value(Value::Text(mut text)) => std::mem::take(&mut *text),
        LinkedValue::Value(Value::Date(day)) => day.to_string(),
        LinkedValue::Handle(handle) => handle.as_str().to_owned(),
        // A pseudonym means nothing outside its dataset: linking made a handle of every one, and should one be left it is not shown.
        LinkedValue::Value(Value::Subject(_)) => String::new(),
    }
}

fn cell(decision: &Decision, catalogue: &Catalogue, shown: pb::cell::Shown) -> pb::Cell {
    let nature = match catalogue.column(decision.field).nature {
        Nature::Fact => pb::Nature::Fact,
        Nature::Assessment => pb::Nature::Assessment,
    };
    pb::Cell {
        field: catalogue.field(decision.field).name.clone(),
        disclosure: pb::Disclosure::from(decision.level).into(),
        shown: Some(shown),
        nature: nature.into(),
    }
}

fn withheld(grant: &Grant, catalogue: &Catalogue) -> Vec<pb::Withheld> {
    let decisions = grant.decisions().iter().filter(|decision| decision.level == Level::Withheld);
    decisions
        .map(|decision| pb::Withheld {
            field: catalogue.field(decision.field).name.clone(),
            reason: decision.decided_by.as_str().to_owned(),
        })
        .collect()
}

impl From<&Handling> for pb::HandlingCondition {
    fn from(handling: &Handling) -> Self {
        Self { code: handling.code.clone(), words: handling.words.clone() }
    }
}

impl From<Level> for pb::Disclosure {
    fn from(level: Level) -> Self {
        match level {
            Level::Withheld => pb::Disclosure::Withheld,
            Level::Exists => pb::Disclosure::Exists,
            Level::Coarse => pb::Disclosure::Coarse,
            Level::Full => pb::Disclosure::Full,
        }
    }
}
