//! lnd, built from its Go module as its authors released it: with the versions and the checksums of its own go.mod and go.sum.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::go;
use crate::cache::{Cache, Workshop};
use crate::proc;
use crate::ui::Step;

const MODULE: &str = "github.com/lightningnetwork/lnd";
const VERSION: &str = "0.21.0-beta";
/// The module's hash in Go's checksum database.
const SUM: &str = "h1:bDP5UH15E7DVGTztsmBPQLqgyilq5EXDrglvQFmRc3U=";
/// The sub-servers that lnd's own releases have and scenarios use: held invoices, and payments in parts.
const TAGS: &str = "invoicesrpc,routerrpc";
/// Begins the lines in which Go says what it fetches.
const FETCHES: &str = "go: ";
const NAME: &str = "lnd";
const USUAL: Duration = Duration::from_secs(6 * 60);
const LIMIT: Duration = Duration::from_secs(45 * 60);

/// The daemon to use, if there is one already.
#[must_use]
pub fn find(cache: &Cache) -> Option<PathBuf> {
    cache.has(NAME, VERSION).then(|| binary(&cache.dir(NAME, VERSION)))
}

/// The daemon to use; built first if it must be.
///
/// # Errors
/// When Go or the sources cannot be had, or the build fails.
pub fn ensure(cache: &Cache, jobs: usize) -> Result<PathBuf> {
    if let Some(found) = find(cache) {
        return Ok(found);
    }
    let go = go::ensure(cache)?;
    let dir = cache.provide(NAME, VERSION, |shop| {
        let step = Step::begin(&format!("lnd {VERSION} from source"), USUAL);
        build(shop, &step, &go, jobs)?;
        step.done();
        Ok(())
    })?;
    Ok(binary(&dir))
}

fn binary(dir: &Path) -> PathBuf {
    dir.join("bin/lnd")
}

/// Go in the workshop, so that nothing stays in the user's folders and no setting of theirs decides.
fn command(shop: &Workshop, go: &Path) -> Command {
    let mut command = Command::new(go);
    command.current_dir(&shop.work);
    for (name, folder) in [("GOPATH", "path"), ("GOMODCACHE", "modules"), ("GOCACHE", "build")] {
        command.env(name, shop.work.join(folder));
    }
    // Without the flag the modules' folders are read-only, and stay when the workshop is removed.
    command.env("GOFLAGS", "-modcacherw -trimpath -buildvcs=false");
    // No C compiler is needed, and no other Go is fetched.
    command.envs([("CGO_ENABLED", "0"), ("GOTOOLCHAIN", "local"), ("GOWORK", "off"), ("GOENV", "off")]);
    command
}

fn build(shop: &Workshop, step: &Step, go: &Path, jobs: usize) -> Result<()> {
    let sources = sources(shop, step, go)?;
    let go = || {
        let mut go = command(shop, go);
        go.current_dir(&sources);
        go
    };
    let mut list = go();
    list.args(["list", "-deps", "-tags", TAGS, "./cmd/lnd"]);
    let done = AtomicUsize::new(0);
    let fetched = |line: &str| {
        line.starts_with(FETCHES).then(|| format!("module {}", done.fetch_add(1, Ordering::Relaxed)))
    };
    watch(list, step, &shop.log, &fetched).context("cannot fetch lnd's modules: is the network up?")?;
    let packages = std::fs::read_to_string(&shop.log).context("cannot read the list of packages")?;
    let total = packages.lines().filter(|line| !line.starts_with(FETCHES)).count();
    let mut build = go();
    build.args(["build", "-v", "-p", &jobs.to_string(), "-tags", TAGS, "-ldflags", "-s -w", "-o"]);
    build.arg(binary(&shop.out)).arg("./cmd/lnd");
    let done = AtomicUsize::new(0);
    // With -v Go names each package that it compiles.
    let compiled = |_: &str| Some(format!("{}/{total}", done.fetch_add(1, Ordering::Relaxed)));
    watch(build, step, &shop.log, &compiled)?;
    let told = proc::output(Command::new(binary(&shop.out)).arg("--version"))?;
    if !told.contains(VERSION) {
        bail!("the daemon that was built says {told:?}, expected version {VERSION}");
    }
    Ok(())
}

/// The folder of the module, whose content has the hash that is written here.
fn sources(shop: &Workshop, step: &Step, go: &Path) -> Result<PathBuf> {
    step.note("fetching sources");
    let mut fetch = command(shop, go);
    fetch.args(["mod", "download", "-json", &format!("{MODULE}@v{VERSION}")]);
    let told = proc::output(&mut fetch).context("cannot fetch lnd's sources: is the network up?")?;
    let told: Value = serde_json::from_str(&told).context("`go mod download -json` printed no JSON")?;
    let text = |key: &str| told.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("Sum") != SUM {
        bail!("lnd {VERSION} has the hash {:?}, expected {SUM}", text("Sum"));
    }
    Ok(PathBuf::from(text("Dir")))
}

/// Reads from a line that Go prints how far it is.
type Seen<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

fn watch(command: Command, step: &Step, log: &Path, seen: Seen<'_>) -> Result<()> {
    let outcome = proc::watch_lines(command, step, log, LIMIT, (false, seen))?;
    if outcome.success {
        return Ok(());
    }
    let text = outcome.text()?;
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n    ");
    let how = if outcome.timed_out { "took too long" } else { "failed" };
    bail!("Go {how}; the end of {}:\n    {end}", log.display())
}
