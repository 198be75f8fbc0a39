//! What must not compile: each file in `tests/ui` is one misuse, with what the compiler says to it beside it.

#[test]
fn what_the_types_forbid_does_not_compile() {
    let tests = trybuild::TestCases::new();
    tests.pass(format!("tests/ui/{CONTROL}"));
    for misuse in std::fs::read_dir("tests/ui").unwrap().map(|entry| entry.unwrap().path()) {
        if misuse.extension().is_some_and(|extension| extension == "rs") && !misuse.ends_with(CONTROL) {
            tests.compile_fail(misuse);
        }
    }
}

const CONTROL: &str = "the_way_that_is_allowed.rs";
