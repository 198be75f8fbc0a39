//! Keyring files as they are (`file`), contents that are then sealed with the known key (`contents`), and key-encryption keys
//! (`key`). One that opens goes on to: a dataset can be added, and another key does not open it.
#![no_main]

use aes_gcm_siv::{
    Aes256GcmSiv, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use disown::{
    access_log::checkpoint::LogKey,
    ids::DatasetId,
    pseudonym::{self, InvalidKeyring, KeyEncryptionKey},
};
use disown_fuzz::{KNOWN, KnownEntropy, named};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match named(text) {
    Some(("file", file)) => check(file),
    Some(("contents", contents)) => check(&sealed(contents)),
    Some(("key", key)) => {
        let hexadecimal = key.trim().len() == 64 && key.trim().bytes().all(|byte| byte.is_ascii_hexdigit());
        assert_eq!(KeyEncryptionKey::parse(key).is_ok(), hexadecimal);
    }
    _ => {}
});

fn check(file: &str) {
    let known = KeyEncryptionKey::parse(&hex::encode(KNOWN)).unwrap();
    let Ok(keyring) = pseudonym::open(file, &known) else { return };
    let key = keyring.log_key();
    assert_eq!(LogKey::parse(&key.to_string()).unwrap(), key);
    let other = KeyEncryptionKey::parse(&hex::encode([8; 32])).unwrap();
    assert!(matches!(pseudonym::open(file, &other), Err(InvalidKeyring::Open)));

    let dataset = DatasetId::try_from("one-more").unwrap();
    match pseudonym::add(file, &dataset, &known, &KnownEntropy) {
        Ok(added) => {
            let opened = pseudonym::open(&added, &known).unwrap();
            assert_eq!((opened.log_key(), opened.epoch(&dataset)), (key, Ok(1)));
        }
        Err(error) => assert!(error == InvalidKeyring::Exists && keyring.epoch(&dataset).is_ok()),
    }
}

fn sealed(contents: &str) -> String {
    const FORMAT: &str = "disown-keyring-1";
    let nonce = [0; 12];
    let sealed = Aes256GcmSiv::new(&KNOWN.into())
        .encrypt(&Nonce::from(nonce), Payload { msg: contents.as_bytes(), aad: FORMAT.as_bytes() })
        .unwrap();
    serde_json::json!({ "format": FORMAT, "nonce": hex::encode(nonce), "sealed": BASE64.encode(sealed) }).to_string()
}
