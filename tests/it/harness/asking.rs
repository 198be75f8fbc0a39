//! Who asks, and what comes back.

use super::{Deployment, TestBroker, digest_of, ground_under};
use disown::{
    entropy::SystemEntropy,
    pb::{
        self, access_service_client::AccessServiceClient, audit_service_client::AuditServiceClient, cell::Shown,
        intake_service_client::IntakeServiceClient, query_request::Subject, rights_service_client::RightsServiceClient,
    },
};
use prost::Message;
use std::{collections::HashMap, fs, path::PathBuf, sync::LazyLock};
use tonic::{Code, Request, Status};

/// Somebody, in a role, under terms that fit.
#[derive(Debug, Clone)]
pub struct Asker {
    pub caller: String,
    pub organisation: String,
    pub roles: Vec<String>,
    pub terms: (String, String, String, String),
}

pub fn asker(caller: &str, organisation: &str, role: &str, purpose: &str, agreement: &str, case: &str) -> Asker {
    Asker {
        caller: caller.to_owned(),
        organisation: organisation.to_owned(),
        roles: vec![role.to_owned()],
        terms: (role.to_owned(), purpose.to_owned(), agreement.to_owned(), case.to_owned()),
    }
}

pub fn clinician() -> Asker {
    asker("dr.renouf", "health-and-care-jersey", "clinician", "clinical_care", "clinical-care", "ENC-20260001")
}

pub fn tracer() -> Asker {
    asker("tracer.amy", "public-health-jersey", "contact_tracer", "contact_tracing", "contact-tracing", "CT-000123")
}

pub fn police() -> Asker {
    asker(
        "pc.vautier",
        "states-of-jersey-police",
        "police_officer",
        "isolation_enforcement",
        "sojp-isolation",
        "AB-2026-000123",
    )
}

pub fn sergeant() -> Asker {
    let case = "AB-2026-000123";
    let organisation = "states-of-jersey-police";
    asker("sgt.gaudin", organisation, "police_sergeant", "isolation_enforcement", "sojp-isolation", case)
}

pub fn border_officer() -> Asker {
    let organisation = "jersey-customs-and-immigration";
    asker("bo.querree", organisation, "border_officer", "border_control", "border-arrivals", "BC-20260001")
}

pub fn border_clerk() -> Asker {
    asker("clerk.le-sueur", "ports-of-jersey", "border_clerk", "border_control", "arrival-register", "AR-000001")
}

pub fn parish_officer() -> Asker {
    asker("po.blampied", "parish-of-st-helier", "parish_officer", "isolation_support", "parish-support", "PS-000001")
}

pub fn venue() -> Asker {
    asker("pier-cafe", "jersey-hospitality-association", "venue", "venue_register", "venue-register", "VR-000001")
}

pub fn data_protection_officer() -> Asker {
    let role = "data_protection_officer";
    asker("dpo.mauger", "government-of-jersey", role, "data_protection", "data-protection", "DP-0001")
}

pub fn regulator() -> Asker {
    asker("joic.le-feuvre", "jersey-information-commissioner", "regulator", "oversight", "oversight", "JOIC-2026-001")
}

pub fn rights_officer() -> Asker {
    let role = "rights_officer";
    asker("ro.de-gruchy", "government-of-jersey", role, "subject_rights", "subject-rights", "SR-2026-0001")
}

/// Everybody of the reference deployment, one for each role.
pub fn everybody() -> [Asker; 15] {
    [
        clinician(),
        tracer(),
        clerk(),
        border_officer(),
        border_clerk(),
        parish_officer(),
        police(),
        sergeant(),
        statistician(),
        venue(),
        registrar(),
        data_protection_officer(),
        auditor(),
        regulator(),
        rights_officer(),
    ]
}

pub fn statistician() -> Asker {
    asker("stat.hamon", "statistics-jersey", "statistician", "statistics", "statistics", "ST-0001")
}

pub fn clerk() -> Asker {
    asker("clerk.nowak", "public-health-jersey", "booking_clerk", "test_booking", "test-booking", "BK-000001")
}

pub fn registrar() -> Asker {
    asker("registry-feed", "jersey-population-office", "registrar", "registration", "registers", "REG-2026-01")
}

pub fn auditor() -> Asker {
    asker("auditor.pallot", "jersey-audit-office", "auditor", "audit", "audit", "AU-0001")
}

impl Asker {
    pub fn pb_terms(&self) -> Option<pb::Terms> {
        let (role, purpose, agreement, case_reference) = self.terms.clone();
        Some(pb::Terms { role, purpose, agreement, case_reference })
    }

    pub fn token(&self, deployment: &Deployment) -> String {
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        let issuer = deployment.issuer();
        issuer.token(&self.caller, &self.organisation, &roles, "disown", &*deployment.clock, &SystemEntropy).unwrap()
    }

    /// A request of this caller.
    pub fn request<T>(&self, deployment: &Deployment, message: T) -> Request<T> {
        with_token(&self.token(deployment), message)
    }

    /// A question by JY number, for everything the agreement has.
    pub fn question(&self, number: &str) -> pb::QueryRequest {
        let subject = Some(Subject::Identifier(format!("jy:{number}")));
        let (ground, acknowledged) = (ground_under(&self.terms.2), conditions_of(&self.terms.2));
        pb::QueryRequest { terms: self.pb_terms(), subject, ground, acknowledged, ..Default::default() }
    }
}

/// The digest of the handling conditions of an agreement of the reference deployment. Those of the police have the same ones.
pub fn conditions_of(agreement: &str) -> String {
    /// Millions of questions name them.
    static KNOWN: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
        let folder = format!("{}/policies/agreements", env!("CARGO_MANIFEST_DIR"));
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let digest = |path: PathBuf| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, digest_of(&fs::read_to_string(path).unwrap()))
        };
        files.map(digest).collect()
    });
    let agreement = if agreement.starts_with("sojp-") { "sojp-isolation" } else { agreement };
    KNOWN.get(agreement).cloned().unwrap_or_default()
}

pub fn with_token<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// An answer with its receipt.
#[derive(Clone)]
pub struct Told {
    pub response: pb::QueryResponse,
    pub answer: pb::Answer,
}

impl Told {
    /// Everything shown of a field, over all records, as `full:…`, `coarse:…`, `exists:…`, in the answer's order.
    pub fn cells(&self, field: &str) -> Vec<String> {
        let cells = self.answer.records.iter().flat_map(|record| &record.cells).filter(|cell| cell.field == field);
        cells
            .map(|cell| match cell.shown.as_ref().unwrap() {
                Shown::Full(value) => format!("full:{value}"),
                Shown::Coarse(value) => format!("coarse:{value}"),
                Shown::Exists(exists) => format!("exists:{exists}"),
            })
            .collect()
    }

    pub fn index(&self) -> u64 {
        self.response.receipt.as_ref().unwrap().index
    }

    pub fn actor(&self) -> serde_json::Value {
        serde_json::from_slice(&self.response.receipt.as_ref().unwrap().actor_part).unwrap()
    }
}

impl TestBroker {
    pub fn access(&self) -> AccessServiceClient<tonic::transport::Channel> {
        AccessServiceClient::new(self.channel.clone())
    }

    pub fn intake(&self) -> IntakeServiceClient<tonic::transport::Channel> {
        IntakeServiceClient::new(self.channel.clone())
    }

    pub fn rights(&self) -> RightsServiceClient<tonic::transport::Channel> {
        RightsServiceClient::new(self.channel.clone())
    }

    /// Restricts the use of what is held on a subject.
    pub async fn restrict(&self, number: &str) -> pb::Receipt {
        let officer = rights_officer();
        let (identifier, ground) = (format!("jy:{number}"), pb::RestrictionGround::Objection.into());
        let request = pb::RestrictRequest { terms: officer.pb_terms(), identifier, ground };
        let response = self.rights().restrict(officer.request(&self.deployment, request)).await.unwrap();
        response.into_inner().receipt.unwrap()
    }

    pub fn audit(&self) -> AuditServiceClient<tonic::transport::Channel> {
        AuditServiceClient::new(self.channel.clone())
    }

    /// Asks, as this caller.
    pub async fn ask(&self, asker: &Asker, question: pb::QueryRequest) -> Result<Told, Status> {
        let response = self.access().query(asker.request(&self.deployment, question)).await?.into_inner();
        let answer = pb::Answer::decode(response.answer.as_slice()).unwrap();
        Ok(Told { response, answer })
    }

    /// Asks about a JY number for everything the agreement has; it must be answered.
    pub async fn told(&self, asker: &Asker, number: &str) -> Told {
        self.ask(asker, asker.question(number)).await.unwrap()
    }

    /// Asks, and gives the code and message of the refusal.
    pub async fn refused(&self, asker: &Asker, question: pb::QueryRequest) -> (Code, String) {
        match self.ask(asker, question).await {
            Ok(_) => panic!("answered, though it should be refused"),
            Err(status) => (status.code(), status.message().to_owned()),
        }
    }

    /// Every entry of the access log, as the auditor sees it: index, actor part, subject part.
    pub async fn entries(&self) -> Vec<(u64, serde_json::Value, serde_json::Value)> {
        let auditor = auditor();
        let request = pb::SearchRequest { terms: auditor.pb_terms(), ..Default::default() };
        let mut pages = self.audit().search(auditor.request(&self.deployment, request)).await.unwrap().into_inner();
        let mut entries = Vec::new();
        while let Some(page) = pages.message().await.unwrap() {
            for entry in page.entries {
                let part = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
                entries.push((entry.index, part(&entry.actor_part), part(&entry.subject_part)));
            }
        }
        entries
    }
}
