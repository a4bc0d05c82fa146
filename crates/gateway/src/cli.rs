//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A Lightning node for browser wallets: WebSocket endpoint, chain API, channels on request.
#[derive(Debug, Parser)]
#[command(
    name = "amplet-gateway",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
#[command(
    after_help = "A first gateway:\n  amplet-gateway init --dir my-gateway --network signet\n  amplet-gateway check --config my-gateway/gateway.toml\n  amplet-gateway --config my-gateway/gateway.toml\n\nSIGTERM and SIGINT end it cleanly; a second one ends it at once. Exit codes: 0 ended as asked, 1 failed, 2 wrong command line or configuration."
)]
pub struct Cli {
    /// What to do; without it the gateway runs.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Run with this configuration.
    #[command(flatten)]
    pub run: Option<ConfigFile>,
}

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
pub struct ConfigFile {
    /// The configuration file (TOML); relative paths in it belong to its folder.
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Everything but running.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a configuration, the files it names and its ports; start nothing.
    Check(ConfigFile),
    /// Write a first configuration with comments, a new seed and an admin token; overwrite nothing.
    Init {
        /// The folder to write into; made if missing.
        #[arg(short, long, default_value = ".")]
        dir: PathBuf,
        /// The Bitcoin network.
        #[arg(short, long, value_enum, default_value_t = NetworkName::Mainnet)]
        network: NetworkName,
    },
}

/// A Bitcoin network by its name in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NetworkName {
    /// Real money.
    Mainnet,
    /// BIP 94 test network.
    Testnet4,
    /// BIP 325 test network.
    Signet,
    /// A private chain.
    Regtest,
}
