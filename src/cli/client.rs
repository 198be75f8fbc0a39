//! What every client command shares: server, token, terms.
#![expect(clippy::disallowed_types, reason = "a client's interceptor has tonic's signature")]

use crate::pb;
use anyhow::Context;
use clap::Args;
use std::path::{Path, PathBuf};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

/// Where to ask, and as whom.
#[derive(Debug, Args)]
pub(super) struct Broker {
    /// The broker.
    #[arg(long, env = "DISOWN_SERVER", default_value = "http://127.0.0.1:7443")]
    pub(super) server: String,
    /// The certificate authority of the broker's certificate, a PEM file.
    #[arg(long, env = "DISOWN_CA")]
    pub(super) ca: Option<PathBuf>,
    /// Your certificate, for a broker that asks for one, a PEM file with the chain up to its authority.
    #[arg(long, env = "DISOWN_CERT", requires_all = ["cert_key", "ca"])]
    pub(super) cert: Option<PathBuf>,
    /// Its key, a PEM file.
    #[arg(long, env = "DISOWN_KEY", requires = "cert")]
    pub(super) cert_key: Option<PathBuf>,
    /// A token from your identity provider.
    #[arg(long, env = "DISOWN_TOKEN", hide_env_values = true)]
    pub(super) token: String,
}

/// Where to ask, as whom, under which terms.
#[derive(Debug, Args)]
pub(super) struct Client {
    #[command(flatten)]
    pub(super) broker: Broker,
    /// The role to act in, one of those in the token.
    #[arg(long)]
    pub(super) role: String,
    /// What for.
    #[arg(long)]
    pub(super) purpose: String,
    /// Under which agreement.
    #[arg(long)]
    pub(super) agreement: String,
    /// Your reference of the case, in the agreement's form.
    #[arg(long = "case", default_value = "")]
    pub(super) case_reference: String,
}

/// A connection that sends the token with every request.
pub(super) type Connection = InterceptedService<Channel, Bearer>;

/// Puts the token into requests.
#[derive(Clone)]
pub(super) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Client {
    pub(super) async fn connect(&self) -> anyhow::Result<Connection> {
        self.broker.connect().await
    }

    pub(super) fn terms(&self) -> pb::Terms {
        pb::Terms {
            role: self.role.clone(),
            purpose: self.purpose.clone(),
            agreement: self.agreement.clone(),
            case_reference: self.case_reference.clone(),
        }
    }
}

impl Broker {
    pub(super) async fn connect(&self) -> anyhow::Result<Connection> {
        let mut endpoint = Endpoint::from_shared(self.server.clone()).context("--server is no address")?;
        if let Some(ca) = &self.ca {
            let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca)?));
            if let (Some(cert), Some(key)) = (&self.cert, &self.cert_key) {
                tls = tls.identity(Identity::from_pem(read(cert)?, read(key)?));
            }
            endpoint = endpoint.tls_config(tls)?;
        }
        let channel = endpoint
            .connect()
            .await
            .with_context(|| format!("no broker answers at {}; is `disownctl serve` running there?", self.server))?;
        connection(channel, &self.token)
    }
}

/// What to tell of an error: the broker's own words where it is the broker's, and what to do next.
pub(super) fn explain(error: &anyhow::Error) -> String {
    let Some(status) = error.downcast_ref::<Status>() else { return told(error) };
    let next = match status.code() {
        Code::Unauthenticated => "; get a fresh token (--token or DISOWN_TOKEN): it is good for ten minutes at most",
        Code::PermissionDenied => {
            "; check role, purpose, agreement and case reference, and with `disownctl describe` what has to be acknowledged \
             and named: the broker tells no more, its auditors can"
        }
        _ => "",
    };
    format!("the broker says: {}{next}", status.message())
}

/// An error and its causes, each once: most of ours tell of their cause themselves.
fn told(error: &anyhow::Error) -> String {
    error.chain().skip(1).fold(error.to_string(), |told, cause| {
        let cause = cause.to_string();
        if told.contains(&cause) { told } else { format!("{told}: {cause}") }
    })
}

fn read(pem: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(pem).with_context(|| pem.display().to_string())
}

/// A connection for a token.
pub(super) fn connection(channel: Channel, token: &str) -> anyhow::Result<Connection> {
    let mut value: MetadataValue<Ascii> = format!("Bearer {token}").parse().context("--token is not a token")?;
    value.set_sensitive(true);
    Ok(InterceptedService::new(channel, Bearer(value)))
}
