//! Wallets and gateways with a Lightning node of another implementation, on the regtest network: each scenario named, and checked
//! with the amounts on both sides. `cargo xtask interop` starts network and node, then this.

mod checks;
mod later;
mod scenarios;
mod stage;
mod user;
mod world;

use std::process::ExitCode;

use anyhow::{Result, bail};
use tokio::task::LocalSet;
use tokio::time::{Duration, timeout};

use crate::scenarios::{SCENARIOS, Scenario};
use crate::stage::Stage;

/// Longest time of a scenario: it ends what hangs, and judges nothing.
const LIMIT: Duration = Duration::from_secs(900);

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all scenarios passed.
fn run() -> Result<bool> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |scenario: &&Scenario| {
        wanted.is_empty() || wanted.iter().any(|word| scenario.name.contains(word.as_str()))
    };
    let chosen: Vec<&Scenario> = SCENARIOS.iter().filter(is_wanted).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        bail!("no scenario has {} in its name; there are:\n  {}", wanted.join(", "), names.join("\n  "));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, run_all(&chosen))
}

/// Prints as Rust's test harness does, which is what `cargo xtask test` reads.
async fn run_all(chosen: &[&Scenario]) -> Result<bool> {
    println!("preparing channels");
    let stage = Stage::set().await?;
    println!("running {} scenarios", chosen.len());
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for scenario in chosen {
        let outcome = timeout(LIMIT, (scenario.run)(&stage)).await;
        let outcome = outcome.unwrap_or_else(|_| bail!("it took longer than {} s", LIMIT.as_secs()));
        match outcome {
            Ok(amounts) => {
                passed += 1;
                println!("test {} ... ok\n    {amounts}", scenario.name);
            }
            Err(error) => {
                failed += 1;
                println!("test {} ... FAILED\n    {error:#}", scenario.name);
            }
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {failed} failed; 0 ignored");
    Ok(failed == 0)
}
