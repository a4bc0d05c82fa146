//! Brings a wallet's or a gateway's money home with its recovery phrase alone: savings, and what channels paid when their peers
//! closed them. It asks one server, Bitcoin Core or Esplora, and needs nothing else of this project to be running.
//!
//! With the file that a wallet exports (its kit) it also knows the channels, and brings home what a close of our own has left. It closes
//! a channel only when it is told to: a commitment from an old file is a revoked one, which costs the whole channel.

pub mod channel;
pub mod claims;
pub mod cli;
pub mod coins;
pub mod follow;
pub mod kit;
pub mod server;
pub mod spend;

use amplet_node::NodeError;
use amplet_node::keys::{KeyError, MnemonicError};
use amplet_wallet::WalletError;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Address, FeeRate, Network, ScriptBuf, Transaction};

use claims::Claims;
use cli::Cli;
use coins::{Coin, Owner, SeedKeys};
use follow::Outbox;
use kit::{Age, Kit};
use server::{Client, Server, rate};
use spend::Sweep;

/// What a close by force may cost.
const WARNING: &str = "WARNING: if the wallet was used after this file was exported, in whatever way, its state is revoked, and the peer \
    takes the whole channel";

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
        network: Network,
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
    /// The kit.
    #[error("the kit cannot be read: {0}")]
    Kit(#[from] WalletError),
    /// Channels in the kit.
    #[error(transparent)]
    Channels(#[from] NodeError),
    /// A kit of another network.
    #[error("the kit is of a wallet on {of_kit}, not on {given}; add --network {of_kit}")]
    OtherNetwork {
        /// The kit's.
        of_kit: Network,
        /// The command line's.
        given: Network,
    },
    /// A kit that is known to be old.
    #[error(
        "a peer has proved that this kit is not the wallet's newest state: closing by force would lose the whole channel, so it is refused. \
         Ask the peers to close; what they pay is found by the phrase"
    )]
    OldKit,
    /// A server that is behind.
    #[error("the server stands at block {server}, the kit at {kit}; wait until the server has all blocks")]
    Behind {
        /// Its height.
        server: u32,
        /// The kit's.
        kit: u32,
    },
    /// A server on another chain.
    #[error(
        "the server does not know the blocks before {kit}, at which the kit was written; take another server"
    )]
    OtherChain {
        /// The kit's height.
        kit: u32,
    },
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
    let kit = match &cli.kit {
        Some(file) => Some(Kit::read(file, phrase, cli.network).await?),
        None => None,
    };
    let mut numbers = cli.installations.0.clone();
    numbers.extend(kit.iter().map(|kit| kit.keys.installation()));
    numbers.sort_unstable();
    numbers.dedup();
    let mut coins = client.coins(&keys, (cli.addresses, &numbers), told).await?;
    let rate = match given {
        None if script.is_some() && (kit.is_some() || !coins.is_empty()) => {
            Some(client.fee_rate().await?.ok_or(ExitError::NoEstimate)?)
        }
        given => given,
    };
    let (mut shown, mut claims, mut has_money) = (Vec::new(), Claims::default(), false);
    if let Some(mut kit) = kit {
        let outbox = Outbox::new(rate.unwrap_or(FeeRate::BROADCAST_MIN));
        kit.follow(&client, &outbox, told).await?;
        claims = kit.claims(&client, &outbox, (&keys, &coins), cli.force_close).await?;
        coins.extend(kit.coins(&client).await?);
        shown.extend(kit.list());
        shown.extend(advice(&kit, cli.force_close));
        has_money = kit.has_money();
    }
    shown.extend(list(&coins));
    has_money |= !coins.is_empty();
    if let (Some(script), Some(rate)) = (script, rate) {
        if claims.use_savings {
            coins.retain(|coin| !matches!(coin.owner, Owner::Savings { .. }));
            shown.push(
                "The savings stay until the channels are closed, and payments in flight claimed: they pay for that"
                    .into(),
            );
        }
        let sweeps = sweeps(&keys, &coins, (&script, rate), &mut shown)?;
        send(cli.send, &client, (&claims.packages, &sweeps), &mut shown).await?;
    }
    Ok((shown.join("\n"), has_money))
}

/// What can be done about open channels.
fn advice(kit: &Kit, force_close: bool) -> Vec<String> {
    let open = kit.open().count();
    if open == 0 {
        return Vec::new();
    }
    let mut lines = match (kit.age, force_close) {
        (Age::Old, _) => vec![ExitError::OldKit.to_string()],
        (_, true) => vec![format!("{open} channels are closed by force. {WARNING}.")],
        (_, false) => vec![
            format!(
                "{open} channels are open. Ask their peers to close: that is safe, and what they pay is found."
            ),
            format!("If nobody answers, --force-close closes them with the state in this file. {WARNING}."),
        ],
    };
    if kit.age == Age::Restored {
        lines.push("This wallet was itself restored from a file: nobody knows how old its state is.".into());
    }
    lines
}

/// Transactions that bring the coins to a script.
fn sweeps(
    keys: &SeedKeys,
    coins: &[Coin],
    (script, rate): (&ScriptBuf, FeeRate),
    shown: &mut Vec<String>,
) -> Result<Vec<Sweep>, ExitError> {
    let sweeps = spend::sweep(keys, coins, script, rate)?;
    let swept: usize = sweeps.iter().map(|sweep| sweep.tx.input.len()).sum();
    if swept < coins.len() {
        let left = coins.len().saturating_sub(swept);
        shown.push(format!("{left} of them stay: they wait for a block, or are worth less than their fee"));
    }
    Ok(sweeps)
}

/// Broadcasts, or shows what would be.
async fn send(
    broadcast: bool,
    client: &Client,
    (claims, sweeps): (&[Vec<Transaction>], &[Sweep]),
    shown: &mut Vec<String>,
) -> Result<(), ExitError> {
    for package in claims {
        let txids: Vec<String> = package.iter().map(|tx| tx.compute_txid().to_string()).collect();
        let txids = txids.join(" and ");
        match broadcast {
            false => {
                shown.push(format!("would send  {txids}, of a channel"));
                shown.extend(package.iter().map(serialize_hex));
            }
            // It is made again by the next run; the others do not wait for it.
            true => shown.push(match client.broadcast(package).await {
                Ok(()) => format!("sent  {txids}, of a channel: run this again when it is in a block"),
                Err(error) => format!("not sent  {txids}, of a channel: {error}"),
            }),
        }
    }
    for Sweep { tx, sat, fee_sat } in sweeps {
        if broadcast {
            client.broadcast(std::slice::from_ref(tx)).await?;
        }
        let what = if broadcast { "sent" } else { "would send" };
        shown.push(format!("{what}  {sat} sat, fee {fee_sat} sat, in {}", tx.compute_txid()));
        if !broadcast {
            shown.push(serialize_hex(tx));
        }
    }
    if !broadcast && (!claims.is_empty() || !sweeps.is_empty()) {
        shown.push(
            "Nothing was sent. Add --send to broadcast, or broadcast these transactions yourself.".into(),
        );
    }
    Ok(())
}

fn list(coins: &[Coin]) -> Vec<String> {
    let line = |coin: &Coin| {
        let sat = coin.output.value.to_sat();
        let wait = if !coin.confirmed { ", waits for a block" } else { "" };
        format!("found  {sat} sat  {}  {}{wait}", coin.outpoint, coin.owner)
    };
    let mut shown: Vec<String> = coins.iter().map(line).collect();
    let total = coins.iter().map(|coin| coin.output.value.to_sat()).fold(0, u64::saturating_add);
    shown.push(format!("total  {total} sat in {} coins", coins.len()));
    shown
}

fn destination(text: &str, network: Network) -> Result<ScriptBuf, ExitError> {
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
