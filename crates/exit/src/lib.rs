//! Brings a wallet's or a gateway's money home with its recovery phrase alone: savings, and what channels paid when their peers
//! closed them. It asks one server, Bitcoin Core or Esplora, and needs nothing else of this project to be running.
//!
//! It closes no channel: a commitment from an old file may be a revoked one, which would cost the whole channel.

pub mod cli;
pub mod coins;
pub mod server;
pub mod spend;

use amplet_node::keys::{KeyError, MnemonicError};
use bitcoin::{Address, FeeRate, ScriptBuf};

use cli::Cli;
use coins::{Coin, SeedKeys};
use server::{Client, Server, rate};

/// What went wrong, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ExitError {
    /// The phrase.
    #[error(transparent)]
    Phrase(#[from] MnemonicError),
    /// The address.
    #[error("{text} is not an address on {network}: {reason}; copy it again")]
    Address {
        /// As given.
        text: String,
        /// The network.
        network: bitcoin::Network,
        /// The fault.
        reason: String,
    },
    /// The fee rate.
    #[error("{0} is not a fee rate; give a number of sat/vB from 0.1 to 10000")]
    FeeRate(f64),
    /// A file of the login.
    #[error("{place} cannot be read ({source}); correct the path, or run this as the user who may read it")]
    File {
        /// The file.
        place: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// No login.
    #[error("Bitcoin Core wants a login; add --cookie-file, or --rpc-user and --rpc-password-file")]
    NoLogin,
    /// The login is refused.
    #[error("Bitcoin Core refuses the login; its cookie changes with each start, so read the file again")]
    Login,
    /// No estimate.
    #[error("the server has no estimate of fees; add --fee-rate")]
    NoEstimate,
    /// The fee takes more than half.
    #[error(
        "a fee of {fee_sat} sat would take more than half of {total_sat} sat, or leave less than is relayed; wait for lower fees, or give a lower --fee-rate"
    )]
    NotWorth {
        /// The coins, in sat.
        total_sat: u64,
        /// The fee, in sat.
        fee_sat: u64,
    },
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Keys of the savings.
    #[error("a key is out of range: {0}")]
    Derivation(#[from] bitcoin::bip32::Error),
    /// A coin without a key.
    #[error("a coin cannot be spent with this phrase, which is a defect of this program")]
    Unspendable,
    /// The server.
    #[error("{0}")]
    Server(String),
}

impl ExitError {
    /// Returns whether the command line or the phrase is at fault.
    #[must_use]
    pub fn is_wrong_use(&self) -> bool {
        matches!(self, Self::Phrase(_) | Self::Address { .. } | Self::FeeRate(_) | Self::NoLogin)
    }
}

/// Looks for the money of a phrase, and brings it to the address when that is asked for. Returns what to show, and whether there
/// is any money. `told` is called with what is being done.
///
/// # Errors
/// [`ExitError`].
pub async fn run(cli: &Cli, phrase: &str, told: &dyn Fn(String)) -> Result<(String, bool), ExitError> {
    let keys = SeedKeys::new(phrase, cli.network)?;
    let script = cli.to.as_deref().map(|text| destination(text, cli.network)).transpose()?;
    let given = cli.fee_rate.map(|text| rate(text).ok_or(ExitError::FeeRate(text))).transpose()?;
    let client = Client::new(server(cli)?)?;
    let coins = client.coins(&keys, (cli.addresses, &cli.installations.0), told).await?;
    let mut shown = list(&coins);
    if let Some(script) = script.filter(|_| !coins.is_empty()) {
        let rate = match given {
            Some(rate) => rate,
            None => client.fee_rate().await?.ok_or(ExitError::NoEstimate)?,
        };
        send(cli, &client, &keys, (&coins, &script, rate), &mut shown).await?;
    }
    Ok((shown.join("\n"), !coins.is_empty()))
}

async fn send(
    cli: &Cli,
    client: &Client,
    keys: &SeedKeys,
    (coins, script, rate): (&[Coin], &ScriptBuf, FeeRate),
    shown: &mut Vec<String>,
) -> Result<(), ExitError> {
    let sweeps = spend::sweep(keys, coins, script, rate)?;
    let swept: usize = sweeps.iter().map(|sweep| sweep.tx.input.len()).sum();
    if swept < coins.len() {
        let left = coins.len().saturating_sub(swept);
        shown.push(format!("{left} of them stay: they wait for a block, or are worth less than their fee"));
    }
    for sweep in &sweeps {
        let txid = sweep.tx.compute_txid();
        if cli.send {
            client.broadcast(&sweep.tx).await?;
        }
        let what = if cli.send { "sent" } else { "would send" };
        shown.push(format!("{what}  {} sat, fee {} sat, in {txid}", sweep.sat, sweep.fee_sat));
        if !cli.send {
            shown.push(bitcoin::consensus::encode::serialize_hex(&sweep.tx));
        }
    }
    if !cli.send && !sweeps.is_empty() {
        shown.push(
            "Nothing was sent. Add --send to broadcast, or broadcast these transactions yourself.".into(),
        );
    }
    Ok(())
}

fn list(coins: &[Coin]) -> Vec<String> {
    let line = |coin: &Coin| {
        let sat = coin.output.value.to_sat();
        let wait = if coin.confirmations == 0 { ", waits for a block" } else { "" };
        format!("found  {sat} sat  {}  {}{wait}", coin.outpoint, coin.owner)
    };
    let mut shown: Vec<String> = coins.iter().map(line).collect();
    let total = coins.iter().map(|coin| coin.output.value.to_sat()).fold(0, u64::saturating_add);
    shown.push(format!("total  {total} sat in {} coins", coins.len()));
    shown
}

fn destination(text: &str, network: bitcoin::Network) -> Result<ScriptBuf, ExitError> {
    let wrong = |reason: String| ExitError::Address { text: text.to_owned(), network, reason };
    let address: Address<_> = text.trim().parse().map_err(|error| wrong(format!("{error}")))?;
    Ok(address.require_network(network).map_err(|error| wrong(format!("{error}")))?.script_pubkey())
}

fn server(cli: &Cli) -> Result<Server, ExitError> {
    let url = |text: &str| text.trim_end_matches('/').to_owned();
    let read = |path: &std::path::Path| {
        let read = std::fs::read_to_string(path);
        read.map(|text| text.trim().to_owned())
            .map_err(|source| ExitError::File { place: path.display().to_string(), source })
    };
    match (&cli.bitcoind, &cli.esplora) {
        (Some(bitcoind), _) => {
            let login = match (&cli.cookie_file, &cli.rpc_user, &cli.rpc_password_file) {
                (Some(cookie), _, _) => read(cookie)?,
                (None, Some(user), Some(file)) => format!("{user}:{}", read(file)?),
                _ => return Err(ExitError::NoLogin),
            };
            Ok(Server::Core { url: url(bitcoind), login })
        }
        (None, Some(esplora)) => Ok(Server::Esplora { url: url(esplora) }),
        (None, None) => Err(ExitError::NoLogin),
    }
}
