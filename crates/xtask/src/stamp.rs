//! Skipping a step whose inputs have not changed: a hash of the inputs beside the outputs.

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders that are outputs or not ours.
const SKIPPED: [&str; 7] =
    ["node_modules", "dist", "paraglide", "test-results", "screenshots", "target", ".git"];

/// A hash over names and contents of files and of folders, recursively; what does not exist counts as absent.
///
/// # Errors
/// When something that exists cannot be read.
pub fn hash(inputs: &[&Path]) -> Result<u64> {
    hash_with(inputs, "")
}

/// As [`hash`], over a text too.
///
/// # Errors
/// As [`hash`].
pub fn hash_with(inputs: &[&Path], text: &str) -> Result<u64> {
    let mut files = Vec::new();
    for input in inputs {
        collect(input, &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    for file in files {
        let content = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        hasher.write(file.as_os_str().as_encoded_bytes());
        hasher.write_usize(content.len());
        hasher.write(&content);
    }
    Ok(hasher.finish())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
    } else if path.is_dir() {
        let entries = std::fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", path.display()))?;
            if !SKIPPED.iter().any(|s| entry.file_name() == *s) {
                collect(&entry.path(), files)?;
            }
        }
    }
    Ok(())
}

/// True if `mark` was set for this very hash.
#[must_use]
pub fn current(mark: &Path, hash: u64) -> bool {
    std::fs::read_to_string(mark).is_ok_and(|text| text == format!("{hash:016x}"))
}

/// Sets `mark` for this hash.
///
/// # Errors
/// When it cannot be written.
pub fn set(mark: &Path, hash: u64) -> Result<()> {
    if let Some(folder) = mark.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    std::fs::write(mark, format!("{hash:016x}")).with_context(|| format!("cannot write {}", mark.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_changed_added_or_renamed_file_changes_the_hash_and_an_output_does_not() {
        let dir = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("src")).unwrap();
        std::fs::create_dir_all(dir.join("node_modules")).unwrap();
        std::fs::write(dir.join("src/a"), "1").unwrap();
        let first = hash(&[&dir]).unwrap();
        std::fs::write(dir.join("node_modules/x"), "1").unwrap();
        assert_eq!(hash(&[&dir]).unwrap(), first);
        std::fs::write(dir.join("src/a"), "2").unwrap();
        let changed = hash(&[&dir]).unwrap();
        assert_ne!(changed, first);
        std::fs::rename(dir.join("src/a"), dir.join("src/b")).unwrap();
        assert_ne!(hash(&[&dir]).unwrap(), changed);
        assert_ne!(hash_with(&[&dir], "-O").unwrap(), hash(&[&dir]).unwrap());
        let mark = dir.join("mark");
        assert!(!current(&mark, first));
        set(&mark, first).unwrap();
        assert!(current(&mark, first) && !current(&mark, changed));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
