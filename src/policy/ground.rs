//! On which ground special category data is used for a law enforcement purpose (GO 5(3), (4) and Schedule 2): a request names it, the
//! agreement has it among those that may be relied on, and the entry says which.

use super::{Agreement, Condition, Policy, Refusal, decide::Decision, roles::RoleId};
use crate::dataset::Level;
use serde::Deserialize;

/// A condition of Schedule 2, or consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// The subject made it public: 1.
    MadePublic,
    /// A right, power or duty by law: 2.
    LegalDuty,
    /// An order or a judgment of a court or tribunal: 3.
    CourtOrder,
    /// Legal proceedings, advice or rights: 4.
    LegalProceedings,
    /// The administration of justice, or a function of the Crown, the States or a committee: 5.
    AdministrationOfJustice,
    /// A historical or scientific purpose: 6.
    Research,
    /// Authorised or required by regulations or another enactment: 7.
    AuthorisedByEnactment,
    /// The subject has given consent: 8, and section 5(3).
    Consent,
    /// Vital interests, and consent cannot be had: 9.
    VitalInterests,
    /// Preventing fraud, as a member of an anti-fraud organisation: 10.
    FraudPrevention,
}

impl Ground {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::MadePublic,
        Self::LegalDuty,
        Self::CourtOrder,
        Self::LegalProceedings,
        Self::AdministrationOfJustice,
        Self::Research,
        Self::AuthorisedByEnactment,
        Self::Consent,
        Self::VitalInterests,
        Self::FraudPrevention,
    ];

    /// As requests and entries name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MadePublic => "made_public",
            Self::LegalDuty => "legal_duty",
            Self::CourtOrder => "court_order",
            Self::LegalProceedings => "legal_proceedings",
            Self::AdministrationOfJustice => "administration_of_justice",
            Self::Research => "research",
            Self::AuthorisedByEnactment => "authorised_by_enactment",
            Self::Consent => "consent",
            Self::VitalInterests => "vital_interests",
            Self::FraudPrevention => "fraud_prevention",
        }
    }
}

/// The ground that a request relies on; none: it needs none, and names none. One that is named has to be one of the agreement's.
pub(super) fn relied_on(
    policy: &Policy,
    role: RoleId,
    agreement: &Agreement,
    decisions: &[Decision],
    named: &str,
) -> Result<Option<Ground>, Refusal> {
    if named.is_empty() {
        let needed = policy.roles.role_at(role).law_enforcement && uses_special(policy, agreement, decisions);
        return if needed { Err(Refusal::Ground) } else { Ok(None) };
    }
    let ground = agreement.grounds.iter().copied().find(|ground| ground.as_str() == named);
    ground.map(Some).ok_or(Refusal::Ground)
}

/// Whether special category data is shown, or looked at: who is covered by a condition on it is told by whether there is an answer.
fn uses_special(policy: &Policy, agreement: &Agreement, decisions: &[Decision]) -> bool {
    let catalogue = &policy.catalogue;
    let shown = decisions.iter().filter(|decision| decision.level > Level::Withheld).map(|decision| decision.field);
    let looked_at = agreement.condition.iter().flat_map(|condition: &Condition| {
        condition.columns().into_iter().filter_map(|column| catalogue.field_at(condition.record_type, column))
    });
    shown.chain(looked_at).any(|field| catalogue.is_special(field))
}
