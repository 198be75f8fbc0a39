//! What the keys keep apart: datasets, recipients, months, and the places of sealed cells.

use crate::harness::*;
use disown::{
    dataset::Catalogue,
    entropy::SeededEntropy,
    ids::DatasetId,
    pseudonym::{self, CellPlace, KeyEncryptionKey, Keyring, KeyringError, Recipient, SubjectIdentifier},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::HashSet;

const PADDED: usize = 32;

fn dataset(name: &str) -> DatasetId {
    DatasetId::try_from(name).unwrap()
}

fn subject() -> SubjectIdentifier {
    let catalogue = Catalogue::parse(include_str!("../../policies/catalogue.toml")).unwrap();
    SubjectIdentifier::parse_source(ISOLATING, &catalogue).unwrap()
}

fn kek() -> KeyEncryptionKey {
    KeyEncryptionKey::parse(&"5a".repeat(32)).unwrap()
}

fn keyring_file() -> String {
    pseudonym::create("disown.example/test", &[dataset("people")], &kek(), &SeededEntropy::new(9)).unwrap()
}

fn keyring() -> Keyring {
    pseudonym::open(&keyring_file(), &kek()).unwrap()
}

async fn name_in(keyring: &Keyring, name: &str) -> Vec<u8> {
    let found = keyring.pseudonymise(&dataset(name), &[&subject()]).await.unwrap();
    found[0].bytes_in(&dataset(name)).unwrap().to_vec()
}

/// Of datasets that sort before and after the one that was there first.
#[tokio::test]
async fn a_dataset_that_is_added_changes_no_name_in_another_and_has_names_of_its_own() {
    let before = name_in(&keyring(), "people").await;
    let mut names = HashSet::from([before.clone()]);
    let mut file = keyring_file();
    for added in ["clinical", "zoology"] {
        file = pseudonym::add(&file, &dataset(added), &kek(), &SeededEntropy::new(10)).unwrap();
        let keyring = pseudonym::open(&file, &kek()).unwrap();
        assert_eq!(name_in(&keyring, "people").await, before, "{added} changed a name");
        assert!(names.insert(name_in(&keyring, added).await));
    }
}

#[tokio::test]
async fn a_handle_is_for_one_organisation_under_one_agreement() {
    let keyring = keyring();
    let recipient = |organisation: &str, agreement: &str| Recipient {
        organisation: organisation.try_into().unwrap(),
        agreement: agreement.try_into().unwrap(),
    };
    let recipients = [
        recipient("government-of-jersey", "contact-tracing"),
        recipient("government-of-jersey", "clinical-care"),
        recipient("public-health-jersey", "contact-tracing"),
        // One text in two parts, cut at two places.
        recipient("a", "b-c"),
        recipient("a-b", "c"),
    ];
    for given in &recipients {
        let handle = keyring.handle(&subject(), given).await.unwrap();
        for holder in &recipients {
            let opened = keyring.open_handle(handle.as_str(), holder).await;
            assert_eq!(opened.is_ok(), given == holder, "given to {given:?}, held by {holder:?}");
        }
    }
}

#[tokio::test]
async fn a_sealed_cell_opens_in_its_own_place_only() {
    let keyring = keyring();
    let (people, record, other) = (dataset("people"), [1; 16], [2; 16]);
    let place = CellPlace { dataset: &people, record_type: "person", column: "phone", record_id: &record };
    let sealed = keyring.seal(place, b"07700 900001", &SeededEntropy::new(11)).await.unwrap();
    assert_eq!(keyring.unseal(place, &sealed).await.unwrap().as_slice(), b"07700 900001");
    for elsewhere in [
        CellPlace { record_type: "pet", ..place },
        CellPlace { column: "email", ..place },
        CellPlace { record_id: &other, ..place },
        // One text in two parts, cut at two places.
        CellPlace { record_type: "personp", column: "hone", ..place },
    ] {
        let opened = keyring.unseal(elsewhere, &sealed).await;
        assert_eq!(opened.err(), Some(KeyringError::Open), "{elsewhere:?}");
    }
}

/// A thief of the control database has what is stored of the month's key, and the tags: none of it makes a known number's tag.
#[tokio::test]
async fn what_is_stored_of_a_months_key_makes_no_tag() {
    let keyring = keyring();
    let sealed = keyring.new_month_key("2026-11", &SeededEntropy::new(12)).await.unwrap();
    let month = keyring.open_month_key("2026-11", &sealed).await.unwrap();
    let tag = keyring.tag(&month, &subject()).await;
    let mut padded = [0; PADDED];
    let identifier = format!("jy:{ISOLATING}");
    padded[..identifier.len()].copy_from_slice(identifier.as_bytes());
    for (at, key) in sealed.windows(32).enumerate() {
        let made = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(padded).finalize().into_bytes();
        assert_ne!(hex::encode(&made[..16]), tag.as_str(), "the key stands in what is stored, from byte {at} on");
    }
    // Nor is it good for another month.
    assert_eq!(keyring.open_month_key("2026-12", &sealed).await.err(), Some(KeyringError::Open));
}
