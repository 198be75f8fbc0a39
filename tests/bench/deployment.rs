//! A deployment with a population: a few thousand subjects, of each of whom the three datasets hold a record.

use anyhow::{Context, ensure};
use disown::{
    clock::{Clock, SystemClock},
    deployment::{Layout, lay_out},
    entropy::SystemEntropy,
    identity::DevelopmentIssuer,
    policy::PolicyFiles,
};
use jiff::tz::TimeZone;
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

pub const SUBJECTS: usize = 3_000;
const HEADERS: [(&str, &str); 3] = [
    (
        "people",
        "jy_number,given_name,family_name,date_of_birth,sex,place_of_birth,address_line,parish,postcode,phone,email,registered_on",
    ),
    (
        "clinical",
        "record_id,jy_number,record_type,code_system,code,description,event_date,end_date,value,unit,status,site",
    ),
    (
        "public_health",
        "record_id,jy_number,record_type,event_date,end_date,category,place,parish_or_port,contact_jy_number,test_result,detail",
    ),
];

/// A folder on the disk that the build is on: a temporary file system of memory syncs nothing.
pub fn scratch() -> anyhow::Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("disown-bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// As it lies on disk.
pub struct Deployment {
    folder: TempDir,
    issuer: DevelopmentIssuer,
}

/// Who asks, and in which role.
pub struct Party {
    pub caller: &'static str,
    pub organisation: &'static str,
    pub role: &'static str,
    pub purpose: &'static str,
    pub agreement: &'static str,
    pub case: &'static str,
}

pub const CLINICIAN: Party = Party {
    caller: "dr.renouf",
    organisation: "health-and-care-jersey",
    role: "clinician",
    purpose: "clinical_care",
    agreement: "clinical-care",
    case: "ENC-20260001",
};
const REGISTRAR: Party = Party {
    caller: "registry-feed",
    organisation: "jersey-population-office",
    role: "registrar",
    purpose: "registration",
    agreement: "registers",
    case: "REG-2026-01",
};

pub fn jy(at: usize) -> String {
    format!("JY{:06}{}", at * 7919 % 1_000_000, ["A", "B", "C", "D"][at % 4])
}

impl Deployment {
    pub fn new() -> anyhow::Result<Self> {
        let folder = scratch()?;
        let layout = Layout {
            directory: folder.path().to_owned(),
            listen: "127.0.0.1:0".parse()?,
            log_name: "disown.example/measured".to_owned(),
            development: true,
            postgres: vec![],
        };
        lay_out(&layout, SystemClock.now().to_zoned(TimeZone::get("Europe/Jersey")?).date(), &SystemEntropy)?;
        crate::limits::raise(&folder.path().join("policies"))?;
        let issuer = DevelopmentIssuer::from_pem(&fs::read_to_string(folder.path().join("development-issuer.pem"))?)?;
        let mut making = Command::new(env!("CARGO_BIN_EXE_disownctl"));
        making.args(["database", "init", "--config"]).arg(folder.path().join("disown.toml"));
        ensure!(making.output()?.status.success(), "the stores were not made");
        Ok(Self { folder, issuer })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Good for ten minutes.
    pub fn token(&self, party: &Party) -> anyhow::Result<String> {
        let Party { caller, organisation, role, .. } = party;
        Ok(self.issuer.token(caller, organisation, &[role], "disown", &SystemClock, &SystemEntropy)?)
    }

    /// Other policy lines and roles; agreements stay as they were laid out, for they begin today, and approvers, for they have keys.
    pub fn replace_rules(&self, files: &PolicyFiles) -> anyhow::Result<()> {
        for (name, text) in files.rules.iter().filter(|(name, _)| *name != "approvers.toml") {
            fs::write(self.path("policies").join(name), text)?;
        }
        Ok(())
    }

    /// Puts the population in, by `disownctl load`.
    pub fn populate(&self, address: &str) -> anyhow::Result<()> {
        let token = self.token(&REGISTRAR)?;
        for (dataset, header) in HEADERS {
            let file = self.path(&format!("{dataset}.csv"));
            fs::write(&file, rows(dataset, header)?)?;
            let Party { role, purpose, agreement, case, .. } = REGISTRAR;
            let mut load = Command::new(env!("CARGO_BIN_EXE_disownctl"));
            load.args(["load", dataset]).arg(&file).args(["--source", "invented", "--role", role]);
            load.args(["--purpose", purpose, "--agreement", agreement, "--case", case]);
            load.env("DISOWN_SERVER", format!("http://{address}")).env("DISOWN_TOKEN", &token);
            let loaded = load.stdin(Stdio::null()).output().context("disownctl load")?;
            ensure!(loaded.status.success(), "not loaded: {}", String::from_utf8_lossy(&loaded.stderr));
            remove(&file)?;
        }
        Ok(())
    }
}

fn remove(file: &Path) -> anyhow::Result<()> {
    fs::remove_file(file).with_context(|| file.display().to_string())
}

fn rows(dataset: &str, header: &str) -> anyhow::Result<String> {
    let mut text = format!("{header}\n");
    for at in 0..SUBJECTS {
        let jy = jy(at);
        match dataset {
            "people" => writeln!(
                text,
                "{jy},Marie,Le Brocq,1984-05-24,F,JE,{at} La Grande Rue,St Helier,JE2 3AB,07700 900001,marie@example.org,2019-04-01"
            ),
            "clinical" => {
                writeln!(text, "C{at},{jy},condition,SNOMED,195967001,Asthma,2015-03-01,,,,active,GP surgery A")
            }
            _ => writeln!(text, "H{at},{jy},isolation,2026-01-02,2026-01-12,positive_test,,St Helier,,,"),
        }?;
    }
    Ok(text)
}
