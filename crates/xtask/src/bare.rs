//! A page with nothing but the npm package, in whose engine's worker a script runs first.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::artifacts::Purpose;
use crate::cache::{self, Cache};
use crate::{build, root, target_dir};

const PAGE: &str = "<!doctype html><title>bare</title><script type=\"module\">globalThis.amplet = await import('./index.js');</script>\n";

/// Folder of such a page.
#[must_use]
pub fn folder(name: &str) -> PathBuf {
    target_dir().join("bare").join(name)
}

/// Makes such a page in `target/bare/<name>/`; `first` is the script's place in the repository.
///
/// # Errors
/// When the package cannot be built, or a file not be written.
pub fn page(cache: &Cache, purpose: Purpose, name: &str, first: &str) -> Result<PathBuf> {
    build::package(cache, purpose)?;
    let folder = folder(name);
    cache::remove(&folder)?;
    cache::copy(&root().join("pkg/dist"), &folder)?;
    fs::write(folder.join("index.html"), PAGE).context("cannot write the bare page")?;
    let [first, engine] = [root().join(first), folder.join("engine.worker.js")];
    let read =
        |file: &Path| fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()));
    let script = read(&first)? + &read(&engine)?;
    fs::write(&engine, script).context("cannot write the engine's script")?;
    Ok(folder)
}
