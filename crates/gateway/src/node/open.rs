//! From files to a running node.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use amplet_chain::{Chain, Checkpoint, Position};
use amplet_node::keys::Keys;
use amplet_node::{Forwarding, GraphSource, Node, NodeConfig, NodeError, Role, expects_blocks};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{SealedStore, SharedBackend, SqliteBackend, Store, StoreError};
use amplet_transport::{NativePlatform, Platform};
use bip39::Mnemonic;
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use tracing::{info, warn};

use super::NodeThreadError;
use crate::config::Config;
use crate::desk::merchant::Sessions;
use crate::desk::wallets;

/// Separates the key of the store from everything else made of the same seed. Changing it makes stored data unreadable.
const STORE_KEY: &[u8] = b"amplet gateway store 1";

/// Pause between attempts while no chain source answers.
const RETRY: Duration = Duration::from_secs(2);

/// The open parts, the folder's lock included.
pub(super) struct Opened {
    pub(super) node: Node,
    pub(super) store: Rc<dyn Store>,
    pub(super) sessions: Rc<Sessions>,
    _lock: File,
}

/// Opens everything, waiting for the chain source where there is no going on without it.
pub(super) async fn open(
    config: &Config,
    chain_url: &str,
    platform: NativePlatform,
) -> Result<Opened, NodeThreadError> {
    let lock = lock(&config.data_dir)?;
    let store: Rc<dyn Store> = Rc::new(store(config).await?);
    let platform: Rc<dyn Platform> = Rc::new(platform);
    let keys = Keys::new(&config.seed.0, config.network, 0).map_err(NodeError::Keys)?;
    let sources = vec![chain_url.to_owned()];
    let checkpoint = config.birthday_height.map(|height| Checkpoint::before(config.network, height));
    let chain = Chain::open(Rc::clone(&platform), config.network, sources, &*store, checkpoint).await;
    let chain = Rc::new(chain.map_err(NodeError::Chain)?);
    let birthday = birthday(config, &*store, &chain).await?;
    let sessions = Sessions::load(&*store).await?;
    loop {
        let node_config = node_config(config, &sessions);
        let (platform, chain) = (Rc::clone(&platform), Rc::clone(&chain));
        match Node::open(platform, Rc::clone(&store), chain, &keys, &birthday, node_config).await {
            Ok(node) => return Ok(Opened { node, store, sessions, _lock: lock }),
            Err(error @ (NodeError::Chain(_) | NodeError::Unsynced)) => {
                warn!(%error, "the node waits for its chain source");
                tokio::time::sleep(RETRY).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes the data folder and takes it for this process.
fn lock(dir: &Path) -> Result<File, NodeThreadError> {
    let place = dir.display().to_string();
    let wrong = |source| NodeThreadError::DataDir { place: place.clone(), source };
    if !dir.is_dir() {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir).map_err(wrong)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(dir.join("lock")).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NodeThreadError::InUse(place)),
        Err(TryLockError::Error(source)) => Err(wrong(source)),
    }
}

async fn store(config: &Config) -> Result<SealedStore, NodeThreadError> {
    let file = config.data_dir.join("node.sqlite");
    let backend: SharedBackend = Rc::new(SqliteBackend::open(&file)?);
    let kek = store_key(&config.seed.0);
    if SealedStore::kdf_params(&backend).await?.is_none() {
        info!(file = %file.display(), "a new database is made");
        return Ok(SealedStore::create(backend, &KdfParams::external_key(), kek).await?);
    }
    SealedStore::open(backend, kek).await.map_err(|error| match error {
        StoreError::WrongPassphrase => NodeThreadError::OtherSeed(file.display().to_string()),
        other => other.into(),
    })
}

/// The key that wraps the store's: HMAC-SHA256 of the seed (BIP 39, no passphrase). The seed is strong already, so nothing
/// slow is needed.
fn store_key(mnemonic: &Mnemonic) -> Kek {
    let mut engine = HmacEngine::<sha256::Hash>::new(STORE_KEY);
    engine.input(&mnemonic.to_seed_normalized(""));
    Kek::from_bytes(Hmac::<sha256::Hash>::from_engine(engine).to_byte_array())
}

/// Position at which a new node begins to read: the configured height, else the newest block. A node that has been stored knows
/// better.
async fn birthday(config: &Config, store: &dyn Store, chain: &Chain) -> Result<Position, NodeThreadError> {
    let is_new = store.list("").await?.is_empty();
    if is_new {
        while let Err(error) = chain.poll().await {
            warn!(%error, "a new node waits for its chain source");
            tokio::time::sleep(RETRY).await;
        }
    }
    // What is read begins after the position.
    let height =
        config.birthday_height.filter(|_| is_new).map_or(u32::MAX, |height| height.saturating_sub(1));
    Ok(chain.position_at(height))
}

fn node_config(config: &Config, sessions: &Rc<Sessions>) -> NodeConfig {
    let mut alias = [0; 32];
    alias.iter_mut().zip(config.node.alias.bytes()).for_each(|(to, from)| *to = from);
    NodeConfig {
        network: config.network,
        role: Role::Gateway(Forwarding {
            fee_base_msat: config.channels.terms.fee_base_msat,
            fee_ppm: config.channels.terms.fee_ppm,
            minimum_depth: config.channels.confirmations,
            alias,
            addresses: config.node.announce.clone(),
            max_htlcs: config.channels.max_htlcs,
            max_dust_sat: config.channels.max_dust_sat,
        }),
        accept_channel: wallets::acceptance(config.channels.terms.clone()),
        accept_keysend: sessions.acceptance(),
        graph: GraphSource::gossip(),
        expects_blocks: expects_blocks(config.network),
    }
}
