//! Load on a gateway: wallets that pay each other, WebSockets that say nothing, strangers who mean harm; all from this machine.
//! `cargo xtask bench --only gateway` (and `--only soak`) runs it and judges what it prints: JSON, a line for each thing measured.

mod audit;
mod counts;
mod crowd;
mod door;
mod gateway;
mod hostile;
mod idle;
mod options;
mod paying;
mod print;
mod random;
mod run;
mod wallets;

use std::process::ExitCode;

use anyhow::{Context, Result};
use tokio::task::LocalSet;

use crate::crowd::Crowd;
use crate::options::Options;

fn main() -> ExitCode {
    match load() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn load() -> Result<()> {
    let text = std::env::args().nth(1).context("give the options as JSON: see crates/load/src/options.rs")?;
    let options: Options = serde_json::from_str(&text).context("the options cannot be read")?;
    options.raise_open_files()?;
    let crowd = Crowd::start(options.door)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, run::run(&options, &crowd))
}
