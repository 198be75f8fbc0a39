//! Asking a policy without a broker around it: a caller out of a verified token, and what is decided.

use crate::harness::*;
use disown::{
    clock::TestClock,
    config::{IdentityConfig, IssuerConfig, KeySetSource},
    dataset::Level,
    entropy::{SeededEntropy, SystemEntropy},
    identity::{Algorithm, Caller, ClaimPaths, DEVELOPMENT_ISSUER, DevelopmentIssuer, Pace, Verifier},
    policy::{
        Asked, InForce, Operation, Policy, Refusal, Terms, authorise, authorise_audit, authorise_intake,
        authorise_right,
    },
};
use jiff::civil::Date;
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    sync::{Arc, Mutex},
};

/// A policy in force, and an issuer whose word is taken.
pub struct Authority {
    pub in_force: Arc<InForce>,
    issuer: DevelopmentIssuer,
    verifier: Verifier,
    clock: Arc<TestClock>,
    /// Signing a token for each of millions of questions would be most of the work.
    known: Mutex<HashMap<String, Caller>>,
}

/// Level by field.
pub type Levels = BTreeMap<String, Level>;

impl Authority {
    pub fn over(policy: Policy) -> Self {
        let clock = Arc::new(TestClock::new(NOW.parse().unwrap()));
        let issuer = DevelopmentIssuer::new(&SeededEntropy::new(1)).unwrap();
        let catalogue = policy.catalogue.clone();
        let folder = tempfile::tempdir().unwrap();
        let jwks = folder.path().join("jwks.json");
        fs::write(&jwks, issuer.jwks()).unwrap();
        let trusted = IssuerConfig {
            issuer: DEVELOPMENT_ISSUER.to_owned(),
            algorithm: Algorithm::EdDsa,
            jwks: KeySetSource::File(jwks),
            organisations: None,
            claims: ClaimPaths::default(),
            roles: None,
        };
        let identity = IdentityConfig { audience: "disown".to_owned(), development_key: None, issuers: vec![trusted] };
        let verifier = Verifier::new(&identity, Pace::default(), catalogue, clock.clone()).unwrap();
        Self { in_force: Arc::new(InForce::nowhere(policy)), issuer, verifier, clock, known: Mutex::default() }
    }

    /// Somebody of an organisation whose token holds these roles.
    pub fn caller(&self, organisation: &str, roles: &[&str]) -> Caller {
        self.caller_named("somebody", organisation, roles)
    }

    /// The same of that name.
    pub fn caller_named(&self, name: &str, organisation: &str, roles: &[&str]) -> Caller {
        let mut known = self.known.lock().unwrap();
        let who = || self.verified(name, organisation, roles).unwrap();
        known.entry(format!("{name} {organisation} {}", roles.join(" "))).or_insert_with(who).clone()
    }

    /// Somebody of an organisation that is a party to the agreement of these terms, in their role.
    pub fn party_to(&self, terms: &Terms) -> Caller {
        let agreement = self.in_force.policy.agreement(&terms.agreement).unwrap();
        self.caller(agreement.parties[0].as_str(), &[&terms.role])
    }

    /// Every operation that may be done.
    pub fn operations(&self, caller: &Caller, terms: &Terms, day: Date) -> Vec<Operation> {
        let may = |operation: &Operation| match *operation {
            Operation::AccessLog(log_use) => {
                authorise_audit(&self.in_force, caller, terms, &[log_use], "trace", day).is_ok()
            }
            Operation::Right(right) => authorise_right(&self.in_force, caller, terms, right, "trace", day).is_ok(),
        };
        Operation::ALL.into_iter().filter(may).collect()
    }

    /// Somebody of that name, if they are let in.
    pub fn verified(&self, name: &str, organisation: &str, roles: &[&str]) -> Option<Caller> {
        let token = self.issuer.token(name, organisation, roles, "disown", &*self.clock, &SystemEntropy).unwrap();
        self.verifier.verify(&token, None).ok()
    }

    /// What is decided of every field of the catalogue.
    pub fn ask_for_all(&self, caller: &Caller, terms: &Terms, day: Date) -> Result<Levels, Refusal> {
        let all = self.in_force.policy.catalogue.fields().map(|(id, _)| id).collect();
        self.ask(caller, terms, &Asked::Fields(all), day)
    }

    pub fn ask(&self, caller: &Caller, terms: &Terms, asked: &Asked, day: Date) -> Result<Levels, Refusal> {
        let catalogue = &self.in_force.policy.catalogue;
        let grant = authorise(&self.in_force, caller, terms, asked, "trace", day).map_err(|denial| denial.refusal)?;
        Ok(grant.decisions().iter().map(|one| (catalogue.field(one.field).name.clone(), one.level)).collect())
    }

    /// The record types that may be put in.
    pub fn may_put(&self, caller: &Caller, terms: &Terms, day: Date) -> Vec<String> {
        let may = |id| authorise_intake(&self.in_force, caller, terms, &[id], "trace", day).is_ok();
        let known = self.in_force.policy.catalogue.record_types();
        known.filter(|(id, _)| may(*id)).map(|(_, known)| known.full_name.clone()).collect()
    }

    /// Every role × purpose × agreement, with a case reference in the agreement's form, or none that fits.
    pub fn all_terms(&self) -> Vec<Terms> {
        let policy = &self.in_force.policy;
        let mut all = Vec::new();
        for role in policy.roles.roles() {
            for purpose in policy.roles.purposes() {
                for agreement in policy.agreements() {
                    all.push(terms(role.role.as_str(), purpose.as_str(), agreement.id.as_str()));
                }
            }
        }
        all
    }
}

pub fn terms(role: &str, purpose: &str, agreement: &str) -> Terms {
    let case = everybody().into_iter().find(|asker| asker.terms.2 == agreement).map(|asker| asker.terms.3);
    Terms {
        role: role.to_owned(),
        purpose: purpose.to_owned(),
        agreement: agreement.to_owned(),
        case_reference: case.unwrap_or_default(),
        ground: ground_under(agreement),
        acknowledged: conditions_of(agreement),
        ..Terms::default()
    }
}
