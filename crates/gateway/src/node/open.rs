//! From files to a running node.

use std::fs::File;
use std::rc::Rc;
use std::sync::Arc;
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
use crate::config::{Config, Live};
use crate::desk::fees::Fees;
use crate::desk::forwards::Forwards;
use crate::desk::merchant::Sessions;
use crate::desk::wallets;

/// Number of a gateway's only installation of its seed.
const INSTALLATION: u32 = 0;

/// Pause between attempts while no chain source answers.
const RETRY: Duration = Duration::from_secs(2);

/// The open parts, the folder's lock included.
pub(super) struct Opened {
    pub(super) node: Node,
    pub(super) store: Rc<dyn Store>,
    pub(super) sessions: Rc<Sessions>,
    pub(super) forwards: Rc<Forwards>,
    pub(super) fees: Rc<Fees>,
    _lock: File,
}

/// Opens everything, waiting for the chain source where there is no going on without it.
pub(super) async fn open(
    live: &Arc<Live>,
    platform: GatewayPlatform,
    may_be_new: bool,
    (lowest_block, data_opened): (&dyn Fn() -> Option<u32>, oneshot::Sender<()>),
) -> Result<Opened, NodeThreadError> {
    let config = &*live.get();
    let (store, lock) = data::open(config, may_be_new).await?;
    // Whoever would have been notified has ended, if it fails.
    let _ = data_opened.send(());
    let store: Rc<dyn Store> = Rc::new(store);
    let platform: Rc<dyn Platform> = Rc::new(platform);
    let keys = Keys::new(&config.seed.0, config.network, INSTALLATION).map_err(NodeError::Keys)?;
    let sources = vec![CHAIN_URL.to_owned()];
    let checkpoint = config.birthday_height.map(|height| Checkpoint::before(config.network, height));
    let chain = Chain::open(Rc::clone(&platform), config.network, sources, &*store, checkpoint).await;
    let chain = chain.map_err(|error| data::explain(config, NodeError::Chain(error).into()))?;
    let chain = Rc::new(chain);
    let birthday = birthday(config, &*store, &chain).await?;
    let from = birthday.height.saturating_add(1);
    let sessions = Sessions::load(&*store).await?;
    let forwards = Forwards::load(&*store).await?;
    let fees = Fees::load(&*store, Arc::clone(live)).await;
    let mut waits_for = None;
    loop {
        let mut node_config = node_config(live, &sessions, (&forwards, &fees));
        // The database was lost, or may have been: what the peers' closes pay is found by the seed alone.
        if may_be_new || config.birthday_height.is_some() {
            node_config.lost.push(INSTALLATION);
        }
        let (platform, chain) = (Rc::clone(&platform), Rc::clone(&chain));
        match Node::open(platform, Rc::clone(&store), chain, &keys, &birthday, node_config).await {
            Ok(node) => return Ok(Opened { node, store, sessions, forwards, fees, _lock: lock }),
            Err(error @ (NodeError::Chain(_) | NodeError::Unsynced)) => {
                // It would wait for ever.
                if let Some(lowest) = lowest_block().filter(|lowest| *lowest > from) {
                    return Err(NodeThreadError::Pruned { lowest, from });
                }
                let error = error.to_string();
                if waits_for.as_ref() != Some(&error) {
                    warn!(error, "the node waits for its chain source");
                    waits_for = Some(error);
                }
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
        let mut waits_for = None;
        while let Err(error) = chain.poll().await {
            let error = error.to_string();
            if waits_for.as_ref() != Some(&error) {
                warn!(error, "a new node waits for its chain source");
                waits_for = Some(error);
            }
            tokio::time::sleep(RETRY).await;
        }
    }
    // What is read begins after the position.
    let height =
        config.birthday_height.filter(|_| is_new).map_or(u32::MAX, |height| height.saturating_sub(1));
    Ok(chain.position_at(height))
}

fn node_config(
    live: &Arc<Live>,
    sessions: &Rc<Sessions>,
    (forwards, fees): (&Rc<Forwards>, &Rc<Fees>),
) -> NodeConfig {
    let config = live.get();
    let mut alias = [0; 32];
    alias.iter_mut().zip(config.node.alias.bytes()).for_each(|(to, from)| *to = from);
    NodeConfig {
        network: config.network,
        role: Role::Gateway(Forwarding {
            terms: fees.default_terms(),
            terms_of: fees.terms_of(),
            minimum_depth: config.channels.confirmations,
            alias,
            addresses: config.node.announce.clone(),
            close_lost_after: Duration::from_secs(
                config.channels.close_lost_after_hours.saturating_mul(3600),
            ),
            max_htlcs: config.channels.max_htlcs,
            max_dust_sat: config.channels.max_dust_sat,
        }),
        accept_channel: wallets::acceptance(Arc::clone(live)),
        accept_keysend: sessions.acceptance(),
        record_forward: forwards.recording(),
        spontaneous_amp: SPONTANEOUS_AMP,
        graph: GraphSource::gossip(),
        zero_fee_commitments: config.channels.zero_fee_commitments,
        lost: Vec::new(),
        expects_blocks: expects_blocks(config.network),
    }
}
