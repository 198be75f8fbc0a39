//! No identifier in anything that was written.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD as BASE64};
use std::{fs, path::Path};

use super::{FREE, HEALTHY, ISOLATING, NOBODY};

/// Panics if one of the test people's numbers stands in any file below, in plain, hexadecimal, base64 or UTF-16 form.
pub fn assert_no_identifier(folder: &Path) {
    let found = identifiers_in(folder, &[ISOLATING, FREE, HEALTHY, NOBODY]);
    assert!(found.is_empty(), "identifiers leaked: {found:?}");
}

/// File and form of each find.
pub fn identifiers_in(folder: &Path, numbers: &[&str]) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(identifiers_in(&path, numbers));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        found.extend(forms_in(&bytes, numbers).into_iter().map(|(_, form)| (path.display().to_string(), form)));
    }
    found
}

/// Which of the texts stand in these bytes, and in which form.
pub fn forms_in<'a>(bytes: &[u8], texts: &[&'a str]) -> Vec<(&'a str, &'static str)> {
    let forms = texts.iter().flat_map(|text| forms(text).into_iter().map(|(form, needle)| (*text, form, needle)));
    let found = forms.filter(|(_, _, needle)| bytes.windows(needle.len()).any(|window| window == needle));
    found.map(|(text, form, _)| (text, form)).collect()
}

fn forms(number: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = number.as_bytes();
    let mut forms = vec![
        ("plain", bytes.to_vec()),
        ("lower case", number.to_lowercase().into_bytes()),
        ("hexadecimal", hex::encode(bytes).into_bytes()),
        ("UTF-16", number.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    // Base64 of a text depends on where in it the number stands: cut off the characters that its neighbours share.
    for offset in 0..3 {
        let encoded = BASE64.encode([&vec![0; offset][..], bytes].concat());
        let start = [0, 2, 3][offset];
        let end = encoded.len() - usize::from(!(offset + bytes.len()).is_multiple_of(3));
        forms.push(("base64", encoded.as_bytes()[start..end].to_vec()));
    }
    forms
}

#[test]
fn a_planted_identifier_is_found_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    for (at, (_, needle)) in forms(ISOLATING).into_iter().enumerate() {
        fs::write(folder.path().join(format!("file{at}")), [b"before ".as_slice(), &needle, b" after"].concat())
            .unwrap();
    }
    assert!(identifiers_in(folder.path(), &[ISOLATING]).len() >= 7);
    let whole = BASE64.encode(format!("who is {ISOLATING}, please"));
    fs::write(folder.path().join("sentence"), whole).unwrap();
    assert!(
        identifiers_in(folder.path(), &[ISOLATING])
            .iter()
            .any(|(file, form)| file.ends_with("sentence") && *form == "base64")
    );
    assert!(identifiers_in(folder.path(), &[HEALTHY]).is_empty());
}
