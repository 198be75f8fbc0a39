//! Why somebody is refused. It stands in the access log; the caller is told nothing of it.

/// Why somebody is refused: recorded, not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such role, or the token does not hold it.
    Role,
    /// No such purpose, or not one of the agreement.
    Purpose,
    /// No such agreement, or the organisation is no party, or the role none of its roles.
    Agreement,
    /// Not approved, not begun, suspended, ended, or its review overdue.
    NotInForce,
    /// Not in the agreement's form.
    CaseReference,
    /// The handling conditions in force are not acknowledged.
    Acknowledgement,
    /// Special category data for a law enforcement purpose, and no ground that the agreement has.
    Ground,
    /// No such view.
    View,
    /// None of what is asked for.
    NothingGranted,
    /// No such warrant, or not of this case, day or subject, or none of its uses is left.
    Warrant,
    /// Not an approver, or one without a say in it.
    Approver,
    /// As much was told today as may be.
    Limit,
    /// No glass was broken for this agreement, role, case and subject, or its time is over.
    BreakGlass,
    /// The token is not fresh.
    StepUp,
    /// That glass was broken before is not reviewed.
    Unreviewed,
    /// The subject is watched, and no second person allowed it.
    SecondPerson,
    /// Not a handle of this organisation under this agreement.
    Handle,
}

impl Refusal {
    /// Whether the terms do not stand, whatever is asked for under them.
    pub(super) fn is_of_terms(self) -> bool {
        use Refusal::{Agreement, CaseReference, NotInForce, Purpose, Role};
        matches!(self, Role | Purpose | Agreement | NotInForce | CaseReference)
    }

    /// Whether it goes by the subject: when it is told must not tell more.
    pub fn goes_by_subject(self) -> bool {
        matches!(
            self,
            Refusal::Warrant | Refusal::Limit | Refusal::SecondPerson | Refusal::BreakGlass | Refusal::Handle
        )
    }

    /// As it stands in the access log.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::Role => "role",
            Refusal::Purpose => "purpose",
            Refusal::Agreement => "agreement",
            Refusal::NotInForce => "not_in_force",
            Refusal::CaseReference => "case_reference",
            Refusal::Acknowledgement => "acknowledgement",
            Refusal::Ground => "ground",
            Refusal::View => "view",
            Refusal::NothingGranted => "nothing_granted",
            Refusal::Warrant => "warrant",
            Refusal::Approver => "approver",
            Refusal::Limit => "limit",
            Refusal::BreakGlass => "break_glass",
            Refusal::StepUp => "step_up",
            Refusal::Unreviewed => "unreviewed",
            Refusal::SecondPerson => "second_person",
            Refusal::Handle => "handle",
        }
    }
}
