//! Policies: what is refused, what is granted, and that no line can grant what must not be.

mod agreements;
mod asking;
mod clinical;
mod deciding;
mod explain;
mod files;
mod guards;
mod held;
mod lines;
mod many;
mod matrix;
mod oracle;
mod own_gate;
mod random;
mod reach;
mod red_lines;
mod states;
mod truncation;

use disown::policy::{Policy, PolicyFiles};
use jiff::civil::date;
use std::path::Path;

/// The reference policies, to be changed.
fn reference() -> PolicyFiles {
    PolicyFiles::read(Path::new("policies")).unwrap().dated(date(2026, 1, 1))
}

/// Changes to the texts of a policy.
trait Edited: Sized {
    /// Replaces a text that must be there, once.
    fn edited(self, file: &str, from: &str, to: &str) -> Self;
    /// Adds lines at the end of a file.
    fn with(self, file: &str, lines: &str) -> Self;
    /// Replaces a whole file.
    fn replaced(self, file: &str, text: &str) -> Self;
    fn without(self, file: &str) -> Self;
    fn text(&mut self, file: &str) -> &mut String;
}

impl Edited for PolicyFiles {
    fn edited(mut self, file: &str, from: &str, to: &str) -> Self {
        let text = self.text(file);
        assert!(text.contains(from), "{file} does not hold `{from}`");
        *text = text.replacen(from, to, 1);
        self
    }

    fn with(mut self, file: &str, lines: &str) -> Self {
        self.text(file).push_str(&format!("\n{lines}\n"));
        self
    }

    fn replaced(mut self, file: &str, text: &str) -> Self {
        *self.text(file) = text.to_owned();
        self
    }

    fn without(mut self, file: &str) -> Self {
        assert!(self.rules.remove(file).is_some() || self.agreements.remove(file).is_some(), "there is no {file}");
        self
    }

    fn text(&mut self, file: &str) -> &mut String {
        if file.ends_with(".csv") || self.rules.contains_key(file) {
            self.rules.entry(file.to_owned()).or_default()
        } else {
            self.agreements.entry(file.to_owned()).or_default()
        }
    }
}

/// Why a policy is refused, as it is told.
async fn refused(files: PolicyFiles) -> String {
    match Policy::load(files).await {
        Ok(_) => panic!("a policy that must be refused was taken"),
        Err(error) => error.to_string(),
    }
}
