//! `amplet-regtest`: the regtest network alone, from ready-made programs: what the npm package of that name runs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lexopt::prelude::{Long, Short, ValueExt};
use xtask::cache::Cache;
use xtask::proc;
use xtask::regtest::session::{Options, Session};

const HELP: &str = "\
amplet-regtest [--output FILE] [--gateways N] [--no-mine]

A Lightning network on this machine alone: bitcoind on regtest, gateways for wallets, a payee, channels between them, and a control API
that mines, funds, pays and makes invoices. It is described on standard output once payments can flow, and runs until Ctrl-C or SIGTERM.

  --output FILE     write the description (JSON) there, too; FILE appears when the network is ready
  --gateways N      number of gateways, two or more (2)
  --no-mine         mine only when the control API is asked to; otherwise six blocks whenever a transaction waits
  --bitcoind FILE   run this bitcoind, 28 or newer (the package's own)
  --gateway FILE    run this amplet-gateway (the package's own)
";

fn main() -> ExitCode {
    let result = proc::handle_signals().and_then(|()| parse(lexopt::Parser::from_env())).and_then(run);
    proc::end_all();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("amplet-regtest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line; `None`: help was asked for.
fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>> {
    let mut options = Options { mine: true, ..Options::default() };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(None),
            Long("output") => options.env_file = Some(parser.value()?.into()),
            Long("bitcoind") => options.bitcoind = Some(parser.value()?.into()),
            Long("gateway") => options.gateway = Some(parser.value()?.into()),
            Long("no-mine") => options.mine = false,
            Long("gateways") => options.gateways = parser.value()?.parse()?,
            other => return Err(other.unexpected()).context("see `amplet-regtest --help`"),
        }
    }
    if options.gateways < 2 {
        bail!("--gateways {}: a network has two or more", options.gateways);
    }
    Ok(Some(options))
}

fn run(options: Option<Options>) -> Result<()> {
    let Some(mut options) = options else {
        print!("{HELP}");
        return Ok(());
    };
    // Beside this program, unless others are named.
    let beside = |name: &str| -> Result<PathBuf> { Ok(std::env::current_exe()?.with_file_name(name)) };
    options.bitcoind = Some(options.bitcoind.map_or_else(|| beside("bitcoind"), Ok)?);
    options.gateway = Some(options.gateway.map_or_else(|| beside("amplet-gateway"), Ok)?);
    eprintln!("the network comes up; this takes a few seconds");
    let session = Session::start(&Cache::open()?, options)?;
    println!("{:#}", session.description);
    eprintln!("the network runs until Ctrl-C; logs: {}", session.folder().display());
    while !proc::interrupted() {
        std::thread::sleep(Duration::from_millis(50));
    }
    session.finish()
}
