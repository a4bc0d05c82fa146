//! Checks that run nothing: order, formatting, lints, features, licences.

use std::process::Command;

use anyhow::{Result, anyhow};

use super::native::CORE;
use super::{CHECKED, Counts, DEV_WASM_DIR, Failure, StepSpec, check, packages, sum};
use crate::artifacts;
use crate::cache::Cache;
use crate::tools::wasm::{self, TARGET};
use crate::tools::{self, Tool, apt, cargo_command};
use crate::ui::Step;
use crate::{deny, house, proc, root};

pub(super) fn house(_: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let step = Step::begin(spec.name, spec.usual);
    let passed = house::check(root())?;
    step.done();
    Ok(Counts { passed, ..Counts::default() })
}

pub(super) fn fmt(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    component(cache, "fmt", "rustfmt", Some(apt::need("cargo-fmt", "rustfmt-web")))?;
    let mut cargo = cargo_command();
    cargo.args(["fmt", "--all", "--check"]);
    check(cache, spec, cargo)
}

/// Makes sure of a part of the toolchain that is a component of rustup's, or a package of Debian's.
fn component(cache: &Cache, subcommand: &str, component: &str, package: Option<apt::Need>) -> Result<()> {
    let there = || proc::output(cargo_command().args([subcommand, "--version"]));
    if there().is_ok() {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    let added = proc::output(rustup.args(["component", "add", component]).current_dir(root()));
    match (added, package) {
        (Ok(_), _) => {}
        (Err(_), Some(package)) => apt::ensure(cache, &[package])?,
        (Err(error), None) => {
            let advice = format!(
                "`cargo {subcommand}` comes with rustup only: install it, then rustup component add {component}"
            );
            return Err(error.context(advice));
        }
    }
    there().map(drop)
}

pub(super) fn clippy(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    component(cache, "clippy", "clippy", None)?;
    let programs = ["amplet-exit", "amplet-fuzz", "amplet-gateway", "amplet-interop", "amplet-load", "xtask"];
    let groups = [&CORE[..], &programs];
    sum(groups.into_iter().map(|names| {
        let mut cargo = cargo_command();
        cargo.args(["clippy", "--locked", "--all-targets"]);
        packages(&mut cargo, names);
        cargo.args(["--", "--deny", "warnings"]);
        check(cache, spec, cargo)
    }))
}

pub(super) fn clippy_wasm(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::Clang, Tool::WasmTarget])?;
    let toolchain = wasm::ensure(cache)?;
    let artifacts = [
        artifacts::ENGINE,
        artifacts::NODE,
        artifacts::PAGE,
        artifacts::WORDS,
        artifacts::SUITE,
        artifacts::ROUTER,
    ];
    sum(artifacts.into_iter().map(|artifact| {
        let mut cargo = toolchain.cargo(DEV_WASM_DIR);
        cargo.args(["clippy", "--locked", "--target", TARGET, "--package", "amplet-bindings"]);
        cargo.args(["--no-default-features", "--features", artifact.name, "--", "--deny", "warnings"]);
        check(cache, spec, cargo)
    }))
}

/// With `std` LDK reads clocks that panic in a browser; one careless dependency would switch it on.
pub(super) fn features(_: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    let step = Step::begin(spec.name, spec.usual);
    let mut cargo = cargo_command();
    cargo.args([
        "tree",
        "--locked",
        "--package",
        "amplet-bindings",
        "--target",
        TARGET,
        "--edges",
        "normal,features",
    ]);
    cargo.args(["--no-default-features", "--features", "engine", "--prefix", "none", "--format", "{p} {f}"]);
    let tree = proc::output(&mut cargo)?;
    if !tree.lines().any(|line| line.starts_with("lightning v")) {
        return Err(
            anyhow!("the engine's dependencies do not name lightning: is the check still right?").into()
        );
    }
    if let Some(line) = tree.lines().find(|line| has_std(line)) {
        let advice = "find who asks for it with `cargo tree -p amplet-bindings --features engine -i lightning -e features`";
        return Err(anyhow!("lightning is built with std for wasm: {line}; {advice}").into());
    }
    step.done();
    Ok(CHECKED)
}

/// True if a line of the tree is lightning with its feature `std`.
fn has_std(line: &str) -> bool {
    let mut words = line.split_whitespace();
    if words.next() != Some("lightning") {
        return false;
    }
    // `lightning v0.3.0 default,std` or `lightning feature "std"`.
    words.any(|word| word.split(',').any(|feature| feature.trim_matches('"') == "std"))
}

pub(super) fn deny_gate(cache: &Cache, spec: &StepSpec) -> Result<Counts, Failure> {
    tools::ensure(cache, &[Tool::CargoDeny])?;
    check(cache, spec, deny::command(cache, &["bans", "licenses", "sources"])?)
}

#[cfg(test)]
mod tests {
    use super::has_std;

    #[test]
    fn lightning_with_std_is_seen() {
        assert!(has_std("lightning v0.3.0-rc3 dnssec,std"));
        assert!(has_std("lightning feature \"std\""));
        assert!(!has_std("lightning v0.3.0-rc3 dnssec,grind_signatures"));
        assert!(!has_std("lightning-types v0.4.0 std"));
    }
}
