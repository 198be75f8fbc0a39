//! Who is let in.

mod attacks;
mod binding;
mod issuers;
mod key_sets;
mod publisher;
mod remote;
mod roles;
mod signers;
mod times;
mod told;
mod tokens;
mod trust;
mod vectors;
