//! Who agreed to what: agreements come into force by what their approvers sign, and by nothing else. Each act is a signed statement of
//! a named person with a reason, an entry of the access log, and a control epoch of its own; together they say which version of an
//! agreement is in force.

mod act;
mod approver;
mod development;
mod entitled;
mod history;
mod key;
mod office;
mod register;

pub use act::{Act, Deed, Matter};
pub use approver::{Approver, Approvers, InvalidApprovers};
pub use development::{DevelopmentApprovers, InvalidApproverKey};
pub use entitled::NotDone;
pub(crate) use entitled::{denial, entitled};
pub use history::{Histories, History, NotNow, Proposal, Requirements, Standing};
pub use key::ApproverKey;
pub use office::Office;
pub(crate) use office::{Happening, is_line, line};
pub use register::{Asked, Register, Shown};
