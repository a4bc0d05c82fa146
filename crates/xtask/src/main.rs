//! `cargo xtask <command>`.

use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use xtask::cache::Cache;
use xtask::cli::{self, Command, HELP};
use xtask::regtest::package;
use xtask::regtest::session::{Options, Session};
use xtask::{bench, build, chaos, demo, deny, docs, doctor, interop, proc, routing, size, test};

fn main() -> ExitCode {
    let result = proc::handle_signals().and_then(|()| cli::parse(lexopt::Parser::from_env())).and_then(run);
    proc::end_all();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let cache = Cache::open()?;
    match command {
        Command::Help => print!("{HELP}"),
        Command::Demo { headless } => demo::run(&cache, headless)?,
        Command::Test { only, list } => test::run(&cache, &only, list)?,
        Command::Build => {
            build::all(&cache)?;
            let [network, programs] = package::build(&cache, true)?;
            println!("regtest network, for npm {}, {}", network.display(), programs.display());
        }
        Command::Size => size::run(&cache)?,
        Command::Bench { only, load } => bench::run(&cache, &only, &load)?,
        Command::EvalRouting { seed, quick } => routing::run(&cache, seed, quick)?,
        Command::Chaos(options) => chaos::run(&cache, &options)?,
        Command::Interop { words } => interop::run(&cache, &words)?,
        Command::Regtest { env_file, mine, examples, www, gateway, gateways } => {
            let options = Options { mine, www, gateway, examples, gateways, env_file, ..Options::default() };
            regtest(&cache, options)?;
        }
        Command::Docs => docs::run(&cache)?,
        Command::Deny => deny::all(&cache)?,
        Command::Doctor { fetch } => doctor::run(&cache, fetch)?,
    }
    Ok(())
}

fn regtest(cache: &Cache, options: Options) -> Result<()> {
    let session = Session::start(cache, options)?;
    println!("{:#}", session.description);
    eprintln!(
        "the network runs until standard input closes, or Ctrl-C; logs: {}",
        session.folder().display()
    );
    let closed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&closed);
    std::thread::spawn(move || {
        // Whatever is typed is of no interest; the end of it is.
        while std::io::stdin().read(&mut [0; 256]).is_ok_and(|count| count > 0) {}
        seen.store(true, Ordering::SeqCst);
    });
    while !closed.load(Ordering::SeqCst) && !proc::interrupted() {
        std::thread::sleep(Duration::from_millis(50));
    }
    session.finish()
}
