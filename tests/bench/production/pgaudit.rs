//! The extension that deployments of PostgreSQL audit with, in place of the function: the plain select, under the same policies.
//!
//! What it writes goes to the server's own log file, which is not synced before an answer leaves, and which nothing protects.

use crate::{
    contender::Contender,
    ground::Ground,
    queried::Queried,
    question::{ROLE, looked_up},
    recorded::Recorded,
};

pub fn prepare(ground: &Ground) -> anyhow::Result<Box<dyn Contender>> {
    let cluster = ground.merged()?;
    let module = cluster.binaries.module("pgaudit")?;
    let log = cluster.path("log");
    let settings = vec![
        format!("shared_preload_libraries={}", module.display()),
        "pgaudit.log=read".to_owned(),
        // Without it the entries of prepared statements do not tell whom they are about.
        "pgaudit.log_parameter=on".to_owned(),
        "logging_collector=on".to_owned(),
        format!("log_directory={}", log.display()),
        "log_filename=audit".to_owned(),
        "log_rotation_age=0".to_owned(),
        "log_rotation_size=0".to_owned(),
        "log_line_prefix=%m [%p] %u ".to_owned(),
    ];
    let recorded = Recorded::InFile(log.join("audit"));
    Ok(Box::new(Queried::new(cluster, ROLE, looked_up(), recorded)?.with_settings(settings)))
}
