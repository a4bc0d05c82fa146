//! The command line.

use std::num::ParseIntError;
use std::path::PathBuf;

use amplet_protocol::Msat;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::desk::merchant::types::Scope;
use crate::desk::operator::OpenChannel;

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
    after_help = "A first gateway:\n  amplet-gateway init --dir my-gateway --network signet\n  amplet-gateway check --config my-gateway/gateway.toml\n  amplet-gateway --config my-gateway/gateway.toml\n\nSIGTERM and SIGINT end it cleanly; another one a second later ends it at once. SIGHUP reads the configuration again. Exit codes: 0 ended as asked, 1 failed, 2 wrong command line or configuration, 3 the data folder is an old copy, 4 the chain source is of no use, 5 the data folder is of no use."
)]
pub struct Cli {
    /// The subcommand; without one the gateway runs.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Run with this configuration.
    #[command(flatten)]
    pub run: Option<Run>,
}

/// Running.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// The configuration file (TOML); relative paths in it belong to its folder.
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
    /// Begin a new database although the seed was used with one that is not there. Its channels are lost: peers close them by force.
    #[arg(long)]
    pub new: bool,
}

/// The configuration file.
#[derive(Clone, Debug, Args)]
pub struct ConfigFile {
    /// The configuration file (TOML); relative paths in it belong to its folder.
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
}

/// The configuration file, for subcommands of subcommands: it may stand before or after them.
#[derive(Clone, Debug, Args)]
pub struct RunningFile {
    /// The configuration file (TOML) that the gateway runs with.
    #[arg(short, long, value_name = "FILE", global = true, default_value = "gateway.toml")]
    pub config: PathBuf,
}

/// Everything but running.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a configuration: its files and ports, the bitcoind, the data folder; start nothing.
    Check(ConfigFile),
    /// Print the description of the API for sites (OpenAPI 3.1), as `GET /v1/openapi.json` has it; needs no configuration.
    Openapi,
    /// Make, list and revoke API keys of the running gateway.
    Keys {
        /// The configuration that it runs with.
        #[command(flatten)]
        file: RunningFile,
        /// The subcommand.
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Make, list and revoke tokens for channels on request, where `[channels] channel_tokens` requires them.
    #[command(alias = "token")]
    Tokens {
        /// The configuration that the gateway runs with.
        #[command(flatten)]
        file: RunningFile,
        /// The subcommand.
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Open channels of the running gateway.
    Channels {
        /// The configuration that it runs with.
        #[command(flatten)]
        file: RunningFile,
        /// The subcommand.
        #[command(subcommand)]
        command: ChannelCommand,
    },
    /// Show and change the terms on which the running gateway's channels forward.
    Fees {
        /// The configuration that it runs with.
        #[command(flatten)]
        file: RunningFile,
        /// The subcommand.
        #[command(subcommand)]
        command: FeeCommand,
    },
    /// Show what the running gateway forwarded, and what it earned by that.
    Forwards {
        /// The configuration that it runs with.
        #[command(flatten)]
        file: ConfigFile,
        /// What to show.
        #[command(flatten)]
        show: ShowForwards,
    },
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

/// Subcommands for API keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key; its token and webhook secret are shown once.
    Add(AddKey),
    /// List all keys, without their secrets.
    List,
    /// Revoke a key: nobody gets in with it any more.
    Revoke {
        /// The key's id, as listed.
        id: String,
    },
}

/// The key to make.
#[derive(Clone, Debug, Args)]
pub struct AddKey {
    /// A name for you, in the list.
    #[arg(short, long)]
    pub name: String,
    /// Keys of one account see the same invoices, payments and webhooks.
    #[arg(short, long, default_value = "main")]
    pub account: String,
    /// Scopes of the key; give it several times.
    #[arg(short, long, required = true, value_parser = scope)]
    pub scope: Vec<Scope>,
    /// With payments:send: the most that one payment may cost, in msat.
    #[arg(long, value_parser = msat)]
    pub per_payment_msat: Option<Msat>,
    /// With payments:send: the most in any 24 hours, in msat.
    #[arg(long, value_parser = msat)]
    pub per_day_msat: Option<Msat>,
    /// With payments:send: the most ever, in msat.
    #[arg(long, value_parser = msat)]
    pub total_msat: Option<Msat>,
}

/// Subcommands for channels.
#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    /// Open one or more channels by one transaction: all of them, or none.
    Open(OpenChannels),
}

/// The channels to open.
#[derive(Clone, Debug, Args)]
pub struct OpenChannels {
    /// A channel: node id of a connected peer, capacity in sat, and if wanted what the peer gets of it at once, and that it is announced
    /// to the public graph; give several.
    #[arg(required = true, value_name = "NODE:SAT[:push=MSAT][:announce]", value_parser = channel)]
    pub channels: Vec<OpenChannel>,
    /// Fee rate of the transaction, in sat per 1000 vB; within an hour unless given.
    #[arg(long)]
    pub fee_rate: Option<u64>,
}

/// Subcommands for terms of forwarding.
#[derive(Debug, Subcommand)]
pub enum FeeCommand {
    /// List the configuration's terms, those of each channel, and those that channels and peers were given.
    List,
    /// Give a channel, or all channels with a peer, terms of its own, at once and also after a restart.
    Set(SetFees),
    /// Give a channel or a peer the configuration's terms again.
    Clear {
        /// The channel's id, or the peer's node id.
        of: String,
    },
}

/// The terms to set, in place of those that it has.
#[derive(Clone, Debug, Args)]
pub struct SetFees {
    /// The channel's id, or the peer's node id.
    pub of: String,
    /// Base fee, in msat; the configuration's unless given.
    #[arg(long, value_parser = msat, required_unless_present_any = ["fee_ppm", "cltv_delta"])]
    pub fee_base_msat: Option<Msat>,
    /// Proportional fee, in parts per million; the configuration's unless given.
    #[arg(long)]
    pub fee_ppm: Option<u32>,
    /// Blocks between the expiries of what comes in and of what leaves, 144 to 1008; 144 unless given.
    #[arg(long)]
    pub cltv_delta: Option<u16>,
}

/// What to show of forwards.
#[derive(Clone, Debug, Args)]
pub struct ShowForwards {
    /// Number of days (UTC), today among them.
    #[arg(long, default_value_t = 30)]
    pub days: u32,
    /// As CSV, a line for each day and channel.
    #[arg(long)]
    pub csv: bool,
}

/// Subcommands for tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; the gateway's address with it is shown once.
    Add(AddToken),
    /// List all tokens, without their secrets.
    List,
    /// Revoke a token: it opens no further channel.
    Revoke {
        /// The token's id, as listed.
        id: String,
    },
}

/// The token to make.
#[derive(Clone, Debug, Args)]
pub struct AddToken {
    /// A name for you, in the list.
    #[arg(short, long)]
    pub name: String,
    /// Number of channels that it opens; any unless given.
    #[arg(long)]
    pub max_channels: Option<u32>,
    /// Capacity of these together, in sat; any unless given.
    #[arg(long)]
    pub max_sat: Option<u64>,
    /// Days for which it holds; until it is revoked unless given.
    #[arg(long)]
    pub days: Option<u32>,
}

fn channel(text: &str) -> Result<OpenChannel, String> {
    let mut parts = text.split(':');
    let peer = parts.next().unwrap_or_default().to_owned();
    let capacity = parts.next().ok_or("the capacity is missing; give NODE:SAT")?;
    let capacity_sat =
        capacity.parse::<u64>().map_err(|error| format!("{capacity:?} is no number of sat: {error}"))?;
    let mut channel = OpenChannel { peer, capacity_sat, push_msat: Msat::ZERO, announce: false };
    for part in parts {
        match part.split_once('=') {
            None if part == "announce" => channel.announce = true,
            Some(("push", amount)) => channel.push_msat = msat(amount)?,
            _ => return Err(format!("{part:?} is unknown; give push=MSAT or announce")),
        }
    }
    Ok(channel)
}

fn msat(text: &str) -> Result<Msat, String> {
    let msat = text.parse().map_err(|error: ParseIntError| error.to_string())?;
    Msat::new(msat).map_err(|error| error.to_string())
}

fn scope(text: &str) -> Result<Scope, String> {
    let found = Scope::ALL.iter().find(|(name, _)| *name == text);
    let names = || Scope::ALL.map(|(name, _)| name).join(", ");
    found.map(|(_, scope)| *scope).ok_or_else(|| format!("give one of {}", names()))
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
