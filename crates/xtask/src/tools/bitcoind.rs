//! A regtest `bitcoind`: the one in `PATH` if it is new enough, else built from the Bitcoin Core
//! sources that the crate `libbitcoinkernel-sys` carries.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::apt::{self, Need, need};
use crate::cache::{Cache, Workshop};
use crate::proc;
use crate::ui::Step;

/// The first release whose mempool relays packages and pay-to-anchor outputs, which the harness uses.
const OLDEST: u32 = 28;
/// The crate whose `bitcoin/` folder is built: Bitcoin Core 31.99.
const CRATE: &str = "libbitcoinkernel-sys";
const VERSION: &str = "0.4.1";
const NAME: &str = "bitcoind";
const USUAL: Duration = Duration::from_secs(5 * 60);
const LIMIT: Duration = Duration::from_secs(45 * 60);

const NEEDS: [Need; 6] = [
    need("cmake", "cmake"),
    need("ninja", "ninja-build"),
    need("c++", "g++"),
    need("strip", "binutils"),
    need("/usr/include/event2/event.h", "libevent-dev"),
    need("/usr/include/boost/version.hpp", "libboost-dev"),
];

/// Everything that regtest has no use for is off: wallet, ZMQ, tests, GUI, IPC, AS map.
const FLAGS: [&str; 17] = [
    "-DCMAKE_BUILD_TYPE=Release",
    // A quarter less to compile; regtest has nothing to be fast about.
    "-DCMAKE_CXX_FLAGS_RELEASE=-O1",
    "-DBUILD_DAEMON=ON",
    "-DBUILD_CLI=ON",
    "-DENABLE_WALLET=OFF",
    "-DBUILD_TESTS=OFF",
    "-DBUILD_BENCH=OFF",
    "-DBUILD_TX=OFF",
    "-DBUILD_UTIL=OFF",
    "-DBUILD_KERNEL_LIB=OFF",
    "-DBUILD_BITCOIN_BIN=OFF",
    "-DENABLE_IPC=OFF",
    "-DWITH_ZMQ=OFF",
    "-DENABLE_EXTERNAL_SIGNER=OFF",
    "-DBUILD_FUZZ_BINARY=OFF",
    "-DBUILD_UTIL_CHAINSTATE=OFF",
    "-DWITH_EMBEDDED_ASMAP=OFF",
];

/// The daemon to use, if there is one already.
#[must_use]
pub fn find(cache: &Cache) -> Option<PathBuf> {
    let cached = cache.dir(NAME, VERSION).join("bin/bitcoind");
    in_path().or_else(|| cache.has(NAME, VERSION).then_some(cached))
}

/// The daemon to use; built first if it must be.
///
/// # Errors
/// When the packages or sources cannot be had, or the build fails.
pub fn ensure(cache: &Cache, jobs: usize) -> Result<PathBuf> {
    if let Some(found) = find(cache) {
        return Ok(found);
    }
    apt::ensure(cache, &NEEDS)?;
    let dir = cache.provide(NAME, VERSION, |shop| {
        let step = Step::begin("bitcoind from source", USUAL);
        build(shop, &step, jobs)?;
        step.done();
        Ok(())
    })?;
    Ok(dir.join("bin/bitcoind"))
}

fn in_path() -> Option<PathBuf> {
    let path = proc::which("bitcoind")?;
    let text = proc::output(Command::new(&path).arg("--version")).ok()?;
    (major(&text)? >= OLDEST).then_some(path)
}

/// The major version in the first line of `bitcoind --version`.
fn major(text: &str) -> Option<u32> {
    let (_, version) = text.lines().next()?.split_once("version v")?;
    version.split('.').next()?.parse().ok()
}

fn build(shop: &Workshop, step: &Step, jobs: usize) -> Result<()> {
    step.note("fetching sources");
    let sources = sources(shop, step)?;
    let build = shop.work.join("build");
    step.note("configuring");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(&sources).arg("-B").arg(&build).args(["-G", "Ninja"]).args(FLAGS);
    proc::run(configure, step, &shop.log, LIMIT)?;
    let mut ninja = Command::new("ninja");
    ninja.arg("-C").arg(&build).args(["-j", &jobs.to_string(), "bitcoind", "bitcoin-cli"]);
    proc::run(ninja, step, &shop.log, LIMIT)?;
    let bin = shop.out.join("bin");
    std::fs::create_dir_all(&bin).context("cannot create bin/")?;
    for program in ["bitcoind", "bitcoin-cli"] {
        let built = build.join("bin").join(program);
        std::fs::copy(&built, bin.join(program))
            .with_context(|| format!("cannot copy {}", built.display()))?;
        proc::output(Command::new("strip").arg(bin.join(program)))?;
    }
    let version = proc::output(Command::new(bin.join("bitcoind")).arg("--version"))?;
    match major(&version) {
        Some(found) if found >= OLDEST => Ok(()),
        _ => bail!("the daemon that was built says {version:?}, expected at least version {OLDEST}"),
    }
}

/// The `bitcoin/` folder of the crate, through a scratch package that depends on it: cargo verifies
/// the download against the registry's checksum.
fn sources(shop: &Workshop, step: &Step) -> Result<PathBuf> {
    let package = shop.work.join("sources");
    std::fs::create_dir_all(package.join("src")).context("cannot create the scratch package")?;
    std::fs::write(package.join("src/lib.rs"), "").context("cannot write the scratch package")?;
    let manifest = package.join("Cargo.toml");
    let text = format!(
        "[package]\nname = \"sources\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n[dependencies]\n{CRATE} = \"={VERSION}\"\n"
    );
    std::fs::write(&manifest, text).context("cannot write the scratch manifest")?;
    let cargo = super::cargo();
    let mut fetch = Command::new(&cargo);
    fetch.arg("fetch").arg("--manifest-path").arg(&manifest);
    proc::run(fetch, step, &shop.log, Duration::from_secs(600))
        .context("cannot fetch Bitcoin Core's sources: is the network up?")?;
    let metadata = proc::output(
        Command::new(&cargo)
            .args(["metadata", "--format-version=1", "--offline", "--manifest-path"])
            .arg(&manifest),
    )?;
    let folder = crate_folder(&metadata).context("cargo metadata does not name the sources' folder")?;
    let sources = folder.join("bitcoin");
    if !sources.join("CMakeLists.txt").is_file() {
        bail!("{} has no Bitcoin Core sources", folder.display());
    }
    Ok(sources)
}

fn crate_folder(metadata: &str) -> Option<PathBuf> {
    let value: serde_json::Value = serde_json::from_str(metadata).ok()?;
    let packages = value.get("packages")?.as_array()?;
    let package = packages.iter().find(|p| p.get("name").and_then(|n| n.as_str()) == Some(CRATE))?;
    Some(Path::new(package.get("manifest_path")?.as_str()?).parent()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn versions_are_read() {
        assert_eq!(major("Bitcoin Core daemon version v31.99.0\nCopyright"), Some(31));
        assert_eq!(major("Bitcoin Core version v25.1.0"), Some(25));
        assert_eq!(major("hello"), None);
    }
}
