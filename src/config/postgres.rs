//! `[postgres]`: where the databases are, if they are not files.

use super::{InvalidConfig, KeySource};
use crate::{
    database::postgres::{Credentials, Duty, Host, Provision, Schema, Server},
    dataset::Catalogue,
    ids::DatasetId,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Databases on servers of PostgreSQL: one a dataset, and one for the access log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// `NAME:PORT`, or the folder of a socket, `/run/postgresql` or `/run/postgresql:5433`. Of several, the one that takes writes is
    /// found at each connection.
    hosts: Vec<String>,
    tls: Option<PostgresTls>,
    /// Of every role that has none of its own.
    password: Option<KeySource>,
    #[serde(default)]
    control: ControlDatabase,
    #[serde(default)]
    datasets: BTreeMap<DatasetId, DatasetDatabase>,
}

/// How a server is known, and how it knows the broker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PostgresTls {
    /// The authority of the server's certificate, a PEM file.
    ca: PathBuf,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// The access log's database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ControlDatabase {
    database: String,
    /// Appends, and reads what it appended to.
    appender: String,
    /// Reads, and can do nothing else.
    reader: String,
    password: Option<KeySource>,
    hosts: Option<Vec<String>>,
}

impl Default for ControlDatabase {
    fn default() -> Self {
        let [database, appender, reader] = ["disown_control", "disown_appender", "disown_reader"].map(str::to_owned);
        Self { database, appender, reader, password: None, hosts: None }
    }
}

/// A dataset's database, where it is not the one that its name suggests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DatasetDatabase {
    database: Option<String>,
    role: Option<String>,
    password: Option<KeySource>,
    hosts: Option<Vec<String>>,
}

const PORT: u16 = 5432;
/// A look-up or a batch that takes longer has failed.
const STATEMENT_MS: u32 = 30_000;
/// The access log's commits are given up by the broker, never by the server: that would leave them on one host.
const NO_LIMIT: u32 = 0;

impl PostgresConfig {
    /// Paths are relative to the configuration.
    pub(super) fn beside(mut self, base: &Path) -> Self {
        let beside = |path: &mut PathBuf| *path = base.join(&*path);
        if let Some(tls) = &mut self.tls {
            beside(&mut tls.ca);
            tls.certificate.as_mut().map(beside);
            tls.key.as_mut().map(beside);
        }
        let source = |source: Option<KeySource>| source.map(|source| source.beside(base));
        self.password = source(self.password);
        self.control.password = source(self.control.password);
        for dataset in self.datasets.values_mut() {
            dataset.password = source(dataset.password.take());
        }
        self
    }

    /// Every host is on this machine, or known by its certificate.
    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        let own = self.datasets.values().filter_map(|dataset| dataset.hosts.as_ref()).chain(&self.control.hosts);
        for hosts in own.chain([&self.hosts]) {
            if hosts.is_empty() {
                return Err(InvalidConfig::Postgres("`hosts` names none".to_owned()));
            }
            for host in hosts {
                let known = self.tls.is_some() || !matches!(parse(host)?, Host::Network(name, _) if !loopback(&name));
                if !known {
                    return Err(InvalidConfig::Postgres(format!(
                        "`{host}` is reached over a network: give `tls = {{ ca = ... }}`, by which it is verified"
                    )));
                }
            }
        }
        match &self.tls {
            Some(PostgresTls { certificate, key, .. }) if certificate.is_some() != key.is_some() => {
                Err(InvalidConfig::Postgres("`tls`: a certificate has a key, and a key a certificate".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Where a dataset is.
    pub fn dataset(&self, id: &DatasetId) -> Result<Server, InvalidConfig> {
        let own = self.datasets.get(id).cloned().unwrap_or_default();
        let (database, role) = self.names(id);
        self.server(own.hosts.as_ref(), &database, &role, &own.password, STATEMENT_MS)
    }

    /// Where the access log is appended to.
    pub fn appender(&self) -> Result<Server, InvalidConfig> {
        let ControlDatabase { database, appender, password, hosts, .. } = &self.control;
        self.server(hosts.as_ref(), database, appender, password, NO_LIMIT)
    }

    /// Where the access log is read.
    pub fn reader(&self) -> Result<Server, InvalidConfig> {
        let ControlDatabase { database, reader, password, hosts, .. } = &self.control;
        self.server(hosts.as_ref(), database, reader, password, STATEMENT_MS)
    }

    /// One database of the deployment, to be made or brought up to date: a dataset's, or `control`.
    pub fn provision<'a>(&self, catalogue: &'a Catalogue, name: &str) -> Result<Provision<'a>, InvalidConfig> {
        let unknown = || InvalidConfig::Postgres(format!("`{name}` is neither a dataset nor `control`"));
        self.provisions(catalogue, Some(name))?.into_iter().next().ok_or_else(unknown)
    }

    /// All databases of the deployment, to be made or brought up to date; `only` one of them, by dataset or as `control`.
    pub fn provisions<'a>(
        &self,
        catalogue: &'a Catalogue,
        only: Option<&str>,
    ) -> Result<Vec<Provision<'a>>, InvalidConfig> {
        let control = Provision {
            database: self.control.database.clone(),
            schema: Schema::Control,
            roles: vec![
                (self.control.appender.clone(), Duty::Appender, self.password_of("appender", &self.control.password)?),
                (self.control.reader.clone(), Duty::Reader, self.password_of("reader", &self.control.password)?),
                ("disown_eraser".to_owned(), Duty::Eraser, None),
            ],
        };
        let mut all = vec![("control".to_owned(), control)];
        for (_, spec) in catalogue.datasets() {
            let (database, role) = self.names(&spec.id);
            let password = self.datasets.get(&spec.id).and_then(|own| own.password.clone());
            let roles = vec![(role.clone(), Duty::Dataset, self.password_of(&role, &password)?)];
            all.push((spec.id.to_string(), Provision { database, schema: Schema::Dataset(catalogue, spec), roles }));
        }
        if let Some(only) = only {
            all.retain(|(name, _)| name == only);
            if all.is_empty() {
                return Err(InvalidConfig::Postgres(format!("`{only}` is neither a dataset nor `control`")));
            }
        }
        Ok(all.into_iter().map(|(_, provision)| provision).collect())
    }

    /// Every database as the broker reaches it, with its layout.
    pub fn schemas<'a>(&self, catalogue: &'a Catalogue) -> Result<Vec<(Server, Schema<'a>)>, InvalidConfig> {
        let mut all = vec![(self.appender()?, Schema::Control)];
        for (_, spec) in catalogue.datasets() {
            all.push((self.dataset(&spec.id)?, Schema::Dataset(catalogue, spec)));
        }
        Ok(all)
    }

    /// The names of all databases of the deployment.
    pub fn databases(&self, catalogue: &Catalogue) -> Vec<String> {
        let datasets = catalogue.datasets().map(|(_, spec)| self.names(&spec.id).0);
        std::iter::once(self.control.database.clone()).chain(datasets).collect()
    }

    /// Database and role of a dataset.
    fn names(&self, id: &DatasetId) -> (String, String) {
        let own = self.datasets.get(id).cloned().unwrap_or_default();
        let by_name = || format!("disown_{id}");
        (own.database.unwrap_or_else(by_name), own.role.unwrap_or_else(by_name))
    }

    fn password_of(&self, role: &str, own: &Option<KeySource>) -> Result<Option<Zeroizing<String>>, InvalidConfig> {
        let text = own.as_ref().or(self.password.as_ref()).map(KeySource::text).transpose();
        let text = text.map_err(|what| InvalidConfig::Postgres(format!("`password` of {role}: {what}")))?;
        Ok(text.map(|text| Zeroizing::new(text.trim().to_owned())))
    }

    fn server(
        &self,
        hosts: Option<&Vec<String>>,
        database: &str,
        role: &str,
        password: &Option<KeySource>,
        statement_ms: u32,
    ) -> Result<Server, InvalidConfig> {
        let hosts = hosts.unwrap_or(&self.hosts).iter().map(|host| parse(host)).collect::<Result<_, _>>()?;
        let password = self.password_of(role, password)?;
        let credentials = Credentials {
            password,
            authority: self.tls.as_ref().map(|tls| tls.ca.clone()),
            certificate: self.tls.as_ref().and_then(|tls| Some((tls.certificate.clone()?, tls.key.clone()?))),
        };
        Ok(Server::new(hosts, database, role, &credentials, statement_ms))
    }
}

fn parse(host: &str) -> Result<Host, InvalidConfig> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => {
            let port = port.parse();
            (name, port.map_err(|_| InvalidConfig::Postgres(format!("`{host}` has no port after its colon")))?)
        }
        None => (host, PORT),
    };
    Ok(if name.starts_with('/') { Host::Socket(name.into(), port) } else { Host::Network(name.to_owned(), port) })
}

fn loopback(name: &str) -> bool {
    name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
