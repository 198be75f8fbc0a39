//! The stores of a deployment are made once, and the keyring remembers them: a store that was made and is not there any more is a loss to
//! be told of, and never an empty store.

use super::keyring_file;
use crate::{
    config::{Config, InvalidConfig},
    database::{NotTheStore, StoreIdentity, postgres::NotProvisioned, sqlite},
    dataset::catalogue::{Catalogue, DatasetSpec, InvalidCatalogue},
    entropy::Entropy,
    pseudonym::{self, InvalidKeyring, Keyring, StoreMark},
};
use sqlx::postgres::PgConnectOptions;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// What the store of the access log is called.
pub const CONTROL: &str = "control";

/// Stores that were not made.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// A file.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configuration.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// The keyring.
    #[error("keyring: {0}")]
    Keyring(#[from] InvalidKeyring),
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] InvalidCatalogue),
    /// There is something that is not this store.
    #[error("the store `{0}` {source}", source = NotTheStore::Foreign)]
    Foreign(String),
    /// It was there.
    #[error(
        "the store `{0}` was made and is not there any more: restore it from a backup, or correct where the configuration looks for it. It is \
         not made anew, since an empty store would be taken for one that never held anything"
    )]
    Vanished(String),
    /// It is there, and this keyring knows nothing of it.
    #[error(
        "the store `{0}` is there, and this keyring does not know that it was made: copy the keyring from where the stores were made"
    )]
    NotRemembered(String),
    /// A dataset without a key.
    #[error("the keyring has no key for the dataset `{0}` of the catalogue; `disownctl keys add {0}` makes one")]
    NoKey(String),
    /// No store is called so.
    #[error("`{0}` is neither a dataset of the catalogue nor `control`")]
    Unknown(String),
    /// Databases on servers are made by an administrator.
    #[error("the databases are on a server: give `--admin`, the address of an administrator who may make them")]
    NoAdministrator,
    /// A file of SQLite.
    #[error("the store `{name}`: {source}")]
    File {
        /// Which.
        name: String,
        /// Why.
        source: sqlx::Error,
    },
    /// A server.
    #[error(transparent)]
    Server(#[from] NotProvisioned),
}

/// Where the stores of a deployment are, and what they are known by.
struct Making<'a> {
    config: &'a Config,
    catalogue: &'a Catalogue,
    keyring: Keyring,
    admin: Option<&'a PgConnectOptions>,
}

/// Makes the stores that were never made, on files or as an administrator on servers, and brings roles and layouts of the others up to
/// date; `only` one of them. Gives the names of all that are ready.
///
/// # Errors
/// Nothing is made where a store that was made is gone, or where one is there that the keyring does not remember.
pub async fn make_stores(
    config: &Config,
    admin: Option<&PgConnectOptions>,
    only: Option<&str>,
    entropy: &dyn Entropy,
) -> Result<Vec<String>, NotMade> {
    let read =
        |path: &Path| std::fs::read_to_string(path).map_err(|source| NotMade::Io { path: path.to_owned(), source });
    let catalogue = Catalogue::parse(&read(&config.policies.join("catalogue.toml"))?)?;
    let (mut sealed, kek) = (read(&config.keyring)?, config.key_encryption_key.get()?);
    let making = Making { config, catalogue: &catalogue, keyring: pseudonym::open(&sealed, &kek)?, admin };
    let mut names = vec![CONTROL.to_owned()];
    names.extend(catalogue.datasets().map(|(_, spec)| spec.id.to_string()));
    if let Some(only) = only {
        names.retain(|name| name == only);
        if names.is_empty() {
            return Err(NotMade::Unknown(only.to_owned()));
        }
    }

    if let Some((_, spec)) = catalogue.datasets().find(|(_, spec)| making.keyring.epoch(&spec.id).is_err()) {
        return Err(NotMade::NoKey(spec.id.to_string()));
    }
    let marks = pseudonym::stores(&sealed, &kek)?;
    let mut missing = Vec::new();
    for name in &names {
        let there = making.is_there(name).await?;
        match (there, marks.get(name)) {
            (true, Some(_)) => {}
            (false, Some(StoreMark::Made)) => return Err(NotMade::Vanished(name.clone())),
            (true, None) => return Err(NotMade::NotRemembered(name.clone())),
            (false, None | Some(StoreMark::Begun)) => missing.push(name),
        }
    }
    // Before anything is made: what a crash leaves half made is made to its end, and all else that is missing was lost.
    let mut remember = |mark| -> Result<(), NotMade> {
        let marked: BTreeMap<String, StoreMark> = names.iter().map(|name| (name.clone(), mark)).collect();
        sealed = pseudonym::with_stores(&sealed, &marked, &kek, entropy)?;
        keyring_file::replace(&config.keyring, &sealed)
            .map_err(|source| NotMade::Io { path: config.keyring.clone(), source })
    };
    if !missing.is_empty() {
        remember(StoreMark::Begun)?;
    }
    // On a server, what is there is brought up to date too.
    for name in if config.postgres.is_some() { names.iter().collect() } else { missing } {
        making.make(name).await?;
    }
    if config.postgres.is_none() {
        // A file whose name is not on the medium is gone with the power.
        let synced = std::fs::File::open(&config.data).and_then(|folder| folder.sync_all());
        synced.map_err(|source| NotMade::Io { path: config.data.clone(), source })?;
    }
    if names.iter().any(|name| marks.get(name) != Some(&StoreMark::Made)) {
        remember(StoreMark::Made)?;
    }
    Ok(names)
}

impl Making<'_> {
    fn spec(&self, name: &str) -> Option<&DatasetSpec> {
        self.catalogue.dataset_named(name).map(|(_, spec)| spec)
    }

    async fn is_there(&self, name: &str) -> Result<bool, NotMade> {
        let found = match &self.config.postgres {
            None => {
                let file = |source| NotMade::File { name: name.to_owned(), source };
                sqlite::identity(&self.config.store_file(name)).await.map_err(file)?
            }
            Some(postgres) => {
                let provision = postgres.provision(self.catalogue, name)?;
                provision.identity(self.admin.ok_or(NotMade::NoAdministrator)?).await?
            }
        };
        match self.identity(name).await.is(found.as_deref()) {
            Ok(()) => Ok(true),
            Err(NotTheStore::Gone) => Ok(false),
            Err(NotTheStore::Foreign) => Err(NotMade::Foreign(name.to_owned())),
        }
    }

    async fn make(&self, name: &str) -> Result<(), NotMade> {
        let identity = self.identity(name).await;
        if let Some(postgres) = &self.config.postgres {
            let provision = postgres.provision(self.catalogue, name)?;
            return Ok(provision.make(self.admin.ok_or(NotMade::NoAdministrator)?, &identity).await?);
        }
        let path = self.config.store_file(name);
        let made = match self.spec(name) {
            Some(spec) => sqlite::make_dataset(&path, self.catalogue, spec, &identity).await,
            None => sqlite::make_control(&path, &identity).await,
        };
        made.map_err(|source| NotMade::File { name: name.to_owned(), source })
    }

    async fn identity(&self, name: &str) -> StoreIdentity {
        self.keyring.store_identity(name).await
    }
}
