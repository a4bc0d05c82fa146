//! The routing evaluation (`../shared/eval/routing`): our router through its scenario and driver, beside the figures that
//! the project set itself (issue 4).

mod goals;
mod relative;
mod rows;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use self::goals::{GOALS, Goal};
use self::relative::{GUARDS, Guard};
pub use self::rows::{median, quantile};
use crate::cache::Cache;
use crate::tools::{self, Tool, apt, cargo_command, python};
use crate::ui::Step;
use crate::{proc, root, target_dir};

/// The seed whose figures are published.
pub const PUBLIC_SEED: u64 = 20_261_122;
const PAIRS: usize = 200;
const QUICK_PAIRS: usize = 40;
const LIMIT: Duration = Duration::from_secs(2 * 3600);

/// Folder that the project shares with its sisters: data and evaluations, not part of the repository.
fn shared() -> PathBuf {
    root().parent().unwrap_or(root()).join("shared")
}

/// The newest mainnet graph (`ln-mainnet-DATE.csv.xz`), if there is one.
#[must_use]
pub fn data() -> Option<PathBuf> {
    let entries = std::fs::read_dir(shared().join("data")).ok()?;
    let files = entries.flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("ln-mainnet-") && name.ends_with(".csv.xz")
    });
    files.max()
}

/// Advice where [`data`] finds nothing.
#[must_use]
pub fn no_data() -> String {
    format!("no ln-mainnet-*.csv.xz in {}", shared().join("data").display())
}

/// Unpacks a graph.
///
/// # Errors
/// When xz cannot be had, or the file is damaged.
pub fn unpack(cache: &Cache, packed: &Path, to: &Path) -> Result<()> {
    apt::ensure(cache, &[apt::need("xz", "xz-utils")])?;
    let mut xz = Command::new("xz");
    xz.args(["--decompress", "--stdout"]);
    proc::filter(xz, packed, to, Duration::from_secs(60))
}

/// Builds the router's evaluation program, optimised.
///
/// # Errors
/// When it does not compile.
pub fn program(cache: &Cache) -> Result<PathBuf> {
    example(cache, "plan")
}

fn example(cache: &Cache, name: &str) -> Result<PathBuf> {
    let step = Step::begin(&format!("router's {name} (release)"), Duration::from_secs(40));
    let mut cargo = cargo_command();
    cargo.args(["build", "--locked", "--release", "--package", "amplet-router", "--example", name]);
    proc::run(cargo, &step, &cache.log("build-router"), Duration::from_secs(1200))?;
    step.done();
    Ok(target_dir().join("release/examples").join(name))
}

/// Makes the scenario of a seed, drives the router through all of it, prints the table.
///
/// # Errors
/// When the evaluation is not there, a part of a plan is wrong, or a guard ([`relative`]) does not hold. A goal that is missed is
/// shown, not an error: its figures are good to a few hundredths only.
pub fn run(cache: &Cache, seed: u64, quick: bool) -> Result<()> {
    let Some(graph) = data() else {
        bail!(
            "{}: the evaluation runs on the real graph only; `cargo xtask bench --only router` makes one up",
            no_data()
        )
    };
    let scripts = shared().join("eval/routing");
    if !scripts.join("drive.py").is_file() {
        bail!("{} is missing: it belongs to the evaluation, beside the repository", scripts.display());
    }
    tools::ensure(cache, &[Tool::Numpy])?;
    let evaluation = Evaluation {
        program: program(cache)?,
        simulate: example(cache, "simulate")?,
        python: python::ensure(cache)?,
        folder: target_dir().join(format!("eval-routing/{seed}")),
        scripts,
        pairs: if quick { QUICK_PAIRS } else { PAIRS },
    };
    evaluation.scenario(cache, &graph, seed)?;
    println!("seed {seed}, {} payments a row, {}", evaluation.pairs, graph.display());
    println!("{}", goals::HEAD);
    let (mut reached, mut set) = (0, 0);
    for goal in &GOALS {
        let (line, verdicts) = goal.judge(&evaluation.drive(cache, goal)?)?;
        println!("{line}");
        set += verdicts.len();
        reached += verdicts.iter().filter(|reached| **reached).count();
    }
    println!("{reached} of {set} figures reached");
    println!("relative to what can be had (crates/router/README.md):");
    println!("{}", relative::HEAD);
    let mut broken = Vec::new();
    for guard in &GUARDS {
        let (line, more) = guard.judge(&evaluation.relative(cache, guard)?)?;
        println!("{line}");
        broken.extend(more);
    }
    if quick {
        println!(
            "({QUICK_PAIRS} payments a row are good to a tenth: run without --quick before believing any of it)"
        );
    }
    if !quick && !broken.is_empty() {
        bail!("no longer as good as it was: {}", broken.join("; "));
    }
    Ok(())
}

struct Evaluation {
    program: PathBuf,
    simulate: PathBuf,
    python: PathBuf,
    scripts: PathBuf,
    folder: PathBuf,
    pairs: usize,
}

impl Evaluation {
    fn scenario(&self, cache: &Cache, graph: &Path, seed: u64) -> Result<()> {
        let step = Step::begin(&format!("scenario {seed}"), Duration::from_secs(5));
        let mut python = Command::new(&self.python);
        python.arg(self.scripts.join("scenario.py")).arg(graph).arg(&self.folder);
        python.args([PAIRS.to_string(), seed.to_string()]);
        proc::run(python, &step, &cache.log("eval-routing-scenario"), LIMIT)?;
        step.done();
        Ok(())
    }

    /// The driver's rows for one line of the table.
    fn drive(&self, cache: &Cache, goal: &Goal) -> Result<String> {
        let step =
            Step::begin(&goal.name(), Duration::from_secs(goal.usual_s * self.pairs as u64 / PAIRS as u64));
        let mut python = Command::new(&self.python);
        python.arg(self.scripts.join("drive.py")).arg(&self.folder).arg(goal.balances);
        python.args([goal.amount_sat.to_string(), self.pairs.to_string()]);
        python.args(["--gateways", &goal.gateways.to_string(), "--"]).arg(&self.program);
        let done = AtomicUsize::new(0);
        let seen = |line: &str| {
            let row = line.starts_with(goal.balances) && line.split(',').count() > 10;
            row.then(|| format!("{}/{}", done.fetch_add(1, Ordering::Relaxed) + 1, self.pairs))
        };
        let outcome = proc::watch_lines(python, &step, &cache.log("eval-routing"), LIMIT, (false, &seen))?;
        let text = outcome.text()?;
        if !outcome.success {
            bail!("the driver stopped: {}", text.lines().last().context("it said nothing")?);
        }
        step.done();
        Ok(text)
    }

    /// The program's figures for one line of the second table.
    fn relative(&self, cache: &Cache, guard: &Guard) -> Result<String> {
        let usual_s = guard.usual_s * self.pairs as u64 / PAIRS as u64;
        let step = Step::begin(&format!("{}, relative", guard.name()), Duration::from_secs(usual_s));
        let mut simulate = Command::new(&self.simulate);
        simulate.arg(&self.folder).arg(guard.balances).arg(guard.amount_sat.to_string());
        simulate.args([
            "--gateways",
            &guard.gateways.to_string(),
            "--pairs",
            &self.pairs.to_string(),
            "--judge",
        ]);
        let outcome =
            proc::watch_lines(simulate, &step, &cache.log("eval-routing"), LIMIT, (false, &|_| None))?;
        let text = outcome.text()?;
        if !outcome.success {
            bail!("the router stopped: {}", text.lines().last().context("it said nothing")?);
        }
        step.done();
        Ok(text)
    }
}
