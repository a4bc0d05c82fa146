//! Load on a gateway: wallets that pay each other, WebSockets that say nothing, strangers who mean harm; all from this machine.
//! `cargo xtask bench --only gateway` (and `--only soak`) runs it and judges what it prints: JSON, a line for each thing measured.
//! And one wallet that pays in many parts, for `--only amp`.

mod admin;
mod audit;
mod counts;
mod crowd;
mod door;
mod gateway;
mod hostile;
mod idle;
mod options;
mod parts;
mod paying;
mod print;
mod random;
mod run;
mod wallets;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use tokio::task::LocalSet;

use crate::crowd::Crowd;
use crate::options::Options;

fn main() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn work() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let (work, text) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let unreadable = "the options cannot be read: they are JSON, of the type Options";
    match work.as_str() {
        "load" => load(&serde_json::from_str(&text).context(unreadable)?),
        "parts" => parts::pay(&serde_json::from_str(&text).context(unreadable)?),
        _ => bail!("give `load` or `parts`, and options as JSON"),
    }
}

fn load(options: &Options) -> Result<()> {
    options.raise_open_files()?;
    let crowd = Crowd::start(options.door)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, run::run(options, &crowd))
}
