//! Python with numpy, for the routing evaluation's scripts.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::apt::{self, need};
use crate::cache::Cache;
use crate::proc;
use crate::ui::Step;

/// Runs on Python 3.11 to 3.14.
const NUMPY: &str = "2.3.5";
const DEBIAN_PYTHON: &str = "/usr/bin/python3";
const LIMIT: Duration = Duration::from_secs(10 * 60);

fn imports(python: &Path, modules: &str) -> bool {
    proc::output(Command::new(python).args(["-c", &format!("import {modules}")])).is_ok()
}

/// A Python that has numpy: the cache's, the one in `PATH`, Debian's.
#[must_use]
pub fn find(cache: &Cache) -> Option<PathBuf> {
    let own = cache.has("numpy", NUMPY).then(|| python(&cache.dir("numpy", NUMPY)));
    let others = [proc::which("python3"), Some(PathBuf::from(DEBIAN_PYTHON))];
    own.into_iter().chain(others.into_iter().flatten()).find(|python| imports(python, "numpy"))
}

fn python(environment: &Path) -> PathBuf {
    environment.join("bin/python3")
}

/// One with numpy, made if it must be: in a virtual environment in the cache, else from Debian's packages.
///
/// # Errors
/// When neither way is open.
pub fn ensure(cache: &Cache) -> Result<PathBuf> {
    if let Some(found) = find(cache) {
        return Ok(found);
    }
    match proc::which("python3").filter(|python| imports(python, "venv, ensurepip, lzma")) {
        Some(base) => environment(cache, &base)?,
        None => apt::ensure(
            cache,
            &[
                need(DEBIAN_PYTHON, "python3"),
                need("/usr/lib/python3/dist-packages/numpy/__init__.py", "python3-numpy"),
            ],
        )?,
    }
    find(cache).context("numpy was installed but no python3 finds it")
}

fn environment(cache: &Cache, base: &Path) -> Result<()> {
    cache.provide("numpy", NUMPY, |shop| {
        let step = Step::begin("numpy", Duration::from_secs(20));
        let mut venv = Command::new(base);
        venv.args(["-m", "venv"]).arg(&shop.out);
        proc::run(venv, &step, &shop.log, LIMIT)?;
        let mut pip = Command::new(python(&shop.out));
        pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--only-binary=:all:"]);
        pip.arg(format!("numpy=={NUMPY}"));
        proc::run(pip, &step, &shop.log, LIMIT).context("cannot fetch numpy: is the network up?")?;
        if !imports(&python(&shop.out), "numpy") {
            bail!("numpy {NUMPY} does not run on {}", base.display());
        }
        step.done();
        Ok(())
    })?;
    Ok(())
}
