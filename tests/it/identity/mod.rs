//! Who is let in.

mod attacks;
mod roles;
mod times;
mod told;
mod tokens;
