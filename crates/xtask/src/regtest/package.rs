//! The npm packages `amplet-regtest` and, for this platform, its programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::cache::{self, Cache};
use crate::{build, proc, root, target_dir, tools};

/// The launcher's package, in the repository and in the folder that is made.
const NAME: &str = "amplet-regtest";

/// Folder of the packages that are made.
#[must_use]
pub fn folder() -> PathBuf {
    target_dir().join("npm")
}

/// Makes both packages as folders, which `npm pack` and `npm publish` take, and returns them: the launcher's, and the programs'.
///
/// # Errors
/// When a program cannot be had or built, or a file not be written.
pub fn build(cache: &Cache, release: bool) -> Result<[PathBuf; 2]> {
    let [gateway, network] = build::gateway_and_regtest(cache, release)?;
    let bitcoind = tools::bitcoind::ensure(cache, 2)?;
    let platform = format!("{NAME}-{}-{}", node_platform(), node_arch());
    let packages = [folder().join(NAME), folder().join(&platform)];
    packages.iter().try_for_each(|folder| cache::remove(folder))?;
    let manifest = read(&root().join("regtest/package.json"))?;
    let version = manifest["version"].clone();
    cache::copy(&root().join("regtest/bin"), &packages[0].join("bin"))?;
    copy(&root().join("regtest/README.md"), &packages[0])?;
    let mut launcher = manifest.clone();
    launcher["optionalDependencies"] = json!({ platform.as_str(): version });
    write(&packages[0], &launcher)?;
    let bin = packages[1].join("bin");
    std::fs::create_dir_all(&bin).with_context(|| format!("cannot make {}", bin.display()))?;
    let cli = bitcoind.with_file_name("bitcoin-cli");
    for program in [&gateway, &network, &bitcoind, &cli] {
        copy(program, &bin)?;
    }
    strip(&bin)?;
    write(&packages[1], &programs_manifest(&platform, &manifest))?;
    Ok(packages)
}

fn programs_manifest(name: &str, launcher: &Value) -> Value {
    json!({
        "name": name,
        "version": launcher["version"],
        "description": "The programs of amplet-regtest for this platform: bitcoind, amplet-gateway and the network",
        "license": launcher["license"],
        "repository": launcher["repository"],
        "os": [node_platform()],
        "cpu": [node_arch()],
        "files": ["bin"],
        "preferUnplugged": true,
    })
}

/// Node's name of this system.
fn node_platform() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// Node's name of this processor.
fn node_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Takes symbols off, which are most of the programs.
fn strip(bin: &Path) -> Result<()> {
    for entry in std::fs::read_dir(bin).with_context(|| format!("cannot list {}", bin.display()))? {
        proc::output(Command::new("strip").arg(entry?.path()))?;
    }
    Ok(())
}

fn copy(file: &Path, to: &Path) -> Result<()> {
    let to = to.join(file.file_name().unwrap_or_default());
    std::fs::copy(file, &to)
        .with_context(|| format!("cannot copy {} to {}", file.display(), to.display()))?;
    Ok(())
}

fn read(file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))
}

fn write(folder: &Path, manifest: &Value) -> Result<()> {
    let file = folder.join("package.json");
    std::fs::write(&file, format!("{manifest:#}\n"))
        .with_context(|| format!("cannot write {}", file.display()))
}
