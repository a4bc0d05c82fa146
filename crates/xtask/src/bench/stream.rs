//! Ten payments a second from a tab: what they cost in memory and storage.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::chromium;
use crate::artifacts::Purpose;
use crate::cache::{self, Cache};
use crate::{build, root, target_dir};

const PAGE: &str = "<!doctype html><title>bench</title><script type=\"module\">globalThis.amplet = await import('./index.js');</script>\n";

/// Before the engine's script: keeps the wasm's memory where it can be measured.
const KEEP_MEMORY: &str = "for (const name of ['instantiate', 'instantiateStreaming']) {
  const real = WebAssembly[name];
  WebAssembly[name] = async (...given) => {
    const made = await real(...given);
    globalThis.wasmMemory = (made.instance ?? made).exports.memory;
    return made;
  };
}
";

/// A page with nothing but the npm package pays a session of the gateway for ten minutes, twice.
///
/// # Errors
/// When the network or the page do not come up, or the two ends do not agree.
pub fn run(cache: &Cache) -> Result<()> {
    build::package(cache, Purpose::Release)?;
    let folder = target_dir().join("bench/stream");
    cache::remove(&folder)?;
    copy(&root().join("pkg/dist"), &folder)?;
    fs::write(folder.join("index.html"), PAGE).context("cannot write the bench's page")?;
    let worker = folder.join("engine.worker.js");
    let script = fs::read_to_string(&worker).with_context(|| format!("cannot read {}", worker.display()))?;
    fs::write(&worker, format!("{KEEP_MEMORY}{script}")).context("cannot write the engine's script")?;
    chromium(cache, folder, "bench:stream", Duration::from_secs(25 * 60))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(())
}
