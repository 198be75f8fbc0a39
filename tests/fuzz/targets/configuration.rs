//! `disown.toml`: one that is taken listens to the world by TLS only, and trusts the development issuer only when told so.
//! Where a key would come from is never followed: it may be a command.
#![no_main]

use disown::{config::Config, identity::DEVELOPMENT_ISSUER};
use disown_fuzz::file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let path = file(text.as_bytes());
    let Ok(config) = Config::read(&path) else { return };
    let loopback = config.listen.address.ip().is_loopback();
    assert_ne!(config.listen.plaintext, config.listen.tls.is_some());
    assert!(loopback || config.listen.tls.is_some());
    let development = config.identity.issuers.iter().any(|trusted| trusted.issuer == DEVELOPMENT_ISSUER);
    assert_eq!(config.allow_development(false).is_err(), development);
    assert_eq!(config.allow_development(true).is_err(), development && !loopback);
    let base = path.parent().unwrap();
    for path in [&config.data, &config.policies, &config.keyring] {
        assert!(path.is_absolute() || path.starts_with(base));
    }
    assert!(config.store_file("control").starts_with(&config.data));
});
