//! Signed notes (`note`), texts that are then signed with the known key (`text`), and keys (`key`). A note that verifies was signed
//! by the key over exactly its text.
#![no_main]

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use disown::access_log::{
    checkpoint::{Checkpoint, LogKey, open_note},
    merkle::Hash,
};
use disown_fuzz::{KNOWN, SIGNER, named};
use ed25519_dalek::{Signature, Signer, SigningKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match named(text) {
    Some(("note", note)) => check(note),
    Some(("text", text)) => check_signed(text),
    Some(("key", key)) => check_key(key),
    _ => {}
});

fn check(note: &str) {
    let _ = Checkpoint::claimed_size(note);
    let key = SIGNER.key();
    let opened = open_note(note, &key);
    if let Ok(text) = opened {
        let signatures = note.strip_prefix(text).and_then(|rest| rest.strip_prefix('\n')).unwrap();
        let prefix = format!("\u{2014} {} ", key.name());
        let signed =
            signatures.lines().filter_map(|line| BASE64.decode(line.strip_prefix(&prefix)?).ok()).any(|bytes| {
                let signature = bytes.strip_prefix(&key.id()).and_then(|bytes| Signature::from_slice(bytes).ok());
                let public = SigningKey::from_bytes(&KNOWN).verifying_key();
                signature.is_some_and(|signature| public.verify_strict(text.as_bytes(), &signature).is_ok())
            });
        assert!(signed);
    }
    if let Ok(checkpoint) = Checkpoint::open(note, &key) {
        // The first three lines have one spelling.
        let first = SIGNER.sign(checkpoint.size(), checkpoint.root());
        let (first, _) = first.note().split_once("\n\n").unwrap();
        assert!(opened.unwrap().starts_with(first));
        assert_eq!(Checkpoint::claimed_size(note), Some(checkpoint.size()));
        assert_eq!(checkpoint.note(), note);
    }
}

fn check_signed(text: &str) {
    let key = SIGNER.key();
    let signature = SigningKey::from_bytes(&KNOWN).sign(text.as_bytes()).to_bytes();
    let signature = BASE64.encode([key.id().as_slice(), &signature].concat());
    let note = format!("{text}\n\u{2014} {} {signature}\n", key.name());
    check(&note);
    let sound = text.ends_with('\n') && !text.chars().any(|c| c < ' ' && c != '\n');
    match open_note(&note, &key) {
        Ok(opened) => assert!(sound && opened == text),
        Err(error) => assert!(!sound, "{error}"),
    }
}

fn check_key(text: &str) {
    if let Ok(key) = LogKey::parse(text) {
        assert_eq!(key.to_string(), text);
        assert!(open_note(SIGNER.sign(1, &Hash::from_bytes(KNOWN)).note(), &key).is_err() || key == SIGNER.key());
    }
}
