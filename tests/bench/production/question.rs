//! The question, the same for all: a clinician's about one subject, another one each time.
//!
//! The answer to it has seven records in seventeen fields: of `people.person` `given_name`, `family_name` and `date_of_birth`; of
//! two `clinical.condition`, one `clinical.medication` and one `clinical.test_result` `code`, `description`, `event_date` and
//! `status`; of two `public_health.isolation` `event_date` and `end_date`. One clinical and two public health records more are held.

use crate::subjects::Subjects;

pub use crate::asked::{CASE, PURPOSE, ROLE};

pub const SUBJECTS: Subjects = Subjects { first: 100_000, count: 10_000 };

/// As pgbench asks: recorded in the same transaction.
pub fn asked() -> String {
    script(&format!("SELECT * FROM ask('JY' || :number || 'A', '{ROLE}', '{PURPOSE}', '{CASE}')"))
}

/// As pgbench looks it up, with nothing between it and the tables but what the server does by itself.
pub fn looked_up() -> String {
    script(
        "SELECT given_name, family_name, date_of_birth, clinical, public_health FROM linked \
         WHERE jy_number = 'JY' || :number || 'A'",
    )
}

fn script(statement: &str) -> String {
    let Subjects { first, count } = SUBJECTS;
    format!("\\set number random({first}, {})\n{statement};\n", first + count - 1)
}
