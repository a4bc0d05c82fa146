//! The documentation site: guides, references of the package, of the gateway's API and of the crates.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::artifacts::Purpose;
use crate::cache::{self, Cache};
use crate::tools::{cargo_command, npm};
use crate::ui::Step;
use crate::{build, proc, root, target_dir};

const LIMIT: Duration = Duration::from_secs(20 * 60);

/// Crates whose documentation is part of the site: what other programs may build on.
const CRATES: [&str; 5] =
    ["amplet-protocol", "amplet-instructions", "amplet-amp", "amplet-budget", "amplet-router"];

/// Builds the whole site, with the reference of the crates, and checks its code and links.
///
/// # Errors
/// Names the step that failed, with the end of its log.
pub fn run(cache: &Cache) -> Result<()> {
    build::package(cache, Purpose::Demo)?;
    node(cache, "check.mjs", &[])?;
    let site = site(cache)?;
    let step = Step::begin("documentation of the crates", Duration::from_secs(60));
    let mut cargo = cargo_command();
    cargo.args(["doc", "--locked", "--no-deps", "--lib"]);
    cargo.args(CRATES.iter().flat_map(|name| ["-p", name]));
    proc::run(cargo, &step, &cache.log("docs-crates"), LIMIT)?;
    cache::copy(&target_dir().join("doc"), &site.join("rust"))?;
    step.done();
    println!("documentation site       {}", site.join("index.html").display());
    Ok(())
}

/// Builds the pages alone, and returns their folder.
///
/// # Errors
/// As [`run`].
pub fn site(cache: &Cache) -> Result<PathBuf> {
    let gateway = build::gateway(cache, false)?;
    let document = proc::output(Command::new(gateway).arg("openapi"))?;
    let (site, api) = (target_dir().join("docs"), target_dir().join("openapi.json"));
    std::fs::write(&api, document).with_context(|| format!("cannot write {}", api.display()))?;
    node(cache, "build.mjs", &[&site, &api])?;
    Ok(site)
}

/// Runs one of the site's scripts.
fn node(cache: &Cache, script: &str, arguments: &[&Path]) -> Result<()> {
    npm::install(cache)?;
    let step = Step::begin(&format!("docs/site/{script}"), Duration::from_secs(20));
    let mut node = Command::new("node");
    node.arg(script).args(arguments).current_dir(root().join("docs/site"));
    proc::run(node, &step, &cache.log(&format!("docs-{script}")), LIMIT)?;
    step.done();
    Ok(())
}
