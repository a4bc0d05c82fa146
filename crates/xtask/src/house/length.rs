//! No source file of more than 400 lines: what is longer has more than one concern.

use std::path::Path;

use anyhow::Result;

use super::{files, read};

const MOST_LINES: usize = 400;
const KINDS: [&str; 6] = ["rs", "ts", "svelte", "mjs", "js", "cjs"];

/// Files that may be longer, with the reason.
const EXCEPTIONS: [(&str, &str); 1] = [("pkg/src/base/protocol.ts", "generated from crates/protocol")];

/// Files that are too long, one complaint each; also exceptions that no file needs any more.
///
/// # Errors
/// When a file cannot be read.
pub fn check(root: &Path) -> Result<Vec<String>> {
    check_with(root, &EXCEPTIONS)
}

fn check_with(root: &Path, exceptions: &[(&str, &str)]) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    let mut used = Vec::new();
    for file in files(root, &KINDS)? {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let lines = read(&file)?.lines().count();
        if lines <= MOST_LINES {
            continue;
        }
        if exceptions.iter().any(|(exception, _)| *exception == name) {
            used.push(name);
        } else {
            complaints.push(format!("{name} has {lines} lines, {MOST_LINES} at most: split it by concern"));
        }
    }
    for (exception, _) in exceptions {
        if !used.iter().any(|name| name == exception) {
            complaints
                .push(format!("{exception} is short or gone: take it off the exceptions in house/length.rs"));
        }
    }
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::folder;
    use super::*;

    #[test]
    fn a_long_file_is_named_unless_it_is_an_exception_that_is_needed() {
        let (long, short) = ("x\n".repeat(401), "x\n".repeat(400));
        let dir = folder("length", &[("a/long.rs", &long), ("a/short.svelte", &short), ("made.ts", &long)]);
        let complaints = check_with(&dir, &[("made.ts", "generated"), ("gone.ts", "generated")]).unwrap();
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].starts_with("a/long.rs has 401 lines") && complaints[1].starts_with("gone.ts"));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
