//! `cargo xtask <command>`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use lexopt::prelude::{Long, Short, Value, ValueExt};
use xtask::cache::Cache;
use xtask::{doctor, proc};

const HELP: &str = "\
cargo xtask <command>

  doctor [--fetch]   what is installed, what is missing, how it would be got; --fetch gets it

Tools are kept in ~/.cache/amplet (AMPLET_CACHE).
";

fn main() -> ExitCode {
    match proc::handle_signals().and_then(|()| dispatch()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<()> {
    let mut parser = lexopt::Parser::from_env();
    let command = match parser.next()? {
        None | Some(Long("help") | Short('h')) => {
            print!("{HELP}");
            return Ok(());
        }
        Some(Value(value)) => value.string()?,
        Some(other) => return Err(other.unexpected().into()),
    };
    let cache = Cache::open()?;
    match command.as_str() {
        "doctor" => {
            let mut fetch = false;
            while let Some(argument) = parser.next()? {
                match argument {
                    Long("fetch") => fetch = true,
                    other => return Err(other.unexpected().into()),
                }
            }
            doctor::run(&cache, fetch)
        }
        unknown => bail!("no command `{unknown}`\n\n{HELP}"),
    }
}
