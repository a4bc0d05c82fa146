//! The node's thread: opens the node, hands it what the others send, closes it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amplet_node::Node;
use amplet_protocol::page::Network;
use amplet_transport::{CloseCode, Duplex, NativePlatform};
use amplet_wallet::Ctx;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};
use tracing::{debug, info, warn};

use super::events::Follower;
use super::handle::{Destination, Envelope};
use super::inside::GatewayPlatform;
use super::open::Opened;
use super::sockets::{Counted, Sockets};
use super::{NodeThreadError, Phase, Start, open, relay};
use crate::config::Config;
use crate::desk::channel_tokens::ChannelTokens;
use crate::desk::merchant::MerchantService;
use crate::desk::merchant::api_keys::ApiKeys;
use crate::desk::operator::OperatorService;
use crate::desk::snapshots::Snapshots;
use crate::desk::{Desk, peers, upkeep, wallets};
use crate::limits::{Connections, Rarely};

/// Pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The name that budgets of sites would be of; the gateway has budgets of API keys only.
const WALLET_NAME: &str = "gateway";

/// Runs until it is told to stop, or the node stops by itself.
pub(super) async fn run(start: Start, platform: NativePlatform) -> Result<(), NodeThreadError> {
    let Start {
        live,
        may_be_new,
        chain,
        lowest_block,
        relay,
        websockets,
        listeners,
        tcp,
        data,
        keys,
        events,
        mut commands,
        status,
        mut stop,
    } = start;
    let config = live.get();
    let own = GatewayPlatform { machine: platform.clone(), inside: chain };
    let opened = tokio::select! {
        opened = open::open(&live, own, may_be_new, (&lowest_block, data)) => opened?,
        _ = &mut stop => return Ok(()),
    };
    let node = opened.node.clone();
    let notices = node.subscribe();
    let sockets = Rc::new(Sockets::default());
    let mut tasks = Tasks::default();
    for listener in listeners {
        let entrance =
            Entrance { node: node.clone(), sockets: Rc::clone(&sockets), connections: tcp.clone() };
        tasks.add(spawn_local(entrance.run(listener, platform.clone())));
    }
    let tokens = Rc::new(ChannelTokens::open(node.clone(), &opened.store, &relay).await?);
    if let Some(messages) = node.peers().messages() {
        let (store, tokens) = (Rc::clone(&opened.store), Rc::clone(&tokens));
        let serving = wallets::serve(node.clone(), store, Arc::clone(&live), tokens, messages);
        tasks.add(spawn_local(serving));
    }
    let store = Rc::clone(&opened.store);
    tasks.add(spawn_local(upkeep::run(node.clone(), store, Arc::clone(&live))));
    connect_peers(&node, &config);
    peers::connect_all(&*opened.store, &node).await?;
    let count = move || websockets.count().saturating_add(tcp.count());
    let desk = Rc::new(desk(&opened, &config, relay, tokens, keys, Box::new(count), platform.clone()).await?);
    let private = config.merchant.private_webhooks;
    let http = if private { platform.http() } else { platform.http_for_strangers() };
    tasks.add(spawn_local(desk.merchant.deliver(http)));
    tasks.add(spawn_local(Rc::clone(&desk.merchant).prune()));
    let merchant = Rc::clone(&desk.merchant);
    let follower = Follower { node: node.clone(), status: status.clone(), events, merchant };
    // Before the log says so: whoever waits for that line asks `/health` next.
    follower.publish();
    info!(node_id = %node.node_id(), height = node.sync().best_block().0, "the node is up");
    let stopped = tokio::select! {
        why = follower.run(notices) => Err(why),
        never = take_commands(&node, desk, (&sockets, &platform), &mut commands) => match never {},
        _ = &mut stop => Ok(()),
    };
    status.send_modify(|status| status.phase = Phase::Stopping);
    drop(tasks);
    refuse_waiting(&mut commands);
    sockets.close_all();
    node.close().await;
    info!("the node is closed");
    drop(opened);
    stopped
}

async fn desk(
    opened: &Opened,
    config: &Arc<Config>,
    relay: String,
    tokens: Rc<ChannelTokens>,
    keys: Arc<ApiKeys>,
    connections: Box<dyn Fn() -> usize>,
    platform: NativePlatform,
) -> Result<Desk, NodeThreadError> {
    let network = match config.network {
        bitcoin::Network::Bitcoin => Network::Mainnet,
        bitcoin::Network::Testnet | bitcoin::Network::Testnet4 => Network::Testnet4,
        bitcoin::Network::Signet => Network::Signet,
        bitcoin::Network::Regtest => Network::Regtest,
    };
    let node = opened.node.clone();
    let ctx = Ctx { node: node.clone(), network, platform: Rc::new(platform), name: WALLET_NAME.into() };
    let (store, sessions) = (Rc::clone(&opened.store), Rc::clone(&opened.sessions));
    let private = config.merchant.private_webhooks;
    let merchant = MerchantService::open(ctx.clone(), Rc::clone(&store), sessions, keys, private).await?;
    let (config, forwards) = (Arc::clone(config), Rc::clone(&opened.forwards));
    let fees = Rc::clone(&opened.fees);
    let operator = OperatorService { ctx, store, config, relay, connections, forwards, fees };
    Ok(Desk { operator, tokens, merchant: Rc::new(merchant), snapshots: Snapshots::new(node) })
}

/// Tasks that end with the thread's work.
#[derive(Default)]
struct Tasks(Vec<JoinHandle<()>>);

impl Tasks {
    fn add(&mut self, task: JoinHandle<()>) {
        self.0.push(task);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

fn connect_peers(node: &Node, config: &Config) {
    for address in &config.node.peers {
        if let Err(error) = node.peers().connect_persistently(address.clone()) {
            warn!(%address, %error, "this peer's node id is not a public key; correct it in [node] peers");
        }
    }
}

async fn take_commands(
    node: &Node,
    desk: Rc<Desk>,
    (sockets, platform): (&Sockets, &NativePlatform),
    commands: &mut mpsc::Receiver<Envelope>,
) -> Infallible {
    while let Some(envelope) = commands.recv().await {
        match envelope {
            Envelope::Connection(remote, ip, to) => {
                let duplex = remote.into_duplex();
                sockets.track(&duplex);
                match to {
                    // The port is a proxy's, where there is one.
                    Destination::Node => node.peers().accept_from(duplex, SocketAddr::new(ip, 0)),
                    Destination::Relay(home) => {
                        let platform = platform.clone();
                        spawn_local(async move { relay::carry(&platform, duplex, home).await });
                    }
                }
            }
            Envelope::Command(command, reply) => {
                let desk = Rc::clone(&desk);
                spawn_local(async move {
                    // The caller may have disconnected; the operation is not undone.
                    let _ = reply.send(command.run(&desk).await);
                });
            }
        }
    }
    // Nobody can send commands any more; what the node has begun continues until it is told to stop.
    std::future::pending().await
}

/// Refuses connections that came in while the node was told to stop, with the code that the others get.
fn refuse_waiting(commands: &mut mpsc::Receiver<Envelope>) {
    commands.close();
    while let Ok(envelope) = commands.try_recv() {
        if let Envelope::Connection(remote, ..) = envelope {
            remote.refuse(CloseCode::Restart);
        }
    }
}

/// The entrance of other nodes by TCP.
struct Entrance {
    node: Node,
    sockets: Rc<Sockets>,
    connections: Connections,
}

impl Entrance {
    async fn run(self, listener: std::net::TcpListener, platform: NativePlatform) {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                warn!(%error, "other nodes cannot connect by TCP");
                return;
            }
        };
        let mut failures = Rarely::default();
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(platform.accept_tcp(stream), peer),
                Err(error) => {
                    if let Some(times) = failures.count(Instant::now()) {
                        warn!(%error, times, "connections of other nodes cannot be accepted");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, duplex: Rc<dyn Duplex>, peer: SocketAddr) {
        let Ok(guard) = self.connections.enter(peer.ip()) else {
            debug!(%peer, "too many connections");
            return;
        };
        let duplex: Rc<dyn Duplex> = Rc::new(Counted { duplex, _guard: guard });
        self.sockets.track(&duplex);
        self.node.peers().accept_from(duplex, peer);
    }
}
