//! An empty access log, for tests of what stands on one.

use super::{AccessLog, Place, Settings, start};
use crate::{
    clock::TestClock,
    database,
    entropy::SeededEntropy,
    pseudonym::{self, KeyEncryptionKey},
};
use std::{path::Path, sync::Arc};

/// In a folder, with a keyring of its own.
pub(crate) async fn scratch(folder: &Path) -> AccessLog {
    let entropy = Arc::new(SeededEntropy::new(1));
    let kek = KeyEncryptionKey::parse(&"5a".repeat(32)).unwrap();
    let keyring = pseudonym::create("disown.example/test", &[], &kek, &*entropy).unwrap();
    let file = folder.join("control.sqlite");
    database::sqlite::make_control(&file, &[0; 32].into()).await.unwrap();
    start(Settings {
        place: Place::Sqlite(&file, None),
        broker: "test".try_into().unwrap(),
        keyring: Arc::new(pseudonym::open(&keyring, &kek).unwrap()),
        clock: Arc::new(TestClock::new("2026-11-21T20:00:00Z".parse().unwrap())),
        entropy,
        zone: jiff::tz::TimeZone::UTC,
    })
    .await
    .unwrap()
}
