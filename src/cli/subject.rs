//! The one subject that a command is about.

use super::WrongUse;
use std::io::{self, BufRead, IsTerminal, Read};
use zeroize::Zeroizing;

/// Longer than any subject or handle is.
const LONGEST: u64 = 64 * 1024;

const ONE: WrongUse = WrongUse(
    "exactly one subject is needed, `scheme:value` on one line with nothing else beside it; nothing was sent to the broker",
);

/// A subject as given, or from standard input for `-`: there it stays out of the shell's history.
///
/// Whoever gives several must not believe that something was done for all of them: what is not one subject is refused, without
/// being repeated.
pub(super) fn subject_of(given: String) -> anyhow::Result<String> {
    let given = Zeroizing::new(given);
    let text = if *given == "-" { from_standard_input()? } else { given };
    Ok(one(&text).ok_or(ONE)?.to_owned())
}

/// All of it: a second line must not be left unread. On a terminal a line ends it, as somebody who types expects.
fn from_standard_input() -> anyhow::Result<Zeroizing<String>> {
    let input = io::stdin();
    let mut bytes = Zeroizing::new(Vec::new());
    if input.is_terminal() {
        input.lock().take(LONGEST).read_until(b'\n', &mut bytes)?;
    } else {
        input.lock().take(LONGEST).read_to_end(&mut bytes)?;
    }
    Ok(Zeroizing::new(std::str::from_utf8(&bytes).map_err(|_| ONE)?.to_owned()))
}

/// The subject in a text of exactly one line, with blanks around it at most.
fn one(text: &str) -> Option<&str> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(['\n', '\r']) {
        return None;
    }
    let subject = line.trim();
    let (scheme, value) = subject.split_once(':')?;
    let between = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';');
    (!scheme.is_empty() && !value.is_empty() && !subject.contains(between)).then_some(subject)
}

#[cfg(test)]
mod tests {
    use super::one;

    #[test]
    fn one_line_with_one_subject_is_taken_and_nothing_else() {
        for text in ["jy:JY123456A", "jy:JY123456A\n", "jy:JY123456A\r\n", " \tjy:JY123456A  \n"] {
            assert_eq!(one(text), Some("jy:JY123456A"), "{text:?}");
        }
        assert_eq!(one("handle:a-b_c=="), Some("handle:a-b_c=="));
        for text in ["", "\n", " ", "-", "jy:", ":JY123456A", "JY123456A", "jy:JY123456A\n\n", "\njy:JY123456A"] {
            assert_eq!(one(text), None, "{text:?}");
        }
        for between in ["\n", "\r\n", "\r", " ", "\t", ",", ";", "\0", "\u{b}", "\u{c}", "\u{85}", "\u{2028}"] {
            assert_eq!(one(&format!("jy:JY123456A{between}jy:JY123456B")), None, "{between:?}");
        }
    }
}
