//! Handles: one that opens is one that was given, to that recipient and to no other.
#![no_main]

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use disown::{
    ids::{AgreementId, DatasetId, OrganisationId},
    pseudonym::{self, KeyEncryptionKey, Keyring, Recipient, SubjectIdentifier},
};
use disown_fuzz::{CATALOGUE, KNOWN, KnownEntropy, block_on};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use std::sync::LazyLock;
use zeroize::Zeroizing;

static KEYRING: LazyLock<Keyring> = LazyLock::new(|| {
    let kek = KeyEncryptionKey::parse(&hex::encode(KNOWN)).unwrap();
    let datasets = [DatasetId::try_from("people").unwrap()];
    let file = pseudonym::create("disown.example/fuzz", &datasets, &kek, &KnownEntropy).unwrap();
    pseudonym::open(&file, &kek).unwrap()
});

#[derive(Arbitrary, Debug)]
enum Input {
    Raw(String),
    /// What an encoding stands for, so that the cipher is reached.
    Encoded(Vec<u8>),
    /// The handle of a number, altered.
    Given {
        number: u32,
        at: usize,
        by: u8,
        longer: Vec<u8>,
    },
}

fuzz_target!(|input: Input| {
    let (own, others) = (recipient("police", "checks"), [recipient("police", "care"), recipient("hospital", "checks")]);
    match input {
        Input::Raw(raw) => check(&raw, &own),
        Input::Encoded(bytes) => check(&BASE64.encode(bytes), &own),
        Input::Given { number, at, by, longer } => {
            let subject = format!("visitor:V{:07}", number % 10_000_000);
            let subject = SubjectIdentifier::parse(Zeroizing::new(subject), &CATALOGUE).unwrap();
            let given = block_on(KEYRING.handle(&subject, &own)).unwrap();
            let given = given.as_str();
            assert!(block_on(KEYRING.open_handle(given, &own)).is_ok());
            assert!(others.iter().all(|other| block_on(KEYRING.open_handle(given, other)).is_err()));
            let mut bytes = BASE64.decode(given).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= by;
            bytes.extend(longer);
            let altered = BASE64.encode(bytes);
            assert_eq!(block_on(KEYRING.open_handle(&altered, &own)).is_ok(), altered == given);
        }
    }
});

fn check(raw: &str, recipient: &Recipient) {
    if let Ok(subject) = block_on(KEYRING.open_handle(raw, recipient)) {
        assert_eq!(block_on(KEYRING.handle(&subject, recipient)).unwrap().as_str(), raw);
    }
}

fn recipient(organisation: &str, agreement: &str) -> Recipient {
    Recipient {
        organisation: OrganisationId::try_from(organisation).unwrap(),
        agreement: AgreementId::try_from(agreement).unwrap(),
    }
}
