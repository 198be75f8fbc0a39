//! Bearer tokens: JWT (RFC 7519) as RFC 9068 access tokens, strict as RFC 8725 asks.
//!
//! Every issuer is pinned: its name, one algorithm, its keys from where the configuration says, the organisations it may speak for.
//! What a token says about how it wants to be verified is not listened to: it is refused.
//!
//! A token is good for ten minutes at most and for as many requests as are made in them. `jti` must be there, so that an issuer's
//! records and ours can be laid side by side, but it is not kept: a token is no ticket that is torn up. Against a stolen one stands
//! its binding to a client certificate (RFC 8705), not a memory of those seen.

use super::{
    Caller, Thumbprint,
    claims::{self, Claims},
    issuer::Issuer,
    jws,
    keys::{NotRenewed, Pace},
    known::{Known, KnownTokens},
};
use crate::{clock::Clock, config::IdentityConfig, dataset::Catalogue};
use futures_util::future::join_all;
use jiff::Timestamp;
use std::{collections::HashSet, sync::Arc};

/// Verifies tokens.
#[expect(missing_debug_implementations, reason = "holds the clock and keys")]
pub struct Verifier {
    audience: String,
    issuers: Vec<Issuer>,
    catalogue: Arc<Catalogue>,
    clock: Arc<dyn Clock>,
    known: KnownTokens,
}

/// Not let in. Why is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not authenticated")]
pub struct Unauthenticated;

/// So long may a token live, in seconds.
const LONGEST_LIFE: i64 = 600;
/// So far may clocks be apart, in seconds.
const LEEWAY: i64 = 5;

impl Verifier {
    /// A verifier of the tokens that the configuration trusts. Keys in files are there afterwards; those with a URL are fetched by
    /// `fetch_if_due` and `keep_keys`.
    pub fn new(
        config: &IdentityConfig,
        pace: Pace,
        catalogue: Arc<Catalogue>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NotRenewed> {
        let issuers = config.issuers.iter().map(|issuer| Issuer::new(issuer, pace)).collect::<Result<_, _>>()?;
        Ok(Self { audience: config.audience.clone(), issuers, catalogue, clock, known: KnownTokens::default() })
    }

    /// Who holds this token, if it is good now. On a connection with a client certificate it must be bound to that certificate, on
    /// one without it must not be bound: nobody could prove that it is theirs.
    pub fn verify(&self, token: &str, certificate: Option<Thumbprint>) -> Result<Caller, Unauthenticated> {
        let now = self.clock.now();
        let (issuer, claims) = self.signed(token, now).ok_or(Unauthenticated)?;
        let registered = &claims.registered;
        let ours = registered.iss == issuer.name
            && registered.aud == self.audience
            && !registered.jti.is_empty()
            && issuer.speaks_for(&claims.organisation);
        let now = now.as_second();
        let lives = registered.exp.checked_sub(registered.iat).is_some_and(|life| (1..=LONGEST_LIFE).contains(&life));
        let good_now = registered.nbf <= now.saturating_add(LEEWAY)
            && registered.iat <= now.saturating_add(LEEWAY)
            && now < registered.exp.saturating_add(LEEWAY);
        let distinct = claims.roles.iter().collect::<HashSet<_>>().len() == claims.roles.len();
        if ours && lives && good_now && distinct && claims.bound_to == certificate {
            let roles = issuer.roles(claims.roles.clone());
            let issued_at = Timestamp::from_second(registered.iat).map_err(|_| Unauthenticated)?;
            Ok(Caller { id: registered.sub.clone(), organisation: claims.organisation.clone(), roles, issued_at })
        } else {
            Err(Unauthenticated)
        }
    }

    /// What an issuer signed, with a key that it has now.
    fn signed(&self, token: &str, now: Timestamp) -> Option<(&Issuer, Arc<Claims>)> {
        let name = KnownTokens::name(token);
        let known = match self.known.get(&name).filter(|known| self.still_has(known, now)) {
            Some(known) => known,
            None => {
                let known = self.verified(token, now)?;
                self.known.insert(name, known.clone(), now.as_second());
                known
            }
        };
        Some((self.issuers.get(known.issuer)?, known.claims))
    }

    /// A key that is no longer published verifies nothing any more, nor does what it verified before stand.
    fn still_has(&self, known: &Known, now: Timestamp) -> bool {
        let key = self.issuers.get(known.issuer).and_then(|issuer| issuer.keys.key(&known.kid, now));
        key.is_some_and(|key| Arc::ptr_eq(&key, &known.key))
    }

    fn verified(&self, token: &str, now: Timestamp) -> Option<Known> {
        let mut named = None;
        let payload = jws::open(token, |header, payload| {
            let iss = claims::issuer_named(payload)?;
            let (at, issuer) = self.issuers.iter().enumerate().find(|(_, issuer)| issuer.name == iss)?;
            let kid = header.kid.as_deref().filter(|_| header.typ.as_deref() == Some("at+jwt"))?;
            let key = issuer.keys.key(kid, now);
            if key.is_none() {
                issuer.keys.missed();
            }
            named = Some((at, kid.to_owned(), key.clone()?));
            key
        })?;
        let (issuer, kid, key) = named?;
        let claims = Arc::new(Claims::read(&payload, &self.issuers.get(issuer)?.claims)?);
        // The names go into the access log: one that could be a subject identifier must not get there.
        let named = [claims.registered.sub.as_str(), claims.organisation.as_str()];
        if named.iter().any(|name| self.catalogue.holds_identifier(name)) {
            return None;
        }
        Some(Known { issuer, kid, key, claims })
    }

    /// Fetches the keys that are due to be fetched.
    pub async fn fetch_if_due(&self) {
        join_all(self.issuers.iter().map(|issuer| issuer.keys.fetch_if_due(&*self.clock))).await;
    }

    /// Fetches keys whenever they are due, for ever.
    pub async fn keep_keys(&self) {
        join_all(self.issuers.iter().map(|issuer| issuer.keys.keep(&*self.clock))).await;
    }

    /// Reads the files of keys again. One that cannot be used leaves the keys of its issuer as they are.
    pub fn read_keys_again(&self) {
        for issuer in &self.issuers {
            if let Err(error) = issuer.keys.read_again() {
                let issuer = &issuer.name;
                tracing::error!(issuer, %error, "the keys of an issuer were not read again; the old ones stay");
            }
        }
    }
}
