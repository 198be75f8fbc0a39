//! The lists of what may be said, against the source: nobody adds a field or a span without coming by them.

use disown::telemetry::allowed::{EXPORTED, INSTRUMENTS, SPANS, STDERR_ONLY};
use regex::Regex;
use std::{collections::BTreeSet, fs, path::Path};

/// Every file of `src`.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// What stands between a bracket that has just been opened and the one that closes it, cut at its own commas.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut found) = (0, false, vec![String::new()]);
    let mut last = ' ';
    for one in text.chars() {
        match one {
            '"' if last != '\\' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
        last = one;
        if one == ',' && !quoted && depth == 0 {
            found.push(String::new());
        } else {
            found.last_mut().unwrap().push(one);
        }
    }
    let trimmed = found.iter().map(|argument| argument.trim().to_owned());
    trimmed.filter(|argument| !argument.is_empty()).collect()
}

/// The fields that a macro of tracing names, and nothing that it says may be put together at run time.
fn fields(file: &str, arguments: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for argument in arguments {
        assert!(!argument.contains('?'), "{file}: `Debug` shows too much: {argument}");
        if argument.starts_with('"') {
            assert!(!argument.contains('{'), "{file}: a text is fixed; values have fields of their own: {argument}");
        } else if argument != "parent: None" && argument != "$rpc" {
            let name = argument.split_once('=').map_or(argument.as_str(), |(name, _)| name.trim());
            found.push(name.trim_start_matches('%').to_owned());
        }
    }
    found
}

#[test]
fn every_field_and_span_of_the_source_is_on_a_list_and_every_one_on_a_list_is_in_the_source() {
    let macros = Regex::new(r"(tracing::)?(?-u:\b)(error|warn|info|debug|trace)(_span)?!\(").unwrap();
    let attributes = Regex::new(r"#\[(tracing::)?instrument(\()?").unwrap();
    let function = Regex::new(r"fn ([a-z_]+)").unwrap();
    let recorded = Regex::new(r#"\.record\([ \n]*"([^"]+)""#).unwrap();
    let attached = Regex::new(r#"KeyValue::new\([ \n]*"([^"]+)""#).unwrap();
    let measured = Regex::new(r#"(?:counter|gauge|histogram)\([ \n]*"([^"]+)""#).unwrap();
    let observed = Regex::new(r#"observe!\([ \n]*"([^"]+)""#).unwrap();
    let (mut said, mut exported, mut spans, mut instruments) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (file, text) in sources(Path::new("src")) {
        let captured = |pattern: &Regex| pattern.captures_iter(&text).map(|one| one[1].to_owned()).collect::<Vec<_>>();
        for one in macros.captures_iter(&text) {
            assert!(one.get(1).is_some(), "{file}: write `tracing::` before the macro, so that it is found");
            let arguments = arguments(&text[one.get(0).unwrap().end()..]);
            let texts: Vec<_> = arguments.iter().filter(|argument| argument.starts_with('"')).collect();
            if one.get(3).is_some() {
                spans.extend(texts.first().map(|name| name.replace('"', "")));
            } else {
                assert_eq!(texts, [arguments.last().unwrap()], "{file}: fields, and one text at the end");
            }
            said.extend(fields(&file, &arguments));
        }
        for one in attributes.captures_iter(&text) {
            assert!(one.get(1).is_some(), "{file}: write `tracing::` before the attribute, so that it is found");
            let end = one.get(0).unwrap().end();
            let arguments = arguments(&text[end..]);
            assert!(arguments.iter().any(|one| one == "skip_all"), "{file}: a span takes no argument of its function");
            let name = arguments.iter().find_map(|argument| argument.strip_prefix("name = "));
            assert_eq!(arguments.len(), 1 + usize::from(name.is_some()), "{file}: {arguments:?}");
            spans.insert(
                name.map_or_else(
                    || function.captures(&text[end..]).unwrap()[1].to_owned(),
                    |name| name.replace('"', ""),
                ),
            );
        }
        said.extend(captured(&recorded));
        exported.extend(captured(&attached));
        spans.extend(captured(&observed));
        instruments.extend(captured(&measured));
    }
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert!(EXPORTED.iter().all(|key| !STDERR_ONLY.contains(key)), "a key is on both lists");
    assert!(exported.is_subset(&list(EXPORTED)), "not on the list: {:?}", exported.difference(&list(EXPORTED)));
    // Every line has a message.
    said.extend(exported.into_iter().chain(["message".to_owned()]));
    assert_eq!(said, list(&[EXPORTED, STDERR_ONLY].concat()), "fields in the source, and on the lists");
    assert_eq!(spans, list(SPANS), "spans in the source, and on the list");
    assert_eq!(instruments, list(INSTRUMENTS), "instruments in the source, and on the list");
}
