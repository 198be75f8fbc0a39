//! The question, the same for all: a clinician's about one subject, another one each time.
//!
//! The answer to it has seven records in seventeen fields: of `people.person` `given_name`, `family_name` and `date_of_birth`; of
//! two `clinical.condition`, one `clinical.medication` and one `clinical.test_result` `code`, `description`, `event_date` and
//! `status`; of two `public_health.isolation` `event_date` and `end_date`. One clinical and two public health records more are held.

pub const SUBJECTS: usize = 10_000;
/// Numbers of six digits from here on.
pub const FIRST: usize = 100_000;

pub const ROLE: &str = "clinician";
pub const PURPOSE: &str = "clinical_care";
pub const CASE: &str = "ENC-20260001";

/// The identifier of one of the subjects.
pub fn identifier(at: usize) -> String {
    format!("JY{}A", FIRST + at % SUBJECTS)
}

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
    format!("\\set number random({FIRST}, {})\n{statement};\n", FIRST + SUBJECTS - 1)
}
