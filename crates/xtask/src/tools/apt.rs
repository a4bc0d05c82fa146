//! Tools from the operating system's packages: Debian's by `apt-get`, elsewhere by advice.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::proc;
use crate::ui::Step;

/// Something of the operating system: how to see that it is there, and the package that has it.
pub struct Need {
    /// A program in `PATH`, or an absolute path of a file.
    pub probe: &'static str,
    /// Debian's package.
    pub package: &'static str,
}

/// Shorthand for a table of needs.
#[must_use]
pub const fn need(probe: &'static str, package: &'static str) -> Need {
    Need { probe, package }
}

impl Need {
    /// True if it is there.
    #[must_use]
    pub fn met(&self) -> bool {
        if self.probe.starts_with('/') {
            Path::new(self.probe).exists()
        } else {
            proc::which(self.probe).is_some()
        }
    }
}

/// `apt-get` cannot run twice at once, and one list update per run is enough.
static UPDATED: Mutex<bool> = Mutex::new(false);

/// Installs the packages of those needs that are not met.
///
/// # Errors
/// Where there is no `apt-get`, no right to use it or no network: with the command to run by hand.
pub fn ensure(cache: &Cache, needs: &[Need]) -> Result<()> {
    let mut updated = UPDATED.lock().unwrap_or_else(PoisonError::into_inner);
    let missing: Vec<&Need> = needs.iter().filter(|n| !n.met()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|n| n.package).collect();
    let by_hand = format!("sudo apt-get install {}", packages.join(" "));
    if proc::which("apt-get").is_none() {
        let probes: Vec<&str> = missing.iter().map(|n| n.probe).collect();
        bail!(
            "missing: {}. This system has no apt-get; install what Debian calls `{}` with its package manager and run this again",
            probes.join(", "),
            packages.join(" ")
        );
    }
    let prefix = privilege().with_context(|| format!("to install packages, run: {by_hand}"))?;
    let _guard = cache.guard("apt")?;
    let step = Step::begin(&format!("Debian packages {}", packages.join(" ")), Duration::from_secs(60));
    if !*updated {
        step.note("updating the package lists");
        proc::run(apt(&prefix, &["update"]), &step, &cache.log("apt-update"), Duration::from_secs(600))
            .with_context(|| format!("no package lists: is the network up? By hand: {by_hand}"))?;
        *updated = true;
    }
    step.note("installing");
    let arguments = [&["install", "--yes", "--no-install-recommends"], packages.as_slice()].concat();
    proc::run(apt(&prefix, &arguments), &step, &cache.log("apt-install"), Duration::from_secs(1800))
        .with_context(|| format!("by hand: {by_hand}"))?;
    if let Some(unmet) = missing.iter().find(|n| !n.met()) {
        bail!("package {} is installed but {} is still missing", unmet.package, unmet.probe);
    }
    step.done();
    Ok(())
}

/// Command to put before `apt-get`: nothing for root, `sudo -n` where that needs no password.
fn privilege() -> Result<Vec<&'static str>> {
    let user = proc::output(Command::new("id").arg("-u"))?;
    if user == "0" {
        return Ok(Vec::new());
    }
    if proc::which("sudo").is_some() && proc::output(Command::new("sudo").args(["-n", "true"])).is_ok() {
        return Ok(vec!["sudo", "-n"]);
    }
    bail!("not root, and sudo wants a password or is not there")
}

fn apt(prefix: &[&str], arguments: &[&str]) -> Command {
    let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or("apt-get"));
    command.args(words);
    command
}
