//! A page with nothing but the npm package, whose engine is metered.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::artifacts::Purpose;
use crate::cache::{self, Cache};
use crate::{build, root, target_dir};

const PAGE: &str = "<!doctype html><title>bench</title><script type=\"module\">globalThis.amplet = await import('./index.js');</script>\n";

/// Makes such a page in `target/bench/<name>/`; `e2e/bench/meter.js` runs in its engine first.
///
/// # Errors
/// When the package cannot be built, or a file not be written.
pub fn page(cache: &Cache, name: &str) -> Result<PathBuf> {
    build::package(cache, Purpose::Release)?;
    let folder = target_dir().join("bench").join(name);
    cache::remove(&folder)?;
    cache::copy(&root().join("pkg/dist"), &folder)?;
    fs::write(folder.join("index.html"), PAGE).context("cannot write the bench's page")?;
    let [meter, engine] = [root().join("e2e/bench/meter.js"), folder.join("engine.worker.js")];
    let read =
        |file: &Path| fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()));
    let script = read(&meter)? + &read(&engine)?;
    fs::write(&engine, script).context("cannot write the engine's script")?;
    Ok(folder)
}
