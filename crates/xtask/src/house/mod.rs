//! Guards of the house's order: imports run downward between the rooms of a crate or package, and no source file is long.

pub mod length;
pub mod plan;
pub mod rooms;
pub mod rust;
pub mod typescript;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use self::plan::{CRATES, PACKAGES};

/// Folders that are outputs, or not ours.
const SKIPPED: [&str; 8] =
    ["node_modules", "dist", "dist-fake", "generated", "paraglide", "target", "test-results", ".git"];

/// Checks everything below `root`; returns how many checks passed.
///
/// # Errors
/// Lists what breaks the order, one line each; when a file cannot be read.
pub fn check(root: &Path) -> Result<u64> {
    let mut complaints = length::check(root)?;
    let (crates, packages) = (CRATES.iter(), PACKAGES.iter());
    for plan in crates.clone() {
        let imports = rust::imports(&root.join(plan.folder))?;
        complaints.extend(rooms::complaints(plan, &imports));
    }
    for plan in packages.clone() {
        let imports = typescript::imports(&root.join(plan.folder))?;
        complaints.extend(rooms::complaints(plan, &imports));
    }
    if complaints.is_empty() {
        return Ok(1 + (crates.len() + packages.len()) as u64);
    }
    bail!("{}", complaints.join("\n"))
}

/// All files below a folder whose names end in one of `kinds`, sorted; outputs and what is not ours left out.
fn files(folder: &Path, kinds: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(folder, kinds, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, kinds: &[&str], found: &mut Vec<PathBuf>) -> Result<()> {
    let shown = || format!("cannot list {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(shown)? {
        let entry = entry.with_context(shown)?;
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type().with_context(shown)?.is_dir() {
            if !SKIPPED.iter().any(|skipped| name == *skipped) {
                collect(&path, kinds, found)?;
            }
        } else if kinds.iter().any(|kind| path.extension().is_some_and(|extension| extension == *kind)) {
            found.push(path);
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A folder with these files, removed by the caller.
    pub(crate) fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-house-{name}-{}", std::process::id()));
        for (file, text) in files {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn outputs_are_not_looked_at() {
        let dir = folder(
            "skip",
            &[("src/a.rs", ""), ("target/b.rs", ""), ("src/node_modules/c.ts", ""), ("d.md", "")],
        );
        assert_eq!(files(&dir, &["rs", "ts"]).unwrap(), [dir.join("src/a.rs")]);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
