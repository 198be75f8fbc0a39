//! Subjects and what is held on them, put in by the product's keys and stores. No entry of the access log says so: that is the one
//! thing in which such records differ from those that were loaded.

use crate::{deployment::Parts, measured::subjects::Subjects};
use anyhow::Context;
use disown::{
    access_log::merkle::{Frontier, leaf_hash},
    dataset::{
        Batch, Catalogue, NewRecord, PostgresDataset, Store, StoredCell,
        catalogue::{DatasetIndex, DatasetSpec, Kind},
    },
    entropy::{Entropy, SystemEntropy},
    pseudonym::{CellPlace, Keyring, SubjectIdentifier},
};
use std::{ops::Range, sync::Arc};
use zeroize::Zeroizing;

/// A record that everybody has.
struct Held {
    record_type: &'static str,
    cells: &'static [(&'static str, &'static str)],
}

/// Those that are answered with, and no other.
const HELD: [(&str, &[Held]); 3] = [("people", &PEOPLE), ("clinical", &CLINICAL), ("public_health", &PUBLIC_HEALTH)];
const PEOPLE: [Held; 1] = [Held {
    record_type: "people.person",
    cells: &[
        ("given_name", "Marie"),
        ("family_name", "Le Brocq"),
        ("date_of_birth", "1984-05-24"),
        ("sex", "F"),
        ("place_of_birth", "JE"),
        ("address_line", "17 La Grande Rue"),
        ("parish", "St Helier"),
        ("postcode", "JE2 3AB"),
        ("phone", "07700 900001"),
        ("email", "marie@example.org"),
        ("registered_on", "2019-04-01"),
    ],
}];
macro_rules! clinical {
    ($record_type:literal, $code:literal, $description:literal, $status:literal) => {
        Held {
            record_type: $record_type,
            cells: &[
                ("code_system", "SNOMED"),
                ("code", $code),
                ("description", $description),
                ("event_date", "2015-03-01"),
                ("status", $status),
                ("site", "GP surgery A"),
            ],
        }
    };
}
const CLINICAL: [Held; 4] = [
    clinical!("clinical.condition", "195967001", "Asthma", "active"),
    clinical!("clinical.condition", "38341003", "Hypertensive disorder", "active"),
    clinical!("clinical.medication", "372897005", "Salbutamol 100 micrograms inhaler", "active"),
    clinical!("clinical.test_result", "840533007", "SARS-CoV-2 RNA", "final"),
];
macro_rules! isolation {
    ($category:literal) => {
        Held {
            record_type: "public_health.isolation",
            cells: &[
                ("event_date", "2026-01-02"),
                ("end_date", "2026-01-12"),
                ("category", $category),
                ("parish_or_port", "St Helier"),
            ],
        }
    };
}
const PUBLIC_HEALTH: [Held; 2] = [isolation!("positive_test"), isolation!("contact")];
/// So many subjects in a batch.
const AT_ONCE: usize = 5_000;
/// One seals while another stores.
const TURNS: usize = 2;

/// Puts in those of the subjects that stand at these places.
pub async fn put_in(parts: Parts, subjects: Subjects, places: Range<usize>) -> anyhow::Result<()> {
    let postgres = parts.config.postgres.as_ref().context("a deployment without servers")?;
    let mut filling = Vec::new();
    for (name, held) in HELD {
        let (dataset, spec) = parts.catalogue.dataset_named(name).context("a dataset is missing")?;
        let store = PostgresDataset::open(&postgres.dataset(&spec.id)?, parts.catalogue.clone(), dataset).await?;
        let (store, chunks) = (Arc::new(store), places.clone().step_by(AT_ONCE));
        for turn in 0..TURNS {
            let (store, chunks) = (store.clone(), chunks.clone().skip(turn).step_by(TURNS));
            let sealing = Sealing { catalogue: parts.catalogue.clone(), keyring: parts.keyring.clone(), dataset, held };
            let end = places.end;
            filling.push(tokio::spawn(async move {
                for chunk in chunks {
                    store.insert(sealing.batch(subjects, chunk..end.min(chunk + AT_ONCE)).await?).await?;
                }
                anyhow::Ok(())
            }));
        }
    }
    for one in filling {
        one.await??;
    }
    Ok(())
}

struct Sealing {
    catalogue: Arc<Catalogue>,
    keyring: Arc<Keyring>,
    dataset: DatasetIndex,
    held: &'static [Held],
}

impl Sealing {
    async fn batch(&self, subjects: Subjects, places: Range<usize>) -> anyhow::Result<Batch> {
        let entropy: &dyn Entropy = &SystemEntropy;
        let spec = self.catalogue.dataset(self.dataset);
        let mut records = Vec::with_capacity(places.len() * self.held.len());
        for at in places {
            for (nth, held) in self.held.iter().enumerate() {
                records.push(self.record(spec, &subjects.identifier(at), nth, held).await?);
            }
        }
        entropy.shuffle(&mut records)?;
        let mut tree = Frontier::new();
        for record in &records {
            tree.push(leaf_hash(&record.commitment(&spec.id).context("a record of another dataset")?));
        }
        let day = jiff::civil::date(2026, 1, 1);
        Ok(Batch { name: entropy.bytes()?, day, root: *tree.root().as_bytes(), records })
    }

    async fn record(&self, spec: &DatasetSpec, number: &str, nth: usize, held: &Held) -> anyhow::Result<NewRecord> {
        let Self { catalogue, keyring, .. } = self;
        let entropy: &dyn Entropy = &SystemEntropy;
        let record_id: [u8; 16] = entropy.bytes()?;
        let record_type = catalogue.record_type_named(held.record_type).context("a record type is missing")?;
        let subject = SubjectIdentifier::parse(Zeroizing::new(format!("jy:{number}")), catalogue)?;
        let pseudonym = keyring.pseudonymise(&spec.id, &[&subject]).await?.pop().context("no pseudonym")?;
        let source_id = format!("{number}-{nth}");
        let (mut cells, mut blind_indexes) = (Vec::with_capacity(spec.columns.len()), Vec::new());
        for column in &spec.columns {
            let known = held.cells.iter().find(|(name, _)| *name == column.name).map(|(_, value)| *value);
            let value = if column.name == "source_id" { Some(source_id.as_str()) } else { known };
            if column.unique {
                let index = keyring.blind_index(&spec.id, &column.name, value.unwrap_or_default().as_bytes());
                blind_indexes.push(index.await?);
            }
            let name = &catalogue.record_type(record_type).name;
            let place = CellPlace { dataset: &spec.id, record_type: name, column: &column.name, record_id: &record_id };
            cells.push(match value {
                Some(value) if column.sealed => {
                    StoredCell::Bytes(keyring.seal(place, value.as_bytes(), entropy).await?)
                }
                Some(value) if column.kind != Kind::Subject => StoredCell::Plain(value.to_owned()),
                _ => StoredCell::Empty,
            });
        }
        Ok(NewRecord {
            record_id,
            pseudonym,
            record_type,
            cells,
            blind_indexes,
            as_of: jiff::civil::date(2026, 1, 1),
            source: "benchmark".to_owned(),
            subject_category: "subject".to_owned(),
            salt: entropy.bytes()?,
            key_epoch: keyring.epoch(&spec.id)?,
        })
    }
}
