//! `amplet-exit`: see `--help`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use amplet_exit::cli::Cli;
use clap::Parser;
use tokio::task::LocalSet;
use zeroize::Zeroizing;

/// The command line or the phrase is wrong; clap's code, too.
const WRONG_USE: u8 = 2;

/// There is no money.
const NOTHING: u8 = 3;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match work(&cli) {
        Ok((shown, found)) => {
            println!("{shown}");
            if found { ExitCode::SUCCESS } else { ExitCode::from(NOTHING) }
        }
        Err(Failure::Read(error)) => {
            eprintln!("amplet-exit: the phrase cannot be read: {error}");
            ExitCode::FAILURE
        }
        Err(Failure::Exit(error)) => {
            eprintln!("amplet-exit: {error}");
            if error.is_wrong_use() { ExitCode::from(WRONG_USE) } else { ExitCode::FAILURE }
        }
    }
}

enum Failure {
    Read(std::io::Error),
    Exit(amplet_exit::ExitError),
}

fn work(cli: &Cli) -> Result<(String, bool), Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprint!("Recovery phrase: ");
        // A prompt that does not show is no reason to stop.
        let _ = std::io::stderr().flush();
    }
    let mut phrase = Zeroizing::new(String::new());
    stdin.read_line(&mut phrase).map_err(Failure::Read)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::Read)?;
    let told = |text: String| eprintln!("amplet-exit: {text}");
    LocalSet::new().block_on(&runtime, amplet_exit::run(cli, &phrase, &told)).map_err(Failure::Exit)
}
