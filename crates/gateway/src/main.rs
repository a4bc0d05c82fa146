//! `amplet-gateway`: see `--help`.

use std::path::Path;
use std::process::ExitCode;

use amplet_gateway::admin_client::AdminError;
use amplet_gateway::cli::{Cli, Command};
use amplet_gateway::config::{Config, Severity};
use amplet_gateway::desk::backup;
use amplet_gateway::{init, keys, logging, run, tokens};
use clap::Parser;

/// The command line or the configuration is wrong; clap's code, too.
const WRONG_USE: u8 = 2;

/// The data folder is an old copy: starting again cannot help (systemd: `RestartPreventExitStatus=3`).
const OLD_COPY: u8 = 3;

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
        Some(Command::Check(file)) => check(&file.config),
        Some(Command::Keys { file, command }) => manage(&file.config, |config| keys::run(config, command)),
        Some(Command::Tokens { file, command }) => {
            manage(&file.config, |config| tokens::run(config, command))
        }
        // clap lets no other case through: without a subcommand --config is there.
        None => cli.run.map_or(ExitCode::from(WRONG_USE), |it| run(&it.config, it.new)),
    }
}

/// Loads a configuration and shows its warnings, or shows what is wrong with it.
fn load(file: &Path) -> Result<Config, ExitCode> {
    let (config, warnings) = Config::load(file).map_err(|error| {
        eprintln!("{error}");
        ExitCode::from(WRONG_USE)
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
            if error.is_old_copy() { ExitCode::from(OLD_COPY) } else { ExitCode::FAILURE }
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
    let config = match load(file) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let findings = config.check_ports();
    for (severity, finding) in &findings {
        let prefix = if *severity == Severity::Warning { "warning: " } else { "" };
        eprintln!("{prefix}{}: {finding}", file.display());
    }
    if let Err(wrong) = backup::check(&config) {
        eprintln!("{}: {wrong}", file.display());
        return ExitCode::from(WRONG_USE);
    }
    if findings.iter().any(|(severity, _)| *severity == Severity::Error) {
        return ExitCode::from(WRONG_USE);
    }
    println!("{}: ok", file.display());
    ExitCode::SUCCESS
}
