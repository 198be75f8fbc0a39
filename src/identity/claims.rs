//! What a token says, of which nothing is taken in two ways.

use super::{Thumbprint, json};
use crate::ids::{CallerId, OrganisationId};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Where the tokens of an issuer say what others say elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimPaths {
    /// The organisation of the caller: a text.
    pub organisation: ClaimPath,
    /// The roles of the caller: an array of texts.
    pub roles: ClaimPath,
}

/// The name of a claim; of a nested one, with dots: `realm_access.roles`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ClaimPath(Vec<String>);

/// A claim's path that leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a claim is a name, or names with dots between them")]
pub struct InvalidClaimPath;

impl Default for ClaimPaths {
    fn default() -> Self {
        let path = |name: &str| ClaimPath(vec![name.to_owned()]);
        Self { organisation: path("organisation"), roles: path("roles") }
    }
}

impl TryFrom<String> for ClaimPath {
    type Error = InvalidClaimPath;

    fn try_from(text: String) -> Result<Self, InvalidClaimPath> {
        let names: Vec<_> = text.split('.').map(str::to_owned).collect();
        if names.iter().any(String::is_empty) { Err(InvalidClaimPath) } else { Ok(Self(names)) }
    }
}

impl ClaimPath {
    fn of<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, nested) = self.0.split_first()?;
        nested.iter().try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))
    }
}

/// Each has one type: a number in quotes or an array of audiences is no token of ours.
#[derive(Deserialize)]
pub(super) struct Registered {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sub: CallerId,
    pub(super) exp: i64,
    pub(super) nbf: i64,
    pub(super) iat: i64,
    pub(super) jti: String,
}

pub(super) struct Claims {
    pub(super) registered: Registered,
    pub(super) organisation: OrganisationId,
    pub(super) roles: Vec<String>,
    /// The client certificate without which the token is nobody's.
    pub(super) bound_to: Option<Thumbprint>,
}

/// The issuer that a token names, before anything in it is to be believed.
pub(super) fn issuer_named(payload: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }
    serde_json::from_slice(payload).ok().map(|Named { iss }| iss)
}

impl Claims {
    /// Claims that are not known are left alone (RFC 7519 section 4): issuers add their own, nothing is decided by them, and none
    /// can take back what the others say. Two can, and are not left alone: `cnf` says whose the token is, and what we cannot prove
    /// of it refuses it; `act` (RFC 8693) says that another than `sub` acts, whom the access log would not name.
    pub(super) fn read(payload: &[u8], paths: &ClaimPaths) -> Option<Self> {
        let claims = json::object(payload).ok()?;
        if claims.contains_key("act") {
            return None;
        }
        let bound_to = match claims.get("cnf") {
            Some(confirmation) => Some(thumbprint(confirmation)?),
            None => None,
        };
        let organisation = OrganisationId::try_from(paths.organisation.of(&claims)?.as_str()?).ok()?;
        let roles = Vec::<String>::deserialize(paths.roles.of(&claims)?).ok()?;
        let registered = Registered::deserialize(&Value::Object(claims)).ok()?;
        Some(Self { registered, organisation, roles, bound_to })
    }
}

/// `{ "x5t#S256": … }` and nothing beside it (RFC 8705 section 3.1).
fn thumbprint(confirmation: &Value) -> Option<Thumbprint> {
    let members = confirmation.as_object().filter(|members| members.len() == 1)?;
    Thumbprint::parse(members.get("x5t#S256")?.as_str()?)
}
