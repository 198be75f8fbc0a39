//! Getting a key set from where its issuer publishes it.

use reqwest::{Certificate, Client, StatusCode, Url, redirect, tls};
use std::time::Duration;

/// A larger key set is not read to its end.
const LARGEST: usize = 64 * 1024;

/// A place that publishes a key set.
pub(super) struct Remote {
    client: Client,
    url: Url,
}

/// A key set that did not come.
#[derive(Debug, thiserror::Error)]
pub enum NotFetched {
    /// The certificates to trust, or the client itself.
    #[error("a client for the key set cannot be made: {0}")]
    Client(reqwest::Error),
    /// A file of certificates without one.
    #[error("`ca` holds no certificate in PEM form: no server could be trusted")]
    NoAuthority,
    /// No connection, no trust in the server, no answer in time.
    #[error("the key set was not fetched: {0}")]
    Request(reqwest::Error),
    /// Another answer than 200: a redirection is one.
    #[error("the key set was not fetched: its server answered {0}")]
    Status(StatusCode),
    /// A key set is small.
    #[error("the key set was not fetched: it is larger than {LARGEST} bytes")]
    TooLarge,
}

impl Remote {
    /// Over HTTPS and nowhere else than to that URL: whoever could redirect us or stand between could name the keys. With `ca` only
    /// servers of these authorities are trusted, without it those that the system trusts.
    pub(super) fn new(url: &Url, ca: Option<&[u8]>, timeout: Duration) -> Result<Self, NotFetched> {
        let mut builder = Client::builder()
            .https_only(true)
            .tls_version_min(tls::Version::TLS_1_2)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(0)
            .timeout(timeout);
        if let Some(pem) = ca {
            let authorities = Certificate::from_pem_bundle(pem).map_err(NotFetched::Client)?;
            if authorities.is_empty() {
                return Err(NotFetched::NoAuthority);
            }
            builder = builder.tls_certs_only(authorities);
        }
        Ok(Self { client: builder.build().map_err(NotFetched::Client)?, url: url.clone() })
    }

    /// What is published now.
    pub(super) async fn get(&self) -> Result<Vec<u8>, NotFetched> {
        // The address may hold more than a name: it is not told.
        let failed = |error: reqwest::Error| NotFetched::Request(error.without_url());
        let mut response = self.client.get(self.url.clone()).send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(NotFetched::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(NotFetched::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
