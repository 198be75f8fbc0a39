//! Limits that a measurement does not reach. They are counted all the same.

use std::{fs, path::Path};

/// Raises those of every agreement in a policy folder.
pub(crate) fn raise(policies: &Path) -> std::io::Result<()> {
    for file in fs::read_dir(policies.join("agreements"))? {
        let path = file?.path();
        let raised = |line: &str| match line.starts_with("limits = ") {
            true => "limits = { subjects_per_caller_per_day = 1000000000 }\n".to_owned(),
            false => format!("{line}\n"),
        };
        let text: String = fs::read_to_string(&path)?.lines().map(raised).collect();
        fs::write(path, text)?;
    }
    Ok(())
}
