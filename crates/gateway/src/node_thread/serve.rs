//! The node's thread: opens the node, hands it what the others send, closes it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_node::Node;
use amplet_transport::{CloseCode, Duplex, NativePlatform};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};
use tracing::{debug, info, warn};

use super::commands::{self, Office};
use super::snapshots::Snapshots;
use super::sockets::{Counted, Sockets};
use super::{Command, NodeThreadError, Phase, Start, events, kept, open, wallets};
use crate::config::Config;
use crate::edge::Connections;
use crate::merchant::{Desk, desk};

/// Pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Runs until it is told to stop, or the node stops by itself.
pub(super) async fn run(start: Start, platform: NativePlatform) -> Result<(), NodeThreadError> {
    let Start { config, chain_url, relay, websockets, listeners, hub, mut commands, status, mut stop } =
        start;
    let opened = tokio::select! {
        opened = open::open(&config, &chain_url, platform.clone()) => opened?,
        _ = &mut stop => return Ok(()),
    };
    let node = opened.node.clone();
    let notices = node.subscribe();
    let sockets = Rc::new(Sockets::default());
    let tcp = Connections::new(config.http.max_connections, config.http.max_connections_per_ip);
    let mut tasks = Tasks::default();
    for listener in listeners {
        let entrance =
            Entrance { node: node.clone(), sockets: Rc::clone(&sockets), connections: tcp.clone() };
        tasks.add(spawn_local(entrance.run(listener, platform.clone())));
    }
    if let Some(messages) = node.peers().messages() {
        tasks.add(spawn_local(wallets::answer(node.clone(), config.channels.clone(), messages)));
    }
    keep_peers(&node, &config);
    kept::keep_all(&*opened.store, &node).await?;
    let office = Rc::new(Office {
        node: node.clone(),
        store: Rc::clone(&opened.store),
        config: Arc::clone(&config),
        relay,
        snapshots: Snapshots::default(),
        connections: Box::new(move || websockets.count().saturating_add(tcp.count())),
    });

    let desk = Rc::new(
        Desk::open(Rc::clone(&office), Rc::clone(&opened.store), Rc::clone(&opened.sessions), hub.clone())
            .await?,
    );
    let private = config.merchant.private_webhooks;
    let http = if private { platform.http() } else { platform.http_for_strangers() };
    tasks.add(spawn_local(desk::deliver(Rc::clone(&desk), http)));
    info!(node_id = %node.node_id(), height = node.sync().best_block().0, "the node is up");
    let stopped = tokio::select! {
        why = events::follow(node.clone(), notices, status.clone(), hub, Rc::clone(&desk)) => Err(why),
        never = take_commands(office, desk, &sockets, &mut commands) => match never {},
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

fn keep_peers(node: &Node, config: &Config) {
    for address in &config.node.peers {
        if let Err(error) = node.peers().connect_persistently(address.clone()) {
            warn!(%address, %error, "this peer's node id is not a public key; correct it in [node] peers");
        }
    }
}

async fn take_commands(
    office: Rc<Office>,
    desk: Rc<Desk>,
    sockets: &Sockets,
    commands: &mut mpsc::Receiver<Command>,
) -> Infallible {
    while let Some(command) = commands.recv().await {
        match command {
            Command::Accept(remote) => {
                let duplex = remote.into_duplex();
                sockets.track(&duplex);
                office.node.peers().accept(duplex);
            }
            Command::Desk(job) => {
                spawn_local(job(Rc::clone(&desk)));
            }
            other => {
                spawn_local(commands::run(Rc::clone(&office), other));
            }
        }
    }
    // Nobody can ask any more; what the node has begun goes on until it is told to stop.
    std::future::pending().await
}

/// Connections that came in while the node was told to stop hear the same as those that it has.
fn refuse_waiting(commands: &mut mpsc::Receiver<Command>) {
    commands.close();
    while let Ok(command) = commands.try_recv() {
        if let Command::Accept(remote) = command {
            remote.refuse(CloseCode::Restart);
        }
    }
}

/// Where other nodes come in by TCP.
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
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(platform.accept_tcp(stream), peer),
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, duplex: Rc<dyn Duplex>, peer: SocketAddr) {
        let Some(guard) = self.connections.enter(peer.ip()) else {
            debug!(%peer, "too many connections");
            return;
        };
        let duplex: Rc<dyn Duplex> = Rc::new(Counted { duplex, _guard: guard });
        self.sockets.track(&duplex);
        self.node.peers().accept(duplex);
    }
}
