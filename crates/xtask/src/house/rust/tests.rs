#![allow(clippy::unwrap_used)]
use super::super::plan::Plan;
use super::super::rooms;
use super::super::tests::folder;
use super::*;

fn found(name: &str, files: &[(&str, &str)]) -> Vec<(String, String, String)> {
    let dir = folder(name, files);
    let imports = imports(&dir).unwrap();
    std::fs::remove_dir_all(dir).unwrap();
    imports.into_iter().map(|import| (import.from, import.to, import.place)).collect()
}

fn edge(from: &str, to: &str, place: &str) -> (String, String, String) {
    (from.to_owned(), to.to_owned(), place.to_owned())
}

#[test]
fn every_way_to_write_an_import_is_seen() {
    let files = [
        ("src/lib.rs", "mod a; mod b; mod c; mod d;\npub use c::{Deep as Shown, deeper::{Other}};"),
        ("src/a/mod.rs", "use crate::b::{self, X,\n  y::{Y as Z, *}};\nmod inner;"),
        ("src/a/inner.rs", "fn f() -> super::super::d::D { super::own(); self::own(); crate::Shown }"),
        ("src/b.rs", "pub fn x() { crate::d::make(r#\"crate::a\"#) }"),
        ("src/c.rs", "use super::{d, Other};\nuse std::a::b;"),
        (
            "src/d.rs",
            "// crate::a\n/* crate::b /* */ crate::c */ const A: &str = \"\\\"crate::a\"; const C: char = '\\''; fn f<'a>() {}",
        ),
    ];
    let expected = [
        edge("a", "b", "src/a/mod.rs:1"),
        edge("a", "b", "src/a/mod.rs:1"),
        edge("a", "b", "src/a/mod.rs:2"),
        edge("a", "b", "src/a/mod.rs:2"),
        edge("a", "c", "src/a/inner.rs:1"),
        edge("a", "d", "src/a/inner.rs:1"),
        edge("b", "d", "src/b.rs:1"),
        edge("c", "d", "src/c.rs:1"),
    ];
    let mut seen = found("ways", &files);
    seen.dedup();
    let mut expected = expected.to_vec();
    expected.dedup();
    assert_eq!(seen, expected);
}

#[test]
fn what_is_for_tests_only_does_not_count() {
    let files = [
        ("src/lib.rs", "mod a; mod b; #[cfg(test)] mod checks;"),
        (
            "src/a.rs",
            "#[cfg(test)]\nuse crate::b::{X};\n#[cfg(test)]\n#[allow(x)]\nmod tests { use crate::b; fn f() { {} } }\n#[cfg(test)]\nfn f(x: [u8; 2]) { crate::b::g(); }\n#[cfg(test)]\nmod more;",
        ),
        ("src/a/more.rs", "use crate::b;"),
        ("src/b.rs", "fn g() { crate::a::f() }"),
        ("src/checks.rs", "use crate::{a, b};"),
    ];
    assert_eq!(found("tests", &files), [edge("b", "a", "src/b.rs:1")]);
}

#[test]
fn a_circle_in_a_crate_is_a_complaint() {
    let dir = folder(
        "circle",
        &[("src/a.rs", "use crate::b::B;"), ("src/b.rs", "use super::a;"), ("src/lib.rs", "")],
    );
    let plan = Plan { folder: "crates/x", floors: &[] };
    let complaints = rooms::complaints(&plan, &imports(&dir).unwrap());
    assert_eq!(complaints, ["crates/x: a circle of a, b: a -> b (src/a.rs:1); b -> a (src/b.rs:1)"]);
    std::fs::remove_dir_all(dir).unwrap();
}
