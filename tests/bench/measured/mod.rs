//! What benchmarks share that measure a broker on a throwaway PostgreSQL.

pub mod account;
pub mod asked;
pub mod binaries;
pub mod child;
pub mod cluster;
pub mod connection;
pub mod deployed;
pub mod laid_out;
#[path = "../limits.rs"]
pub mod limits;
#[path = "../../it/harness/conditions.rs"]
#[expect(dead_code, reason = "the police are not measured here")]
pub mod conditions;
pub mod process;
pub mod running;
pub mod subjects;
pub mod window;
