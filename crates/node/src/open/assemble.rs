//! LDK's parts, read and put together.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use amplet_chain::{Chain, Position};
use amplet_router::Graph;
use amplet_storage::{Store, get_unless_damaged};
use amplet_transport::Platform;
use lightning::chain::BlockLocator;
use lightning::ln::channelmanager::{ChainParameters, ChannelManagerReadArgs};
use lightning::ln::msgs::{
    ChannelMessageHandler, DecodeError, OnionMessageHandler, RoutingMessageHandler, SendOnlyMessageHandler,
};
use lightning::ln::peer_handler::{IgnoringMessageHandler, MessageHandler};
use lightning::sign::{EntropySource, NodeSigner};
use lightning::util::config::ChannelConfigUpdate;
use lightning::util::ser::ReadableArgs;
use lightning::util::wallet_utils::WalletSync;

use super::NodeError;
use super::catch_up::{CatchUp, CaughtUp};
use super::{missed, unheard};
use crate::config::{Gossip, GraphSource, NodeConfig, Role};
use crate::ldk::Ldk;
use crate::ldk::bdk::OnchainWallet;
use crate::ldk::fees::Fees;
use crate::ldk::intercept::{ClosedChannels, Intercept};
use crate::ldk::keys::{Keys, split};
use crate::ldk::listen::{UntoldBlock, locator};
use crate::ldk::log::Log;
use crate::ldk::lost::{LostChannels, Opened as OpenedLost};
use crate::ldk::manager;
use crate::ldk::messages::CustomMessages;
use crate::ldk::monitors;
use crate::ldk::onion::{MessagePaths, OnionMessages, message_paths, onion_messages};
use crate::ldk::routing::{FlowRouter, PlanRecorder, stored};
use crate::ldk::signer::Signer;
use crate::ldk::spends::FundingSpends;
use crate::ldk::staged::{StagedWrites, SweeperStore, names};
use crate::ldk::taken_back::TakenBackHtlcs;
use crate::ldk::types::{Bumper, ChainMonitor, ChannelManager, Monitor, PeerManager, Sweeper};
use crate::ldk::watch::Watch;
use crate::notify::Notify;
use crate::runtime::SyncState;

/// The parts that others are made with.
pub(super) struct Parts<'a> {
    pub platform: &'a Rc<dyn Platform>,
    pub store: &'a dyn Store,
    pub chain: &'a Chain,
    pub config: &'a NodeConfig,
    pub staged: &'a Arc<StagedWrites>,
    pub fees: Arc<Fees>,
    pub wallet: Arc<OnchainWallet>,
    pub watch: Arc<Watch>,
    pub taken_back: TakenBackHtlcs,
    pub spends: FundingSpends,
    pub lost: Arc<LostChannels>,
    pub signer: Arc<Signer>,
    pub log: Arc<Log>,
}

impl<'a> Parts<'a> {
    pub async fn new(
        platform: &'a Rc<dyn Platform>,
        store: &'a Rc<dyn Store>,
        chain: &'a Chain,
        config: &'a NodeConfig,
        staged: &'a Arc<StagedWrites>,
        keys: &Keys,
        birthday: &Position,
    ) -> Result<Self, NodeError> {
        let wallet = OnchainWallet::open(keys, &**store, Arc::clone(staged), birthday).await?;
        let wallet = Arc::new(wallet);
        let seed = keys.lightning_seed()?;
        let signer = Arc::new(Signer::new(&seed, split(platform.now()), Arc::clone(&wallet), keys.clone()));
        let lost = LostChannels::open(&**store, keys, &config.lost, Arc::clone(staged)).await?;
        let OpenedLost { lost, again } = lost;
        let lost = Arc::new(lost);
        // A new wallet has read no block yet.
        if again && wallet.position().height > wallet.birthday() {
            chain.ask_rescan(wallet.birthday());
        }
        let watch = Arc::new(Watch::new(Arc::clone(&wallet), Arc::clone(&lost)));
        let taken_back = TakenBackHtlcs::open(&**store, Arc::clone(&watch), Arc::clone(staged)).await?;
        let spends = FundingSpends::open(&**store, Arc::clone(&watch), Arc::clone(staged)).await?;
        let (fees, log) = (Arc::new(Fees::open(&**store).await?), Arc::new(Log));
        let store = &**store;
        Ok(Self {
            platform,
            store,
            chain,
            config,
            staged,
            fees,
            wallet,
            watch,
            taken_back,
            spends,
            lost,
            signer,
            log,
        })
    }
}

/// LDK's parts at one block.
pub(super) struct Assembled {
    pub ldk: Ldk,
    /// Base URL that a wallet's stored graph came from.
    pub graph_source: Option<String>,
    pub sync: SyncState,
}

pub(super) async fn assemble(
    parts: Parts<'_>,
    birthday: &Position,
    recorder: Rc<dyn PlanRecorder>,
    notify: &Notify,
) -> Result<Assembled, NodeError> {
    let (router, gossip, graph_source) = load_routing(&parts, recorder).await?;
    let monitors = Rc::new(chain_monitor(&parts));
    unheard::recall(&parts).await?;
    let loaded = monitors::load(parts.store, parts.staged, (&parts.signer, &parts.fees, &parts.log)).await?;
    missed::ask_once(&parts, &loaded).await?;
    let paths = message_paths(&router, &parts.signer);
    let manager = load_manager(&parts, (&router, &paths), &monitors, &loaded, birthday).await?;
    let sweeper = load_sweeper(&parts, &manager).await?;
    unheard::note_open(&parts, &manager);
    let catch_up = CatchUp::new(&parts, loaded, &manager, &sweeper);
    let CaughtUp { state: sync, held_back } = catch_up.run().await?;
    for monitor in catch_up.into_monitors() {
        let channel = monitor.channel_id();
        if monitors.load_existing_monitor(channel, monitor).is_err() {
            return Err(corrupt(&format!("channel {channel} (twice)"), DecodeError::InvalidValue));
        }
    }
    report_first_writes(&monitors);
    limit_dust(&manager, parts.config);
    let messages = Rc::new(CustomMessages::new(notify.clone()));
    let manager = Rc::new(manager);
    let onions = onion_messages(&manager, &paths, &parts.signer, &parts.log);
    let closed = ClosedChannels { monitors: Rc::clone(&monitors), wallet: Arc::clone(&parts.wallet) };
    let intercept = Intercept::new(
        Rc::clone(&manager),
        closed,
        Arc::clone(&parts.signer),
        Arc::clone(parts.staged),
        Rc::clone(parts.platform),
        notify.clone(),
        matches!(parts.config.role, Role::Wallet),
    );
    let intercept = Rc::new(intercept);
    intercept.number_unheard();
    let peers = peer_manager(&parts, &intercept, gossip.as_ref(), (&messages, &onions), &monitors);
    let bumper = bumper(&parts);
    let Parts { fees, wallet, watch, taken_back, spends, lost, signer, log, .. } = parts;
    let peers = Rc::new(peers);
    let ldk = Ldk {
        manager,
        intercept,
        monitors,
        peers,
        router,
        gossip,
        sweeper,
        bumper,
        signer,
        messages,
        onions,
        log,
        wallet,
        fees,
        watch,
        taken_back,
        spends,
        lost,
        untold: UntoldBlock::default(),
        behind: Cell::new(held_back),
    };
    Ok(Assembled { ldk, graph_source, sync })
}

fn chain_monitor(parts: &Parts<'_>) -> ChainMonitor {
    ChainMonitor::new(
        Some(Arc::clone(&parts.watch)),
        Arc::clone(parts.staged),
        Arc::clone(&parts.log),
        Arc::clone(&parts.fees),
        Arc::clone(parts.staged),
        Arc::clone(&parts.signer),
        parts.signer.get_peer_storage_key(),
        true,
    )
}

fn bumper(parts: &Parts<'_>) -> Bumper {
    Bumper::new(
        Arc::clone(parts.staged),
        Rc::new(WalletSync::new(Arc::clone(&parts.wallet), Arc::clone(&parts.log))),
        Arc::clone(&parts.signer),
        Arc::clone(&parts.log),
    )
}

/// Reports the first write of each monitor as durable once more. Of the later ones, updates, LDK's manager knows which are in
/// flight and goes on by itself when they turn out to be done (`handle_in_flight_updates`); of the first it knows only that
/// it waits, and was perhaps written before it heard of the end. Such a channel would wait for ever: its funding would not be
/// broadcast, and its `channel_ready` said only after its first payment, which breaks it.
fn report_first_writes(monitors: &ChainMonitor) {
    for channel in monitors.list_monitors() {
        let is_first = monitors.get_monitor(channel).is_ok_and(|monitor| monitor.get_latest_update_id() == 0);
        if is_first && let Err(error) = monitors.channel_monitor_updated(channel, 0) {
            log::error!("the first write of {channel}'s monitor: {error:?}");
        }
    }
}

fn corrupt(what: &str, reason: DecodeError) -> NodeError {
    NodeError::Corrupt { what: what.to_owned(), reason }
}

fn peer_manager(
    parts: &Parts<'_>,
    intercept: &Rc<Intercept>,
    gossip: Option<&Rc<dyn Gossip>>,
    (messages, onions): (&Rc<CustomMessages>, &OnionMessages),
    monitors: &Rc<ChainMonitor>,
) -> PeerManager {
    let route_handler: Rc<dyn RoutingMessageHandler> = match gossip {
        Some(gossip) => Rc::clone(gossip).handler(),
        None => Rc::new(IgnoringMessageHandler {}),
    };
    let handlers = MessageHandler {
        chan_handler: Rc::clone(intercept) as Rc<dyn ChannelMessageHandler>,
        route_handler,
        onion_message_handler: Rc::clone(onions) as Rc<dyn OnionMessageHandler>,
        custom_message_handler: Rc::clone(messages),
        send_only_message_handler: Rc::clone(monitors) as Rc<dyn SendOnlyMessageHandler>,
    };
    let now = u32::try_from(parts.platform.now().as_secs()).unwrap_or(u32::MAX);
    let random = parts.signer.get_secure_random_bytes();
    PeerManager::new(handlers, now, &random, Arc::clone(&parts.log), Arc::clone(&parts.signer))
}

/// The router with what it knew, and the source of its graph; a wallet's graph is stored as its own, a gateway's as gossip.
async fn load_routing(
    parts: &Parts<'_>,
    recorder: Rc<dyn PlanRecorder>,
) -> Result<(Rc<FlowRouter>, Option<Rc<dyn Gossip>>, Option<String>), NodeError> {
    let (graph, gossip, source) = match &parts.config.graph {
        GraphSource::Snapshots(_) => {
            let (graph, source) = stored::graph(parts.store).await?;
            (graph, None, source)
        }
        GraphSource::Gossip(gossiping) => {
            let bytes = get_unless_damaged(parts.store, names::GOSSIP).await?;
            let gossip = (gossiping.0)(parts.config.network, Rc::clone(parts.platform), bytes);
            (Graph::new(), Some(gossip), None)
        }
    };
    let beliefs = stored::beliefs(parts.store).await?;
    let (platform, signer) = (Rc::clone(parts.platform), Arc::clone(&parts.signer));
    let router = FlowRouter::new(platform, signer, gossip.clone(), graph, beliefs, recorder);
    // What was stored counts as received now, not when somebody first asks.
    drop(router.graph());
    Ok((Rc::new(router), gossip, source))
}

async fn load_manager(
    parts: &Parts<'_>,
    (router, paths): (&Rc<FlowRouter>, &MessagePaths),
    monitors: &Rc<ChainMonitor>,
    loaded: &[Monitor],
    birthday: &Position,
) -> Result<ChannelManager, NodeError> {
    let signer = || Arc::clone(&parts.signer);
    let (staged, fees, log) = (Arc::clone(parts.staged), Arc::clone(&parts.fees), Arc::clone(&parts.log));
    let messages = Rc::clone(paths);
    if let Some(bytes) = manager::load(parts.store, parts.staged).await? {
        let args = ChannelManagerReadArgs::new(
            signer(),
            signer(),
            signer(),
            fees,
            Rc::clone(monitors),
            staged,
            Rc::clone(router),
            messages,
            log,
            parts.config.ldk(),
            loaded.iter().collect(),
        );
        let read = <(BlockLocator, ChannelManager)>::read(&mut &bytes[..], args);
        return Ok(read.map_err(|e| corrupt("channel manager", e))?.1);
    }
    let params = ChainParameters { network: parts.config.network, best_block: locator(birthday) };
    let now = u32::try_from(parts.platform.now().as_secs()).unwrap_or(u32::MAX);
    Ok(ChannelManager::new(
        fees,
        Rc::clone(monitors),
        staged,
        Rc::clone(router),
        messages,
        log,
        signer(),
        signer(),
        signer(),
        parts.config.ldk(),
        params,
        now,
    ))
}

/// Gives channels of earlier releases today's limit on dust. LDK takes up what was under way first, so the chain monitor must
/// have its monitors.
fn limit_dust(manager: &ChannelManager, config: &NodeConfig) {
    let limit = config.ldk().channel_config.max_dust_htlc_exposure;
    let update =
        ChannelConfigUpdate { max_dust_htlc_exposure_msat: Some(limit), ..ChannelConfigUpdate::default() };
    for channel in manager.list_channels() {
        let peer = channel.counterparty.node_id;
        if channel.config.is_some_and(|config| config.max_dust_htlc_exposure != limit)
            && let Err(error) = manager.update_partial_channel_config(&peer, &[channel.channel_id], &update)
        {
            log::warn!("channel {}: its limit on dust could not be set: {error:?}", channel.channel_id);
        }
    }
}

/// What LDK's sweeper works with.
type SweeperParts = (
    Arc<StagedWrites>,
    Arc<Fees>,
    Option<Arc<Watch>>,
    Arc<Signer>,
    Arc<OnchainWallet>,
    Arc<SweeperStore>,
    Arc<Log>,
);

async fn load_sweeper(parts: &Parts<'_>, manager: &ChannelManager) -> Result<Sweeper, NodeError> {
    let with = (
        Arc::clone(parts.staged),
        Arc::clone(&parts.fees),
        Some(Arc::clone(&parts.watch)),
        Arc::clone(&parts.signer),
        Arc::clone(&parts.wallet),
        Arc::new(SweeperStore(Arc::clone(parts.staged))),
        Arc::clone(&parts.log),
    );
    if let Some(stored) = stored_sweeper(parts.store, with.clone()).await? {
        return Ok(stored);
    }
    let (staged, fees, watch, signer, wallet, kv, log) = with;
    Ok(Sweeper::new(manager.current_best_block(), staged, fees, watch, signer, wallet, kv, log))
}

/// The sweeper as it was stored. `None`: it never was.
pub(super) async fn stored_sweeper(
    store: &dyn Store,
    with: SweeperParts,
) -> Result<Option<Sweeper>, NodeError> {
    let Some(bytes) = store.get(names::SWEEPER).await? else { return Ok(None) };
    let read = <(BlockLocator, Sweeper)>::read(&mut &bytes[..], with);
    Ok(Some(read.map_err(|e| corrupt("output sweeper", e))?.1))
}
