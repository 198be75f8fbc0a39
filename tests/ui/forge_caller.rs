//! fail-closed: a caller comes out of verification and from nowhere else.

use disown::{
    identity::Caller,
    ids::{CallerId, OrganisationId},
};

fn forge(id: CallerId, organisation: OrganisationId) -> Caller {
    Caller { id, organisation, roles: vec!["clinician".to_owned()] }
}

fn main() {}
