//! Putting a node together from what is stored.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use amplet_chain::{BlockListener, Chain, Position, Tip};
use amplet_router::Graph;
use amplet_storage::Store;
use amplet_transport::Platform;
use bitcoin::secp256k1::PublicKey;
use lightning::chain::Listen;
use lightning::ln::channelmanager::{ChainParameters, ChannelManagerReadArgs};
use lightning::ln::msgs::DecodeError;
use lightning::ln::msgs::RoutingMessageHandler;
use lightning::ln::peer_handler::{IgnoringMessageHandler, MessageHandler};
use lightning::sign::{EntropySource, NodeSigner, Recipient};
use lightning::util::ser::ReadableArgs;
use lightning::util::wallet_utils::WalletSync;

use crate::closing::Closing;
use crate::config::{GraphSource, NodeConfig};
use crate::error::NodeError;
use crate::fees::Fees;
use crate::inner::{Inner, Ldk, SyncState};
use crate::journal::{Journal, SweeperStore, names};
use crate::keys::{Keys, split};
use crate::ledger::Ledger;
use crate::log::Log;
use crate::messages::Messages;
use crate::monitors;
use crate::offers::{OnionMessages, Ways, onion_messages, ways};
use crate::onchain::OnchainWallet;
use crate::routing::gossip::Gossip;
use crate::routing::update::Updates;
use crate::routing::{FlowRouter, stored};
use crate::signer::Signer;
use crate::sync::{Ear, locator, position};
use crate::types::{Bumper, ChainMonitor, ChannelManager, Monitor, PeerManager, Sweeper};
use crate::wake::Wake;
use crate::watch::Watch;

/// What the parts are made with.
struct Base<'a> {
    platform: Rc<dyn Platform>,
    store: &'a dyn Store,
    chain: &'a Chain,
    config: &'a NodeConfig,
    journal: Arc<Journal>,
    fees: Arc<Fees>,
    onchain: Arc<OnchainWallet>,
    watch: Arc<Watch>,
    signer: Arc<Signer>,
    log: Arc<Log>,
}

/// Reads everything, brings every part from its own best block to the chain's tip (when a source can be reached), and only
/// then puts them together.
pub(crate) async fn open(
    platform: Rc<dyn Platform>,
    store: Rc<dyn Store>,
    chain: Rc<Chain>,
    keys: &Keys,
    birthday: &Position,
    config: NodeConfig,
) -> Result<Inner, NodeError> {
    let journal = Arc::new(Journal::default());
    let fees = Arc::new(Fees::default());
    let onchain = OnchainWallet::open(keys, &*store, Arc::clone(&journal), birthday).await?;
    let onchain = Arc::new(onchain);
    let seed = keys.lightning_seed()?;
    let signer = Arc::new(Signer::new(&seed, split(platform.now()), Arc::clone(&onchain)));
    let watch = Arc::new(Watch::new(Arc::clone(&onchain)));
    let log = Arc::new(Log);
    let ledger = Ledger::open(&*store, Arc::clone(&journal), Rc::clone(&platform)).await?;
    let base = Base {
        platform: Rc::clone(&platform),
        store: &*store,
        chain: &chain,
        config: &config,
        journal: Arc::clone(&journal),
        fees: Arc::clone(&fees),
        onchain: Arc::clone(&onchain),
        watch: Arc::clone(&watch),
        signer,
        log,
    };
    let (ldk, updates, wake, sync) = assemble(&base, birthday).await?;
    stored::mark_used(&ldk.router, &ledger);
    journal.stage(|batch| chain.stage(batch));
    Ok(Inner {
        platform,
        chain,
        config,
        journal,
        fees,
        onchain,
        watch,
        ledger,
        ldk,
        updates,
        wake,
        sync: RefCell::new(sync),
        reading: futures::lock::Mutex::new(()),
        kept: RefCell::default(),
        openings: RefCell::default(),
        begun: RefCell::default(),
        subscribers: RefCell::default(),
        waiters: RefCell::default(),
        settling: RefCell::default(),
        staged_at: std::cell::Cell::new(None),
        unwritten: std::cell::Cell::new(false),
        riding_since: std::cell::Cell::new(None),
        asked_for_address: std::cell::Cell::default(),
        deposits: Wake::default(),
        usable: std::cell::Cell::new(0),
        closing: Closing::default(),
        stopped: Wake::default(),
        store,
    })
}

async fn assemble(
    base: &Base<'_>,
    birthday: &Position,
) -> Result<(Ldk, Updates, Wake, SyncState), NodeError> {
    let (router, gossip, updates) = load_routing(base).await?;
    let monitors = Rc::new(ChainMonitor::new(
        Some(Arc::clone(&base.watch)),
        Arc::clone(&base.journal),
        Arc::clone(&base.log),
        Arc::clone(&base.fees),
        Arc::clone(&base.journal),
        Arc::clone(&base.signer),
        base.signer.get_peer_storage_key(),
        true,
    ));
    let loaded = monitors::load(base.store, &base.journal, (&base.signer, &base.fees, &base.log)).await?;
    let ways = ways(&router, &base.signer);
    let manager = load_manager(base, (&router, &ways), &monitors, &loaded, birthday).await?;
    let sweeper = load_sweeper(base, &manager).await?;
    let (loaded, sync) = bring_all(base, loaded, &manager, &sweeper).await?;
    for monitor in loaded {
        let channel = monitor.channel_id();
        if monitors.load_existing_monitor(channel, monitor).is_err() {
            return Err(corrupt(&format!("channel {channel} (twice)"), DecodeError::InvalidValue));
        }
    }
    let wake = Wake::default();
    let messages = Rc::new(Messages::new(wake.clone()));
    let manager = Rc::new(manager);
    let onions = onion_messages(&manager, &ways, &base.signer, &base.log);
    let peers = peer_manager(base, &manager, gossip.as_ref(), (&messages, &onions), &monitors);
    let bumper = Bumper::new(
        Arc::clone(&base.journal),
        Rc::new(WalletSync::new(Arc::clone(&base.onchain), Arc::clone(&base.log))),
        Arc::clone(&base.signer),
        Arc::clone(&base.log),
    );
    let signer = Arc::clone(&base.signer);
    let log = Arc::clone(&base.log);
    let ldk = Ldk {
        manager,
        monitors,
        peers: Rc::new(peers),
        router,
        gossip,
        sweeper,
        bumper,
        signer,
        messages,
        onions,
        log,
    };
    Ok((ldk, updates, wake, sync))
}

pub(crate) fn corrupt(what: &str, reason: DecodeError) -> NodeError {
    NodeError::Corrupt { what: what.to_owned(), reason }
}

fn peer_manager(
    base: &Base<'_>,
    manager: &Rc<ChannelManager>,
    gossip: Option<&Rc<dyn Gossip>>,
    (messages, onions): (&Rc<Messages>, &OnionMessages),
    monitors: &Rc<ChainMonitor>,
) -> PeerManager {
    let route_handler: Rc<dyn RoutingMessageHandler> = match gossip {
        Some(gossip) => Rc::clone(gossip).handler(),
        None => Rc::new(IgnoringMessageHandler {}),
    };
    let handlers = MessageHandler {
        chan_handler: Rc::clone(manager),
        route_handler,
        onion_message_handler: Rc::clone(onions),
        custom_message_handler: Rc::clone(messages),
        send_only_message_handler: Rc::clone(monitors),
    };
    let now = u32::try_from(base.platform.now().as_secs()).unwrap_or(u32::MAX);
    let random = base.signer.get_secure_random_bytes();
    PeerManager::new(handlers, now, &random, Arc::clone(&base.log), Arc::clone(&base.signer))
}

/// The router with what it knew; a wallet's graph is stored as its own, a gateway's as gossip.
async fn load_routing(
    base: &Base<'_>,
) -> Result<(Rc<FlowRouter>, Option<Rc<dyn Gossip>>, Updates), NodeError> {
    let (graph, gossip, updates) = match &base.config.graph {
        GraphSource::Snapshots(sources) => {
            let (graph, from) = stored::graph(base.store).await?;
            (graph, None, Updates::new(sources.clone(), from))
        }
        GraphSource::Gossip(gossiping) => {
            let bytes = base.store.get(names::GOSSIP).await?;
            let gossip = (gossiping.0)(base.config.network, Rc::clone(&base.platform), bytes);
            (Graph::new(), Some(gossip), Updates::default())
        }
    };
    let beliefs = stored::beliefs(base.store).await?;
    let (platform, signer) = (Rc::clone(&base.platform), Arc::clone(&base.signer));
    let router = FlowRouter::new(platform, signer, gossip.clone(), graph, beliefs);
    // What was stored counts as heard now, not when somebody first asks.
    drop(router.graph());
    Ok((Rc::new(router), gossip, updates))
}

async fn load_manager(
    base: &Base<'_>,
    (router, ways): (&Rc<FlowRouter>, &Ways),
    monitors: &Rc<ChainMonitor>,
    loaded: &[Monitor],
    birthday: &Position,
) -> Result<ChannelManager, NodeError> {
    let signer = || Arc::clone(&base.signer);
    let (journal, fees, log) = (Arc::clone(&base.journal), Arc::clone(&base.fees), Arc::clone(&base.log));
    let messages = Rc::clone(ways);
    if let Some(bytes) = base.store.get(names::MANAGER).await? {
        let args = ChannelManagerReadArgs::new(
            signer(),
            signer(),
            signer(),
            fees,
            Rc::clone(monitors),
            journal,
            Rc::clone(router),
            messages,
            log,
            base.config.ldk(),
            loaded.iter().collect(),
        );
        let read = <(lightning::chain::BlockLocator, ChannelManager)>::read(&mut &bytes[..], args);
        return Ok(read.map_err(|e| corrupt("channel manager", e))?.1);
    }
    let params = ChainParameters { network: base.config.network, best_block: locator(birthday) };
    let now = u32::try_from(base.platform.now().as_secs()).unwrap_or(u32::MAX);
    Ok(ChannelManager::new(
        fees,
        Rc::clone(monitors),
        journal,
        Rc::clone(router),
        messages,
        log,
        signer(),
        signer(),
        signer(),
        base.config.ldk(),
        params,
        now,
    ))
}

async fn load_sweeper(base: &Base<'_>, manager: &ChannelManager) -> Result<Sweeper, NodeError> {
    let kv = Arc::new(SweeperStore(Arc::clone(&base.journal)));
    let (journal, fees, log) = (Arc::clone(&base.journal), Arc::clone(&base.fees), Arc::clone(&base.log));
    if let Some(bytes) = base.store.get(names::SWEEPER).await? {
        let args = (
            journal,
            fees,
            Some(Arc::clone(&base.watch)),
            Arc::clone(&base.signer),
            Arc::clone(&base.onchain),
            kv,
            log,
        );
        let read = <(lightning::chain::BlockLocator, Sweeper)>::read(&mut &bytes[..], args);
        return Ok(read.map_err(|e| corrupt("output sweeper", e))?.1);
    }
    Ok(Sweeper::new(
        manager.current_best_block(),
        journal,
        fees,
        Some(Arc::clone(&base.watch)),
        Arc::clone(&base.signer),
        Arc::clone(&base.onchain),
        kv,
        log,
    ))
}

/// A monitor as a listener of its own, before the chain monitor owns it.
type LoneMonitor = (Monitor, Arc<Journal>, Arc<Fees>, Arc<Log>);

async fn bring_all(
    base: &Base<'_>,
    loaded: Vec<Monitor>,
    manager: &ChannelManager,
    sweeper: &Sweeper,
) -> Result<(Vec<Monitor>, SyncState), NodeError> {
    let lone = |monitor: Monitor| -> LoneMonitor {
        (monitor, Arc::clone(&base.journal), Arc::clone(&base.fees), Arc::clone(&base.log))
    };
    let monitors: Vec<LoneMonitor> = loaded.into_iter().map(lone).collect();
    monitors.iter().for_each(|(monitor, ..)| monitor.load_outputs_to_watch(&base.watch, &base.log));
    let mut state = SyncState::default();
    let target = match base.chain.poll().await {
        Ok(poll) => Some(poll.new),
        Err(error) => {
            log::warn!("chain: {error}; the wallet opens with what it knows");
            state.error = Some(error.to_string());
            None
        }
    };
    match target {
        Some(target) => {
            bring_each(base, &target, &monitors, manager, sweeper).await?;
            state.synced = true;
            state.checked_at = Some(base.platform.now());
        }
        None => at_one_block(base, &monitors, manager, sweeper)?,
    }
    Ok((monitors.into_iter().map(|(monitor, ..)| monitor).collect(), state))
}

async fn bring_each(
    base: &Base<'_>,
    target: &Tip,
    monitors: &[LoneMonitor],
    manager: &ChannelManager,
    sweeper: &Sweeper,
) -> Result<(), NodeError> {
    for monitor in monitors {
        bring(base, target, &position(&monitor.0.current_best_block()), &ear(base, monitor)).await?;
    }
    bring(base, target, &position(&manager.current_best_block()), &ear(base, manager)).await?;
    bring(base, target, &position(&sweeper.current_best_block()), &ear(base, sweeper)).await?;
    bring(base, target, &base.onchain.position(), &*base.onchain).await
}

fn ear<'a, L: Listen>(base: &'a Base<'_>, part: &'a L) -> Ear<'a, L> {
    Ear { part, chain: base.chain }
}

async fn bring(
    base: &Base<'_>,
    target: &Tip,
    from: &Position,
    listener: &dyn BlockListener,
) -> Result<(), NodeError> {
    if from.hash == target.hash {
        return Ok(());
    }
    let mut quiet = |_| ();
    let result = base.chain.sync(from, target, listener, &*base.watch, &mut quiet).await;
    result.map(drop).map_err(|stopped| stopped.error.into())
}

/// Without a chain source the parts can only run together when they are at one block, as every commit leaves them.
fn at_one_block(
    base: &Base<'_>,
    monitors: &[LoneMonitor],
    manager: &ChannelManager,
    sweeper: &Sweeper,
) -> Result<(), NodeError> {
    let best = manager.current_best_block().block_hash;
    let same = monitors.iter().all(|(monitor, ..)| monitor.current_best_block().block_hash == best)
        && sweeper.current_best_block().block_hash == best
        && base.onchain.position().hash == best;
    if same { Ok(()) } else { Err(NodeError::Unsynced) }
}

/// The node id of these keys.
pub(crate) fn node_id(inner: &Inner) -> PublicKey {
    // LDK's key manager always has this key.
    inner.ldk.signer.get_node_id(Recipient::Node).unwrap_or_else(|()| inner.ldk.manager.get_our_node_id())
}
