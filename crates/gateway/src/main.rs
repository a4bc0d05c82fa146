//! `amplet-gateway`: see `--help`.

use std::path::Path;
use std::process::ExitCode;

use amplet_gateway::admin_client::AdminError;
use amplet_gateway::cli::{Cli, Command};
use amplet_gateway::config::Config;
use amplet_gateway::run::exit;
use amplet_gateway::{channels, check, fees, forwards, init, keys, logging, run, tokens};
use clap::Parser;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Init { dir, network }) => match init::run(&dir, network) {
            Ok(output) => {
                println!("{output}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("amplet-gateway: {error}");
                ExitCode::FAILURE
            }
        },
        Some(Command::Openapi) => match amplet_gateway::http::merchant::openapi() {
            Ok(document) => {
                println!("{document}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("amplet-gateway: {error}");
                ExitCode::FAILURE
            }
        },
        Some(Command::Check(file)) => check(&file.config),
        Some(Command::Keys { file, command }) => manage(&file.config, |config| keys::run(config, command)),
        Some(Command::Tokens { file, command }) => {
            manage(&file.config, |config| tokens::run(config, command))
        }
        Some(Command::Channels { file, command }) => {
            manage(&file.config, |config| channels::run(config, command))
        }
        Some(Command::Fees { file, command }) => manage(&file.config, |config| fees::run(config, command)),
        Some(Command::Forwards { file, show }) => manage(&file.config, |config| forwards::run(config, &show)),
        // clap lets no other case through: without a subcommand --config is there.
        None => cli.run.map_or(ExitCode::from(exit::WRONG_USE), |it| run(&it.config, it.new)),
    }
}

/// Loads a configuration and shows its warnings, or shows what is wrong with it.
fn load(file: &Path) -> Result<Config, ExitCode> {
    let (config, warnings) = Config::load(file).map_err(|error| {
        eprintln!("{error}");
        ExitCode::from(exit::WRONG_USE)
    })?;
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    Ok(config)
}

fn run(file: &Path, may_be_new: bool) -> ExitCode {
    let config = match load(file) {
        Ok(config) => config,
        Err(code) => return code,
    };
    logging::start(&config.log);
    match run::run(config, may_be_new) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the gateway ends");
            ExitCode::from(exit::of(&error))
        }
    }
}

/// Has the running gateway do something, and shows its answer.
fn manage(file: &Path, work: impl FnOnce(&Config) -> Result<String, AdminError>) -> ExitCode {
    let config = match load(file) {
        Ok(config) => config,
        Err(code) => return code,
    };
    match work(&config) {
        Ok(output) => {
            println!("{output}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("amplet-gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

fn check(file: &Path) -> ExitCode {
    let (config, warnings) = match Config::load(file) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(exit::WRONG_USE);
        }
    };
    let checked = check::run(&config, &warnings);
    for line in checked.lines {
        eprintln!("{line}");
    }
    if checked.code == 0 {
        println!("{}", check::ok(file));
    }
    ExitCode::from(checked.code)
}
