//! What callers may see: Casbin decides, agreements bound it, Rust guards. Nothing here has seen a subject.

mod agreed;
mod agreement;
mod casbin;
mod cases;
mod condition;
mod decide;
mod diff;
mod draft;
mod emergency;
mod explain;
mod files;
mod grant;
mod ground;
mod handling;
mod hard_rules;
mod limits;
mod own_gate;
mod red_lines;
mod refusal;
mod replay;
mod roles;
mod rules;
mod shard;
mod sources;
mod table;
mod transfer;

pub use self::casbin::{CasbinError, MODEL};
pub(crate) use agreed::Agreed;
pub use agreement::{Agreement, InvalidAgreement, LogUse, Operation, Right, Validity};
pub use cases::FailedCase;
pub use condition::{Condition, InvalidCondition};
pub use decide::{Asked, DecidedBy, Decision, Terms};
pub use diff::{Change, OtherTerms};
pub use draft::dated;
pub use emergency::Emergency;
pub use explain::{Explained, PolicyLine};
pub use files::{Named, PolicyFiles, UnreadablePolicy};
pub use grant::{
    AuditGrant, Denial, DescribedGrant, EmergencyGrant, Grant, IntakeGrant, RightsGrant, authorise, authorise_audit,
    authorise_break_glass, authorise_intake, authorise_right, describe,
};
pub(crate) use grant::{known_names, versions};
pub use ground::Ground;
pub use handling::{Conditions, Handling};
pub(crate) use limits::Limit;
pub use limits::Limits;
pub use own_gate::OwnGate;
pub use red_lines::{Crossed, InvalidRedLines};
pub use refusal::Refusal;
pub use replay::{Recorded, Replayed};
pub use roles::{PurposeId, RoleId, RoleSpec, Roles};
pub use rules::InvalidRule;
pub use transfer::{Transfer, TransferGround};

use crate::{
    access_log::{Archived, NewEpoch, SealedEpoch},
    approval::{Act, Approvers, Histories, InvalidApprovers},
    break_glass::Uses,
    dataset::Catalogue,
    rights::Restricted,
    strict_toml::InvalidToml,
    warrant::Warrants,
    watch::Watched,
};
use red_lines::RedLines;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use table::{Permissions, Table};

/// A policy: checked, compiled, its red lines kept and its cases passed. There is no other way to have one.
#[derive(Debug)]
pub struct Policy {
    /// What is held.
    pub catalogue: Arc<Catalogue>,
    /// The closed lists.
    pub roles: Roles,
    /// SHA-256 over everything but the agreements, hexadecimal.
    pub version: String,
    /// How many cases it passed.
    pub cases: usize,
    /// SHA-256 of the archived form of all files, hexadecimal.
    files_version: String,
    /// Who may approve agreements.
    pub approvers: Approvers,
    table: Table,
    red_lines: RedLines,
    agreements: Agreed,
    files: PolicyFiles,
}

/// What decisions depend on in one control epoch. Requests hold one from beginning to end.
#[derive(Debug)]
pub struct InForce {
    /// The policy.
    pub policy: Arc<Policy>,
    /// The agreements that are approved, as they were approved.
    pub(crate) agreed: Agreed,
    /// What approvers did.
    pub(crate) histories: Arc<Histories>,
    /// Warrants.
    pub(crate) warrants: Arc<Warrants>,
    /// Subjects that are watched.
    pub(crate) watched: Arc<Watched>,
    /// Who broke glass.
    pub(crate) uses: Arc<Uses>,
    /// Whose data may not be used.
    pub(crate) restricted: Arc<Restricted>,
    pub(crate) epoch: SealedEpoch,
}

impl InForce {
    /// A policy that no access log has put in force, with all its agreements as if they were approved. It can be asked what it would
    /// decide, and nothing can be released under it: epochs count from 1.
    pub fn nowhere(policy: Policy) -> Self {
        let agreed = policy.agreements.clone();
        Self {
            policy: Arc::new(policy),
            agreed,
            histories: Arc::default(),
            warrants: Arc::default(),
            watched: Arc::default(),
            uses: Arc::default(),
            restricted: Arc::default(),
            epoch: SealedEpoch::default(),
        }
    }

    /// Which it is; 0: nowhere.
    pub fn epoch(&self) -> u64 {
        self.epoch.number
    }

    /// An agreement in force, as it was approved.
    pub fn agreement(&self, id: &str) -> Option<&Arc<Agreement>> {
        self.agreed.get(id)
    }
}

/// A policy that is refused whole. The running one stays.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPolicy {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] UnreadablePolicy),
    /// A file is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] crate::dataset::catalogue::InvalidCatalogue),
    /// A file could hold a subject identifier.
    #[error("{0}: no subject identifier may stand in a policy, which is archived whole")]
    NamesSubject(Named),
    /// The roles.
    #[error("roles.toml: {0}")]
    Roles(InvalidToml),
    /// The approvers.
    #[error(transparent)]
    Approvers(#[from] InvalidApprovers),
    /// A policy line.
    #[error(transparent)]
    Rule(#[from] InvalidRule),
    /// The red lines.
    #[error(transparent)]
    RedLines(#[from] InvalidRedLines),
    /// An agreement.
    #[error("agreements/{file}: {source}")]
    Agreement {
        /// Which file.
        file: String,
        /// Why.
        source: InvalidAgreement,
    },
    /// Its file has another name than it has.
    #[error("agreements/{0}: the file's name is not the agreement's id")]
    AgreementName(String),
    /// Cases that no agreement stands beside: perhaps a misspelt name.
    #[error("agreements/{0}: there is no agreement that these cases are of")]
    Stray(String),
    /// Casbin.
    #[error(transparent)]
    Casbin(#[from] CasbinError),
    /// A red line is crossed.
    #[error(transparent)]
    Crossed(#[from] Box<Crossed>),
    /// Somebody could bring about what opens data to them.
    #[error(transparent)]
    OwnGate(#[from] Box<OwnGate>),
    /// A case fails.
    #[error(transparent)]
    Case(#[from] FailedCase),
    /// Nobody knows what it comes to.
    #[error("the policy could not be compiled to the end")]
    BrokenOff,
}

const CATALOGUE: &str = "catalogue.toml";

impl Policy {
    /// Compiles a policy, holds it against its red lines and runs its cases: on a thread of its own, since it takes long, and the
    /// others have requests to answer.
    pub async fn load(files: PolicyFiles) -> Result<Self, InvalidPolicy> {
        let runtime = tokio::runtime::Handle::current();
        let compiling = tokio::task::spawn_blocking(move || runtime.block_on(Self::compile(files)));
        compiling.await.unwrap_or(Err(InvalidPolicy::BrokenOff))
    }

    async fn compile(files: PolicyFiles) -> Result<Self, InvalidPolicy> {
        let text = |name: &str| {
            files.rules.get(name).map(String::as_str).ok_or_else(|| InvalidPolicy::Missing(name.to_owned()))
        };
        let catalogue = Arc::new(Catalogue::parse(text(CATALOGUE)?)?);
        // Before anything else of it is read: an error could repeat what stands there.
        if let Some(named) = files.naming_subject(&catalogue) {
            return Err(InvalidPolicy::NamesSubject(named));
        }
        casbin::check_model(text("model.conf")?)?;
        let roles = Roles::parse(text("roles.toml")?).map_err(InvalidPolicy::Roles)?;
        let red_lines = RedLines::parse(text("red-lines.toml")?, &roles, &catalogue)?;
        let approvers = files.rules.get("approvers.toml").map(|text| Approvers::parse(text, &catalogue));
        let approvers = approvers.transpose()?.unwrap_or_default();
        // Before the table, which takes longest: a mistake is told at once.
        let agreements = agreements(&files, &roles, &catalogue)?;
        let lines = files.rules.iter().filter(|(name, _)| name.ends_with(".csv"));
        let table = Table::compile(&rules::join(lines, &roles, &catalogue)?, &roles, &catalogue).await?;
        let version = files.version();
        let files_version = hex::encode(Sha256::digest(files.to_archive()));
        let mut policy =
            Self { catalogue, roles, version, cases: 0, files_version, approvers, table, red_lines, agreements, files };
        policy.red_lines.check(&policy)?;
        policy.own_gates(&policy.agreements).pop().map_or(Ok(()), |gate| Err(Box::new(gate)))?;
        policy.cases = policy.run_cases()?;
        Ok(policy)
    }

    /// An agreement by name, as its file has it: it may not be approved.
    pub fn agreement(&self, id: &str) -> Option<&Arc<Agreement>> {
        self.agreements.get(id)
    }

    /// All agreements, by name.
    pub fn agreements(&self) -> impl Iterator<Item = &Arc<Agreement>> {
        self.agreements.values()
    }

    /// What opens with it, beside what approvers did: its texts are kept for ever.
    pub fn opening(&self, acts: Vec<Act>) -> NewEpoch {
        let rules = serde_json::to_string(&self.files.rules).expect("a map of texts is JSON");
        let whole = Archived { version: self.version.clone(), name: "policies".to_owned(), content: rules };
        let agreements = self.agreements().map(|agreement| Archived {
            version: agreement.version.clone(),
            name: format!("agreements/{}", agreement.id),
            content: agreement.text.clone(),
        });
        let (version, name) = (self.files_version.clone(), PolicyFiles::ARCHIVED_AS.to_owned());
        let all = Archived { version, name, content: self.files.to_archive() };
        let archive = [whole, all].into_iter().chain(agreements).collect();
        let (policy_version, files) = (self.version.clone(), self.files_version.clone());
        NewEpoch { policy_version, files, archive, acts, ..NewEpoch::default() }
    }

    /// SHA-256 over all of it, agreements and cases too, hexadecimal: two policies of one version are the same in every byte.
    pub fn files_version(&self) -> &str {
        &self.files_version
    }

    /// Whether its catalogue is that of another policy, in every byte.
    pub(crate) fn has_catalogue_of(&self, other: &Policy) -> bool {
        self.files.rules.get(CATALOGUE) == other.files.rules.get(CATALOGUE)
    }

    /// The texts it was made of.
    pub fn files(&self) -> &PolicyFiles {
        &self.files
    }

    /// What a role may for a purpose; none: nothing.
    fn permissions(&self, role: RoleId, purpose: PurposeId) -> Option<&Permissions> {
        self.table.permissions(self.roles.position(role, purpose))
    }

    fn run_cases(&self) -> Result<usize, InvalidPolicy> {
        let mut count = 0;
        let cases = self.files.agreements.keys().filter_map(|file| Some((file, file.strip_suffix(".cases.toml")?)));
        if let Some((file, _)) = cases.into_iter().find(|(_, id)| self.agreement(id).is_none()) {
            return Err(InvalidPolicy::Stray(file.clone()));
        }
        for agreement in self.agreements() {
            let file = format!("{}.cases.toml", agreement.id);
            let text =
                self.files.agreements.get(&file).ok_or_else(|| InvalidPolicy::Missing(format!("agreements/{file}")))?;
            count += cases::run(self, &agreement.id, &file, text)?;
        }
        Ok(count)
    }
}

fn agreements(files: &PolicyFiles, roles: &Roles, catalogue: &Catalogue) -> Result<Agreed, InvalidPolicy> {
    let texts = files.agreements.iter().filter(|(name, _)| !name.ends_with(".cases.toml"));
    texts
        .map(|(file, text)| {
            let agreement = Agreement::parse(text, roles, catalogue)
                .map_err(|source| InvalidPolicy::Agreement { file: file.clone(), source })?;
            if *file != format!("{}.toml", agreement.id) {
                return Err(InvalidPolicy::AgreementName(file.clone()));
            }
            Ok((agreement.id.to_string(), Arc::new(agreement)))
        })
        .collect()
}
