//! The merged database: made once, served to whoever is measured on it.

use crate::{
    cluster::{Cluster, DATABASE, KEEPER, Server, succeed},
    question::{CASE, PURPOSE, ROLE, SUBJECTS},
};
use anyhow::ensure;
use std::fs;

const DEFINITION: &str = include_str!("merged.sql");

pub fn make() -> anyhow::Result<Cluster> {
    let cluster = Cluster::init()?;
    let server = cluster.start(&[])?;
    let file = cluster.path("merged.sql");
    fs::write(&file, DEFINITION)?;
    let mut psql = cluster.client("psql", KEEPER)?;
    psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]);
    psql.arg(format!("--set=first={}", SUBJECTS.first)).arg(format!("--set=subjects={}", SUBJECTS.count));
    succeed(psql.arg("--file").arg(&file).arg(DATABASE))?;
    assert_works(&server)?;
    drop(server);
    Ok(cluster)
}

/// What is measured is an answer out of three datasets, recorded, and given to no other role.
fn assert_works(server: &Server<'_>) -> anyhow::Result<()> {
    let ask = |columns, role| {
        let about = SUBJECTS.identifier(17);
        server.query(role, &format!("SELECT {columns} FROM ask('{about}', '{ROLE}', '{PURPOSE}', '{CASE}')"))
    };
    let lengths = "family_name, json_array_length(clinical), json_array_length(public_health)";
    ensure!(ask(lengths, ROLE)? == "Le Brocq|4|2", "the merged database does not link three datasets");
    ensure!(ask("*", "contact_tracer").is_err(), "the merged database answers a role that has no right to it");
    let all = server.query(KEEPER, "SELECT login, role, purpose, case_reference, subject FROM audit")?;
    ensure!(
        all == format!("{ROLE}|{ROLE}|{PURPOSE}|{CASE}|{}", SUBJECTS.identifier(17)),
        "the answer was not recorded"
    );
    Ok(())
}
