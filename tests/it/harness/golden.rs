//! Files under `tests/golden`: what people must judge, kept as it was judged.

use std::{env, fs, path::Path};

/// Holds a text against the file that was reviewed.
#[expect(clippy::disallowed_methods, reason = "how a person says that the file is to be written anew")]
pub fn assert_golden(name: &str, text: &str, test: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if env::var("DISOWN_GOLDEN").is_ok_and(|how| how == "write") {
        fs::write(&path, text).unwrap();
    }
    let reviewed = fs::read_to_string(&path).unwrap_or_default();
    let gone =
        reviewed.lines().filter(|line| !text.lines().any(|other| other == *line)).map(|line| format!("- {line}"));
    let come =
        text.lines().filter(|line| !reviewed.lines().any(|other| other == *line)).map(|line| format!("+ {line}"));
    let difference: Vec<_> = gone.chain(come).collect();
    assert!(
        text == reviewed,
        "tests/golden/{name} says otherwise:\n{}\nIf that is meant: DISOWN_GOLDEN=write cargo test --test it {test}",
        difference.join("\n")
    );
}
