//! The way in: certificates, the start of a connection, limits, and floods; over sockets, by clients that do what ours never would.

mod authority;
mod floods;
mod frames;
mod handshakes;
mod limits;
mod memory;
mod openings;
mod raw;
mod requests;
mod revocations;
