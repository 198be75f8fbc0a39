//! PostgreSQL: how its servers are reached, what roles may do there, and how work is given to connections so that nobody who hangs up
//! can stop it half-way.

mod durability;
mod lanes;
mod notices;
mod privileges;
mod provision;
mod schema;
mod server;

pub use durability::{NotDurable, durability};
pub use lanes::{Job, Lanes, Lost};
pub use notices::{Notices, heard};
pub use privileges::{Duty, WrongPrivileges, check};
pub use provision::{NotProvisioned, Provision};
pub use schema::{Schema, UnknownSchema};
pub use server::{Credentials, Host, Server, refused};
