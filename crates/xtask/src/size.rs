//! Size of what a page loads to open a wallet, as it travels: brotli, quality 11.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::artifacts::Purpose;
use crate::cache::Cache;
use crate::tools::{self, Tool};
use crate::{build, proc, root};

/// The sum to reach, in bytes. Not reached yet: docs/size.md says what was tried, and what is left.
pub const TARGET: u64 = 1_300_000;

/// The sum that must not be exceeded until then, in bytes: what was reached, and 1 %.
pub const LIMIT: u64 = 1_830_000;

/// Node has brotli with it; the module's own text would otherwise cost a crate that every command compiles.
const SCRIPT: &str = "
const { brotliCompressSync, constants } = require('node:zlib');
const { readFileSync } = require('node:fs');
for (const file of process.argv.slice(1)) {
  const bytes = readFileSync(file);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  console.log(bytes.length + ' ' + brotliCompressSync(bytes, { params }).length);
}";

/// Builds the page and prints a table of what it loads, with the sum.
///
/// # Errors
/// When the sum is above [`LIMIT`].
pub fn run(cache: &Cache) -> Result<()> {
    tools::ensure(cache, &[Tool::Node])?;
    build::page(cache, Purpose::Release)?;
    let dist = root().join("www/dist");
    let files = loaded(&dist)?;
    let rows = measure(&files)?;
    println!("{:<56} {:>11} {:>11}", "loaded to open a wallet (www/dist)", "raw", "brotli-11");
    let mut total = 0;
    for (file, (raw, packed)) in files.iter().zip(rows) {
        let name = file.strip_prefix(&dist).unwrap_or(file).display().to_string();
        println!("{name:<56} {raw:>11} {packed:>11}");
        total += packed;
    }
    println!("{:<56} {:>11} {total:>11}", "total", "");
    println!("target {TARGET}: {} %; limit {LIMIT}: {} %", total * 100 / TARGET, total * 100 / LIMIT);
    if total > LIMIT {
        bail!(
            "a page loads {total} bytes, more than {LIMIT}: see `twiggy top` on the engine, or make a part lazy"
        );
    }
    Ok(())
}

/// Lists what opening a wallet loads: what the page names, what a loaded script imports at once, and workers and wasm that it
/// starts. Screens and tools behind a dynamic `import()` come with a later tap, but for the page's own wasm's glue.
fn loaded(dist: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(dist, &mut files)?;
    let mut found = vec![dist.join("index.html")];
    let mut read = 0;
    while let Some(file) = found.get(read) {
        read += 1;
        if file.extension().is_some_and(|kind| kind == "wasm" || kind == "css") {
            continue;
        }
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let is_page = file.extension().is_some_and(|kind| kind == "html");
        let new: Vec<PathBuf> = files
            .iter()
            .filter(|other| !found.contains(other) && names(&text, other, is_page))
            .cloned()
            .collect();
        found.extend(new);
    }
    if !found.iter().any(|file| file.extension().is_some_and(|kind| kind == "wasm")) {
        bail!("{} loads no wasm: the page was built without the engine", dist.display());
    }
    Ok(found)
}

/// True if a page (any link) or a script (static import, `new URL(..)`) loads a file.
fn names(text: &str, file: &Path, is_page: bool) -> bool {
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else { return false };
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default().trim_end_matches("./").trim_end();
        let before = before.trim_end_matches(['"', '\'', '`']).trim_end();
        is_page
            || ["from", "import", "URL("].iter().any(|how| before.ends_with(how))
            || (before.ends_with("import(") && name.starts_with("page-glue"))
    })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if path.is_dir() {
            collect(&path, files)?;
        } else if matches!(kind, "html" | "js" | "mjs" | "css" | "wasm") {
            files.push(path);
        }
    }
    Ok(())
}

/// Size as it is and under brotli-11 of each file, in bytes.
///
/// # Errors
/// When Node is missing or a file cannot be read.
pub fn measure(files: &[PathBuf]) -> Result<Vec<(u64, u64)>> {
    let text = proc::output(Command::new("node").args(["-e", SCRIPT, "--"]).args(files))?;
    let rows: Option<Vec<(u64, u64)>> = text
        .lines()
        .map(|line| {
            let (raw, packed) = line.split_once(' ')?;
            Some((raw.parse().ok()?, packed.parse().ok()?))
        })
        .collect();
    let rows = rows.context("node printed something else than sizes")?;
    if rows.len() != files.len() {
        bail!("{} of {} files were measured", rows.len(), files.len());
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_imports_workers_and_wasm_are_loaded_and_dynamic_imports_are_not() {
        let loads = |text: &str, is_page| names(text, Path::new("/dist/assets/a-1.js"), is_page);
        assert!(loads(r#"<script src="./assets/a-1.js">"#, true));
        assert!(loads(r#"import{b}from"./a-1.js";"#, false));
        assert!(loads(r#"import "./a-1.js";"#, false));
        assert!(loads("new SharedWorker(new URL(new URL(`a-1.js`,import.meta.url)))", false));
        assert!(!loads("import(`./a-1.js`)", false));
        assert!(!loads(r#"m.f=["./a-1.js","./b.css"]"#, false));
        assert!(!loads("", true));
    }
}
