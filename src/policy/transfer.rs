//! Parties outside the jurisdiction: data goes to them on recorded grounds only (GO 43 to 45).

use crate::ids::OrganisationId;
use serde::Deserialize;

/// Why data may go to parties of another jurisdiction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Which of the agreement's parties are there.
    pub parties: Vec<OrganisationId>,
    /// Where: ISO 3166-1, two letters.
    pub jurisdiction: String,
    /// On which ground.
    pub ground: TransferGround,
    /// Why that holds.
    pub justification: String,
}

/// The requirement that a transfer meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferGround {
    /// Safeguards in a legally binding instrument: 44(1)(a).
    SafeguardsInInstrument,
    /// Safeguards in all the circumstances: 44(1)(b); the authority is notified.
    SafeguardsInCircumstances,
    /// Vital interests of somebody: 45(1)(a).
    VitalInterests,
    /// Legitimate interests of the data subject: 45(1)(b).
    LegitimateInterests,
    /// An immediate and serious threat to the security of a country: 45(1)(c).
    SecurityThreat,
    /// A law enforcement purpose, in individual cases: 45(1)(d).
    LawEnforcement,
    /// Legal proceedings, advice or rights, in individual cases: 45(1)(e).
    LegalClaims,
}

impl TransferGround {
    /// As it stands in the access log.
    pub fn as_str(self) -> &'static str {
        match self {
            TransferGround::SafeguardsInInstrument => "safeguards_in_instrument",
            TransferGround::SafeguardsInCircumstances => "safeguards_in_circumstances",
            TransferGround::VitalInterests => "vital_interests",
            TransferGround::LegitimateInterests => "legitimate_interests",
            TransferGround::SecurityThreat => "security_threat",
            TransferGround::LawEnforcement => "law_enforcement",
            TransferGround::LegalClaims => "legal_claims",
        }
    }
}

impl Transfer {
    /// What is wrong with it, if anything.
    pub(super) fn check(&self, parties: &[OrganisationId]) -> Result<(), &'static str> {
        let is_code = self.jurisdiction.len() == 2 && self.jurisdiction.bytes().all(|byte| byte.is_ascii_uppercase());
        if self.parties.is_empty() || !self.parties.iter().all(|party| parties.contains(party)) {
            Err("its `parties` are parties of the agreement, one at least")
        } else if !is_code {
            Err("its `jurisdiction` is a country code of ISO 3166-1: `GB`")
        } else if self.justification.trim().is_empty() {
            Err("its `justification` is needed")
        } else {
            Ok(())
        }
    }

    /// What an entry says of it where that organisation is the recipient.
    pub(crate) fn to(&self, recipient: &OrganisationId) -> Option<String> {
        self.parties.contains(recipient).then(|| format!("{} {}", self.jurisdiction, self.ground.as_str()))
    }
}
