//! Policy lines: what Casbin would pass over in silence is refused, with file, line and reason.

use super::{Edited, reference, refused};

/// The reference policy with a line more is refused for that line and that reason.
async fn line_is_refused(line: &str, why: &str) {
    let mut files = reference();
    let at = files.text("policy.csv").lines().count() + 2;
    let told = refused(files.with("policy.csv", line)).await;
    assert_eq!(told, format!("policy.csv, line {at}: {why}"), "{line}");
}

#[tokio::test]
async fn a_line_with_another_tag_is_refused() {
    for tag in ["P", "p2", "p3", "g2", "G", "e", "m", "", "r", "policy", "- p", "\u{feff}p", "\u{440}"] {
        let line = format!("{tag}, clinician, clinical_care, category:identity, coarse, allow");
        line_is_refused(&line, "a line begins with `p` or `g`").await;
    }
}

#[tokio::test]
async fn a_line_with_a_part_too_many_or_too_few_is_refused() {
    for line in [
        "p",
        "g",
        "p, clinician",
        "p, clinician, clinical_care, category:identity, allow",
        "p, clinician, clinical_care, category:identity, full",
        "p, clinician, clinical_care, category:identity, coarse, allow, allow",
        "p, clinician, clinical_care, category:identity, coarse, allow,",
        "g, clinician",
        "g, clinician, contact_tracer, anywhere",
    ] {
        line_is_refused(line, "a `p` line has 5 parts after the tag, a `g` line has 2").await;
    }
}

#[tokio::test]
async fn an_effect_is_allow_or_deny_and_nothing_like_them() {
    for effect in [
        "Deny",
        "denied",
        "DENY",
        "reject",
        "Allow",
        "allowed",
        "",
        "allow # by law",
        "allow;",
        "\"deny",
        "deny\u{200b}",
    ] {
        let line = format!("p, clinician, clinical_care, category:identity, coarse, {effect}");
        line_is_refused(&line, &format!("`{effect}` is neither `allow` nor `deny`")).await;
    }
}

#[tokio::test]
async fn a_level_is_one_of_the_levels() {
    for level in ["Full", "all", "*", "withheld", "write", "", "fulll", "full|coarse"] {
        let line = format!("p, clinician, clinical_care, category:identity, {level}, allow");
        line_is_refused(&line, &format!("`{level}` is none of `full`, `coarse`, `exists`, `put`")).await;
    }
}

/// What could mean more than itself to a matcher, a script or a reader of lines.
const TRICKS: [&str; 16] = [
    "*",
    ".*",
    "clin*",
    "clinician|auditor",
    "^clinician$",
    "/clinician",
    "clinician/*",
    "Clinician",
    "clinicia",
    "",
    "eval(true)",
    "r.sub",
    "clinician #",
    "clinician\\",
    "clin\u{456}cian",
    "clinician\u{a0}",
];

#[tokio::test]
async fn a_role_or_purpose_is_one_of_roles_toml_to_the_letter() {
    for trick in TRICKS {
        // No-break spaces around a part are blanks, as every other blank is, and taken off.
        let name = trick.trim();
        if name == "clinician" {
            continue;
        }
        let line = format!("p, {trick}, clinical_care, category:identity, coarse, allow");
        line_is_refused(&line, &format!("`{name}` is not a role of roles.toml")).await;
        let line = format!("p, clinician, {trick}, category:identity, coarse, allow");
        line_is_refused(&line, &format!("`{name}` is not a purpose of roles.toml")).await;
        let line = format!("g, {trick}, clinician");
        line_is_refused(&line, &format!("`{name}` is not a role of roles.toml")).await;
        let line = format!("g, clinician, {trick}");
        line_is_refused(&line, &format!("`{name}` is not a role of roles.toml")).await;
    }
}

#[tokio::test]
async fn an_object_is_a_field_or_a_category_of_the_catalogue() {
    for field in [
        "*",
        "people.*",
        "people.person.*",
        "people.person",
        "people",
        "person.given_name",
        "people.person.given_name.",
        "People.person.given_name",
        "people.person.given_name OR 1=1",
        "access_log.x",
        "Category:identity",
        "identity",
        "",
    ] {
        let line = format!("p, clinician, clinical_care, {field}, full, allow");
        line_is_refused(&line, &format!("`{field}` is no field of the catalogue")).await;
    }
    for category in ["category:", "category:*", "category:Identity", "category:identity2", "category: identity"] {
        let line = format!("p, clinician, clinical_care, {category}, full, allow");
        line_is_refused(&line, &format!("`{category}` is no category of the catalogue")).await;
    }
}

#[tokio::test]
async fn putting_in_is_for_record_types_and_reading_for_fields() {
    for object in ["people.person.given_name", "category:identity", "people", "access_log", "people.nobody", "*"] {
        let line = format!("p, registrar, registration, {object}, put, allow");
        let why = format!("`{object}` is no record type, which is what `put` is for");
        line_is_refused(&line, &why).await;
    }
}

#[tokio::test]
async fn an_operation_is_granted_in_full_or_not_at_all() {
    for level in ["coarse", "exists"] {
        for operation in ["access_log", "access_log_by_subject", "restriction"] {
            let line = format!("p, auditor, audit, {operation}, {level}, deny");
            let why = format!("`{operation}` is no level of an operation: it is granted in full or not at all");
            line_is_refused(&line, &why).await;
        }
    }
}

#[tokio::test]
async fn a_field_without_a_coarse_form_is_not_shown_coarse() {
    let line = "p, clinician, clinical_care, people.person.phone, coarse, allow";
    line_is_refused(line, "`people.person.phone` has no coarse form in the catalogue").await;
}

#[tokio::test]
async fn a_line_that_stands_above_is_refused_however_it_is_spaced() {
    for line in [
        "p, clinician, clinical_care, category:identity, full, allow",
        "p,clinician,clinical_care,category:identity,full,allow",
        "  p ,  clinician,clinical_care ,category:identity\t, full, allow  ",
        "p,\"clinician\",clinical_care,category:identity,full,allow",
    ] {
        line_is_refused(line, "the same line stands above").await;
    }
    let other = reference().with("z.csv", "p, clinician, clinical_care, category:identity, full, allow");
    assert_eq!(refused(other).await, "z.csv: a line of it stands in another file too");
}

#[tokio::test]
async fn a_quote_does_not_hide_the_lines_below_it() {
    let hidden = "p,clinician,clinical_care,category:identity,coarse,\"allow\np, clinician, clinical_care, category:contact, full, deny";
    let told = refused(reference().with("policy.csv", hidden)).await;
    assert!(told.ends_with("is neither `allow` nor `deny`"), "{told}");
    let told = refused(reference().replaced("policy.csv", &format!("\"{}", *reference().text("policy.csv")))).await;
    assert_eq!(told, "policy.csv, line 1: a line begins with `p` or `g`");
}

#[tokio::test]
async fn a_policy_that_allows_nothing_is_a_mistake() {
    let nothing = "*.csv: there is no line that allows anything: an empty policy is a mistake";
    for text in [
        "",
        "# nothing yet\n",
        "p, clinician, clinical_care, category:identity, full, deny\n",
        "g, clinician, auditor\n",
    ] {
        assert_eq!(refused(reference().replaced("policy.csv", text)).await, nothing);
    }
    assert_eq!(refused(reference().without("policy.csv")).await, nothing);
}

#[tokio::test]
async fn a_role_does_not_inherit_from_itself_at_any_distance() {
    for (lines, role) in [
        ("g, auditor, auditor", "auditor"),
        ("g, clinician, statistician\ng, statistician, clinician", "clinician"),
        ("g, clinician, statistician\ng, statistician, auditor\ng, auditor, clinician", "clinician"),
    ] {
        let told = refused(reference().with("policy.csv", lines)).await;
        assert_eq!(told, format!("*.csv: the role `{role}` inherits from itself"));
    }
    // Half of the circle in each of two files, each right by itself.
    let two = reference()
        .with("policy.csv", "g, clinician, statistician")
        .with("z.csv", "p, clinician, clinical_care, category:travel, full, allow\ng, statistician, clinician");
    assert_eq!(refused(two).await, "*.csv: the role `clinician` inherits from itself");
}

#[tokio::test]
async fn a_chain_of_inheritance_longer_than_five_steps_is_refused() {
    let chain =
        ["statistician", "clinician", "contact_tracer", "police_officer", "booking_clerk", "registrar", "auditor"];
    let lines: Vec<_> = chain.windows(2).map(|pair| format!("g, {}, {}", pair[0], pair[1])).collect();
    let told = refused(reference().with("policy.csv", &lines.join("\n"))).await;
    assert_eq!(told, "*.csv: the role `statistician` inherits over more than 5 steps");
}
