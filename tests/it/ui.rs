//! What must not compile: each file in `tests/ui` is one misuse, with what the compiler says to it beside it. `allowed.rs` is the
//! positive control: what the types are for does compile.

#[test]
fn what_the_types_forbid_does_not_compile() {
    if !crate::harness::on_files() {
        return;
    }
    let tests = trybuild::TestCases::new();
    for misuse in std::fs::read_dir("tests/ui").unwrap().map(|entry| entry.unwrap().path()) {
        if misuse.extension().is_some_and(|extension| extension == "rs") {
            tests.compile_fail(misuse);
        }
    }
}
