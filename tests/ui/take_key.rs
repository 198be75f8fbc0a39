//! no-identifier-leak: no key leaves the keyring, and it cannot be printed.

use disown::pseudonym::{Keyring, MonthKey};

fn take(keyring: &Keyring) -> [u8; 32] {
    *keyring.months
}

fn print(keyring: &Keyring, key: &MonthKey) {
    println!("{keyring:?} {key:?}");
}

fn main() {}
