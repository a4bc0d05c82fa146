//! From files to a running node.

use std::fs::File;
use std::rc::Rc;
use std::time::Duration;

use amplet_chain::{Chain, Checkpoint, Position};
use amplet_node::keys::Keys;
use amplet_node::{
    Forwarding, GraphSource, Node, NodeConfig, NodeError, Role, SPONTANEOUS_AMP, expects_blocks,
};
use amplet_storage::Store;
use amplet_transport::Platform;
use tokio::sync::oneshot;
use tracing::warn;

use super::inside::{CHAIN_URL, GatewayPlatform};
use super::{NodeThreadError, data};
use crate::config::Config;
use crate::desk::forwards::Forwards;
use crate::desk::merchant::Sessions;
use crate::desk::wallets;

/// Pause between attempts while no chain source answers.
const RETRY: Duration = Duration::from_secs(2);

/// The open parts, the folder's lock included.
pub(super) struct Opened {
    pub(super) node: Node,
    pub(super) store: Rc<dyn Store>,
    pub(super) sessions: Rc<Sessions>,
    pub(super) forwards: Rc<Forwards>,
    _lock: File,
}

/// Opens everything, waiting for the chain source where there is no going on without it.
pub(super) async fn open(
    config: &Config,
    platform: GatewayPlatform,
    may_be_new: bool,
    data_opened: oneshot::Sender<()>,
) -> Result<Opened, NodeThreadError> {
    let (store, lock) = data::open(config, may_be_new).await?;
    // Whoever would have been notified has ended, if it fails.
    let _ = data_opened.send(());
    let store: Rc<dyn Store> = Rc::new(store);
    let platform: Rc<dyn Platform> = Rc::new(platform);
    let keys = Keys::new(&config.seed.0, config.network, 0).map_err(NodeError::Keys)?;
    let sources = vec![CHAIN_URL.to_owned()];
    let checkpoint = config.birthday_height.map(|height| Checkpoint::before(config.network, height));
    let chain = Chain::open(Rc::clone(&platform), config.network, sources, &*store, checkpoint).await;
    let chain = Rc::new(chain.map_err(NodeError::Chain)?);
    let birthday = birthday(config, &*store, &chain).await?;
    let sessions = Sessions::load(&*store).await?;
    let forwards = Forwards::load(&*store).await?;
    loop {
        let node_config = node_config(config, &sessions, &forwards);
        let (platform, chain) = (Rc::clone(&platform), Rc::clone(&chain));
        match Node::open(platform, Rc::clone(&store), chain, &keys, &birthday, node_config).await {
            Ok(node) => return Ok(Opened { node, store, sessions, forwards, _lock: lock }),
            Err(error @ (NodeError::Chain(_) | NodeError::Unsynced)) => {
                warn!(%error, "the node waits for its chain source");
                tokio::time::sleep(RETRY).await;
            }
            Err(error) => return Err(data::explain(config, error.into())),
        }
    }
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

fn node_config(config: &Config, sessions: &Rc<Sessions>, forwards: &Rc<Forwards>) -> NodeConfig {
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
        record_forward: forwards.recording(),
        spontaneous_amp: SPONTANEOUS_AMP,
        graph: GraphSource::gossip(),
        zero_fee_commitments: config.channels.zero_fee_commitments,
        expects_blocks: expects_blocks(config.network),
    }
}
