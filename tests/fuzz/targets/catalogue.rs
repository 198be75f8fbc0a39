//! Catalogues: one that is taken names things that can stand in SQL, each once, and the header of its own source fits.
#![no_main]

use disown::{
    dataset::{Catalogue, ddl},
    intake::Header,
    pseudonym::SubjectIdentifier,
};
use libfuzzer_sys::fuzz_target;
use regex::Regex;
use std::{collections::HashSet, sync::LazyLock};
use zeroize::Zeroizing;

static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\A[a-z][a-z0-9_]{0,40}\z").unwrap());

fuzz_target!(|text: &str| {
    let Ok(catalogue) = Catalogue::parse(text) else { return };
    for (at, spec) in catalogue.datasets() {
        assert!(NAME.is_match(spec.id.as_str()) && !spec.title.contains('\n'));
        assert_eq!(catalogue.dataset_named(spec.id.as_str()).unwrap().0, at);
        assert!((1..=60).contains(&spec.columns.len()) && !spec.record_types.is_empty());
        assert!(spec.columns.iter().all(|column| NAME.is_match(&column.name)));
        // The statement begins with one remark; what comes after it is made of names.
        let sql = ddl(&catalogue, spec, disown::database::Engine::Sqlite);
        assert!(sql.contains("CREATE TABLE"));

        let columns = spec.columns.iter().map(|column| &column.source_name);
        let names: Vec<String> =
            columns.chain([&spec.subject_column]).chain(&spec.record_type_column).cloned().collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "two columns of the source have one name");
        assert!(Header::find(&names, spec).is_ok());
    }
    for (id, field) in catalogue.fields() {
        assert_eq!(catalogue.field_named(&field.name), Some(id));
    }
    for (id, record_type) in catalogue.record_types() {
        assert_eq!(catalogue.record_type_named(&record_type.full_name), Some(id));
    }
    let file: toml::Table = text.parse().unwrap();
    let datasets = file["datasets"].as_table().unwrap().values();
    for day in datasets.filter_map(|dataset| dataset.get("review")?.as_datetime()) {
        assert!(day.time.is_none() && day.offset.is_none(), "a day is none: {day}");
    }
    for scheme in catalogue.schemes() {
        let taken = SubjectIdentifier::parse(Zeroizing::new(format!("{}:JY100001A", scheme.name)), &catalogue).is_ok();
        // What is taken as an identifier is found wherever it stands.
        assert!(!taken || catalogue.holds_identifier("see JY100001A there") || !stands_alone(scheme));
    }
});

/// Whether the pattern looks at nothing around it.
fn stands_alone(scheme: &disown::dataset::catalogue::Scheme) -> bool {
    !scheme.anywhere.as_str().contains(['^', '$', '\\'])
}
