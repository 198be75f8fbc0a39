//! Approvers for development, demonstration and tests: their keys lie in a folder, and whatever is in the policy folder is approved by
//! them at once. A broker does that where it trusts the development issuer, and nowhere else.

use super::{
    act::{Act, Deed, Matter},
    approver::Approvers,
    history::{Histories, History, Requirements},
    key::ApproverKey,
};
use crate::ids::{AgreementId, ApproverId};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Keys of approvers.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct DevelopmentApprovers(BTreeMap<ApproverId, ApproverKey>);

/// A folder of keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidApproverKey {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Unreadable(PathBuf, io::Error),
    /// Its name is no approver's, or it is no key.
    #[error("{0}: a folder of approvers' keys holds NAME.pem, Ed25519 private keys in PKCS#8 PEM form")]
    NoKey(PathBuf),
}

impl DevelopmentApprovers {
    /// Reads a folder of keys.
    pub fn read(folder: &Path) -> Result<Self, InvalidApproverKey> {
        let unreadable = |error| InvalidApproverKey::Unreadable(folder.to_owned(), error);
        let mut keys = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_stem().and_then(|name| ApproverId::try_from(name.to_str()?).ok());
            let pem = fs::read_to_string(&path).map_err(|error| InvalidApproverKey::Unreadable(path.clone(), error))?;
            let key = ApproverKey::from_pem(&pem);
            let (Some(name), Some(key)) = (name, key) else { return Err(InvalidApproverKey::NoKey(path)) };
            keys.insert(name, key);
        }
        Ok(Self(keys))
    }

    /// The acts that put a version of an agreement in force as far as these approvers can, after what was done before.
    pub fn approve(
        &self,
        (agreement, version): (&AgreementId, &str),
        requirements: &Requirements,
        (approvers, histories): (&Approvers, &Histories),
        log: &str,
    ) -> Vec<Act> {
        // What a person stopped only people begin again.
        if histories.of_agreement(agreement).is_some_and(History::was_stopped) {
            return vec![];
        }
        let mut histories = histories.clone();
        let mut acts = Vec::new();
        let mut attempt = |deed: Deed, id: &ApproverId| {
            let (Some(approver), Some(key)) = (approvers.get(id), self.0.get(id)) else { return };
            let matter = Matter::Agreement(agreement.clone());
            let number = histories.next(&matter);
            let act = key.sign(log, (matter, number), deed, id.clone(), "development".to_owned());
            if histories.permit(&act, approver, Some(requirements), log).is_ok() {
                histories.add(act.clone(), approvers, log);
                acts.push(act);
            }
        };
        // Whoever comes second finds that it has been proposed already.
        for id in self.0.keys() {
            attempt(Deed::Propose(version.to_owned()), id);
        }
        for id in self.0.keys() {
            attempt(Deed::Approve(version.to_owned()), id);
            attempt(Deed::See(version.to_owned()), id);
        }
        acts
    }
}
