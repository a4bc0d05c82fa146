//! Wallets as a browser has them, but for storage and sockets: each a node of its own, with an address of its own.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::keys::mnemonic_from_entropy;
use amplet_protocol::page::{
    Balance, Connection, Gateway as Configured, Network, OpenOptions, Request, Status,
};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{MemoryBackend, SealedStore};
use amplet_transport::NativePlatform;
use amplet_wallet::{Response, Wallet};
use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, sleep};

use crate::door::{self, client, entrance};
use crate::gateway::Gateway;
use crate::options::Options;
use crate::print::{Line, print, progress};

/// Capacity of a wallet's channel, in sat; half of it is the wallet's.
const CAPACITY_SAT: u64 = 1_000_000;
/// Wallets that are opened at a time.
const AT_ONCE: usize = 8;
/// Time for a wallet to be connected, or its channel to be usable.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Blocks that bury the channels, so that nobody sends their funding again and again.
const CONFIRMATIONS: u32 = 6;
const POLL: Duration = Duration::from_millis(100);

/// Opens all wallets, each with a channel.
///
/// # Errors
/// When one does not come up.
pub async fn open(
    options: &Options,
    platform: &NativePlatform,
    gateway: &Gateway<'_>,
) -> Result<Vec<Rc<Wallet>>> {
    let platform = Rc::new(platform.clone());
    let opening = stream::iter(0..options.wallets).map(|number| {
        let platform = Rc::clone(&platform);
        async move {
            let wallet = create(options, platform, number).await;
            let wallet = wallet.with_context(|| format!("wallet {number} does not open"))?;
            let ready = with_channel(&wallet, gateway).await;
            ready.with_context(|| format!("wallet {number} has no channel"))?;
            Ok::<_, anyhow::Error>(Rc::new(wallet))
        }
    });
    let mut opening = opening.buffered(AT_ONCE);
    let mut wallets = Vec::new();
    while let Some(wallet) = opening.try_next().await? {
        wallets.push(wallet);
        if wallets.len().is_multiple_of(10) {
            progress(format!("{}/{} wallets", wallets.len(), options.wallets));
        }
    }
    Ok(wallets)
}

/// Asks whoever reads what is printed for blocks, and waits until all wallets have them.
///
/// # Errors
/// When they do not come.
pub async fn confirmed(wallets: &[Rc<Wallet>]) -> Result<()> {
    let mut needed = 0;
    for wallet in wallets {
        needed = needed.max(status(wallet).await?.chain.height.saturating_add(CONFIRMATIONS));
    }
    print(&Line::Mine(CONFIRMATIONS));
    let end = Instant::now() + PATIENCE;
    for wallet in wallets {
        while status(wallet).await?.chain.height < needed {
            wait(end).await.with_context(|| format!("no block {needed}"))?;
        }
    }
    Ok(())
}

async fn create(options: &Options, platform: Rc<NativePlatform>, number: usize) -> Result<Wallet> {
    let port = entrance(options.door, client(door::Network::Wallets, number)).await?;
    let backend = Rc::new(MemoryBackend::default());
    let store = SealedStore::create(backend, &KdfParams::external_key(), Kek::from_bytes([7; 32])).await?;
    let mut entropy = [0; 16];
    entropy[8..].copy_from_slice(&u64::try_from(number)?.to_be_bytes());
    let open = OpenOptions {
        name: "load".to_owned(),
        network: Network::Regtest,
        gateways: vec![Configured {
            address: format!("{}@ws://127.0.0.1:{port}{}", options.node_id, amplet_protocol::relay::PATH),
            chain_url: Some(format!("http://127.0.0.1:{port}")),
            trust_zero_conf: true,
        }],
        chain_sources: Vec::new(),
        mnemonic: Some(mnemonic_from_entropy(&entropy)?),
        fresh: true,
        birthday_height: None,
        backup: None,
        file: None,
        move_here: false,
        zero_fee_commitments: false,
    };
    Ok(Wallet::open(platform, Rc::new(store), open).await?)
}

async fn with_channel(wallet: &Wallet, gateway: &Gateway<'_>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !is_connected(wallet).await? {
        wait(end).await.context("it is not connected")?;
    }
    let id = status(wallet).await?.node_id.to_string();
    gateway.open_channel(&id, CAPACITY_SAT, CAPACITY_SAT * 1_000 / 2).await?;
    while balance(wallet).await?.spendable_msat.get() == 0 {
        wait(end).await.context("its channel cannot be used")?;
    }
    Ok(())
}

/// Returns whether all gateways are connected.
///
/// # Errors
/// The wallet's.
pub async fn is_connected(wallet: &Wallet) -> Result<bool> {
    let gateways = status(wallet).await?.gateways;
    Ok(gateways.iter().all(|gateway| matches!(gateway.connection, Connection::Connected)))
}

/// Waits for a moment.
///
/// # Errors
/// When it is after `end`.
pub async fn wait(end: Instant) -> Result<()> {
    if Instant::now() > end {
        bail!("not within {} s", PATIENCE.as_secs());
    }
    sleep(POLL).await;
    Ok(())
}

/// Its status.
///
/// # Errors
/// The wallet's.
pub async fn status(wallet: &Wallet) -> Result<Box<Status>> {
    match wallet.request(Request::Status).await? {
        Response::Status(status) => Ok(status),
        other => bail!("not a status: {other:?}"),
    }
}

/// Its balance.
///
/// # Errors
/// The wallet's.
pub async fn balance(wallet: &Wallet) -> Result<Balance> {
    match wallet.request(Request::Balance).await? {
        Response::Balance(balance) => Ok(balance),
        other => bail!("not a balance: {other:?}"),
    }
}
