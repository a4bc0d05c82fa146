//! The gateway from start to end: listeners, edge, node, signals.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amplet_node::NodeError;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::config::{self, Config, Live, Reloaded};
use crate::desk::backup::Backup;
use crate::desk::fees::ApplyConfig;
use crate::desk::merchant::EventBus;
use crate::desk::merchant::api_keys::ApiKeys;
use crate::http::chain_api::ChainApi;
use crate::http::edge::{Admission, Edge, server};
use crate::http::health::Health;
use crate::http::{admin, chain_api, merchant, rates, vss};
use crate::limits::{Connections, Lobby, raise_open_files};
use crate::logging;
use crate::node::{self as node_thread, NodeHandle, NodeThreadError, Phase, Start};

/// Time for the node to finish its step and write it.
const NODE_LIMIT: Duration = Duration::from_secs(30);

/// Time for wallets to take the reason why their WebSocket is closed.
const GOODBYE_LIMIT: Duration = Duration::from_secs(3);

/// Time after the first signal in which another one is the same, sent twice.
const REPEAT: Duration = Duration::from_secs(1);

/// Connections that wait for a request: in all, and of one client that is no proxy. A household behind one address opens several
/// browsers.
const LOBBY: [usize; 2] = [1024, 64];

/// The same of the admin API.
const ADMIN_LOBBY: usize = 64;

/// Errors that end the gateway.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Nothing can listen there.
    #[error("{0}")]
    Listen(String),
    /// The system gave no threads, or no signals.
    #[error(
        "the system does not give what the gateway needs ({0}); free memory or processes, then start it again"
    )]
    System(#[from] std::io::Error),
    /// The chain API.
    #[error("no blocks: {0}")]
    ChainApi(#[from] chain_api::StartError),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeThreadError),
    /// The node did not end.
    #[error("the node did not finish within {} s; its state is as it was committed last", NODE_LIMIT.as_secs())]
    Late,
    /// A second signal. Not an error of the gateway; its state is as it was committed last.
    #[error("ended at once by a second signal")]
    Interrupted,
}

/// Exit codes: each kind of what the operator has to do has its own.
pub mod exit {
    use super::{NodeError, NodeThreadError, RunError};

    /// Anything else: the log says what; starting again may help.
    pub const FAILED: u8 = 1;
    /// The command line or the configuration is wrong; clap's code, too.
    pub const WRONG_USE: u8 = 2;
    /// The data folder is an old copy: starting again cannot help (systemd: `RestartPreventExitStatus=2 3 4 5`).
    pub const OLD_COPY: u8 = 3;
    /// The chain source is of no use: login, network, filter index, pruned blocks; for `check`, also when it does not answer.
    pub const CHAIN: u8 = 4;
    /// The data folder is of no use: missing, not writable, of another seed or network, damaged.
    pub const DATA: u8 = 5;

    /// The code of an error that ends the gateway.
    #[must_use]
    pub fn of(error: &RunError) -> u8 {
        match error {
            RunError::ChainApi(_) => CHAIN,
            RunError::Node(error) => of_node(error),
            // A port or a folder that another process has is free a moment later, perhaps.
            RunError::Listen(_) | RunError::System(_) | RunError::Late | RunError::Interrupted => FAILED,
        }
    }

    /// The same of the node.
    #[must_use]
    pub fn of_node(error: &NodeThreadError) -> u8 {
        match error {
            NodeThreadError::Node(NodeError::OldCopy(_)) => OLD_COPY,
            NodeThreadError::Pruned { .. } => CHAIN,
            NodeThreadError::DataDir { .. }
            | NodeThreadError::OtherSeed(_)
            | NodeThreadError::OtherNetwork { .. }
            | NodeThreadError::DataGone { .. }
            | NodeThreadError::Damaged { .. } => DATA,
            NodeThreadError::InUse(_)
            | NodeThreadError::Thread(_)
            | NodeThreadError::Tls(_)
            | NodeThreadError::Node(_)
            | NodeThreadError::Stopped(_)
            | NodeThreadError::Crashed => FAILED,
        }
    }
}

/// Runs the gateway until a signal ends it. `may_be_new`: a seed that was used may begin a new database.
///
/// # Errors
/// [`RunError`]: why it could not start, or ended otherwise.
pub fn run(config: Config, may_be_new: bool) -> Result<(), RunError> {
    std::panic::set_hook(Box::new(on_panic));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(serve(config, may_be_new));
    // What is left (answers that nobody waits for) ends with the process.
    runtime.shutdown_background();
    result
}

/// A task that panics is forgotten by tokio and its thread continues. A node without its engine must not: it would keep
/// talking to peers with nobody to watch the chain. What was committed is whole, so it ends here, to be started again.
fn on_panic(panic: &std::panic::PanicHookInfo<'_>) {
    error!(%panic, backtrace = %std::backtrace::Backtrace::capture(), "a defect of this program");
    if std::thread::current().name() == Some(node_thread::NAME) {
        error!("the node's state is as it was committed last; start the gateway again");
        std::process::exit(1);
    }
}

async fn serve(mut config: Config, may_be_new: bool) -> Result<(), RunError> {
    let mut signals = Signals::new()?;
    let places = Places::of(&config);
    let http = bind(config.http.listen).await?;
    let admin_listener = bind(config.admin.listen).await?;
    let (mut tcp, mut tcp_addresses) = (Vec::new(), Vec::new());
    for address in &config.node.listen {
        let listener = bind(*address).await?;
        tcp_addresses.push(listener.local_addr()?.to_string());
        tcp.push(listener.into_std()?);
    }
    let (listening, admin_address) = (http.local_addr()?, admin_listener.local_addr()?);
    config.channels.terms.backup_url = config.backup_url(listening);
    let live = Live::new(config);
    let config = live.get();
    let (handle, commands, status) = NodeHandle::new();
    tokio::spawn(reload_on_hangup(signal(SignalKind::hangup())?, Arc::clone(&live), handle.clone()));
    let websockets = Connections::new(config.http.max_connections, config.http.max_connections_per_ip);
    let relay = config.relay(listening);
    info!(
        version = env!("CARGO_PKG_VERSION"), network = config::network_name(config.network), %relay,
        http = %listening, admin = %admin_address, tcp = tcp_addresses.join(" "),
        "the gateway starts"
    );

    let ChainApi { router: chain_api, source } = chain_api::open(&config).await?;
    let (data, data_opened) = oneshot::channel();
    let backup = Backup::start(Arc::clone(&config), data_opened);
    let health = Health::new(handle.clone(), source.clone(), Arc::clone(&live), backup.clone());
    tokio::spawn(health.clone().watch_disk());
    let (keys, events) = (Arc::<ApiKeys>::default(), EventBus::default());
    let edge =
        Edge::new(Arc::clone(&config), handle.clone(), health.clone(), websockets.clone(), relay.clone());
    let chain = chain_api::inside(chain_api.clone(), tokio::runtime::Handle::current());
    let mut more = chain_api.merge(rates::open(&config.rates)?);
    if config.merchant.enabled {
        more =
            more.merge(merchant::router(handle.clone(), Arc::clone(&keys), events.clone(), &config.merchant));
    }
    if let Some(backup) = backup {
        more = more.merge(vss::router(backup));
    }
    let admin = admin::router(handle, health, Arc::clone(&keys), Arc::clone(&live));
    let edge = edge.router(more, Admission::new(&config, Arc::clone(&keys)));
    let servers = Servers::start(http, edge, admin_listener, admin, (places.http, &config));

    let (stop_node, stop) = oneshot::channel();
    let mut node = node_thread::start(Start {
        live,
        may_be_new,
        chain,
        lowest_block: Box::new(move || source.state()?.lowest_block),
        relay,
        websockets: websockets.clone(),
        listeners: tcp,
        tcp: Connections::new(places.tcp, config.http.max_connections_per_ip),
        data,
        keys,
        events,
        commands,
        status: status.clone(),
        stop,
    })?;

    let ended = tokio::select! {
        ended = &mut node => ended.unwrap_or(Err(NodeThreadError::Crashed)).map_err(RunError::Node),
        name = signals.next() => {
            info!(signal = name, "the gateway stops; a second signal ends it at once");
            // Wallets that connect now are closed with the code for a restart.
            status.send_modify(|status| status.phase = Phase::Stopping);
            drop(stop_node);
            tokio::select! {
                stopped = tokio::time::timeout(NODE_LIMIT, &mut node) => match stopped {
                    Ok(ended) => ended.unwrap_or(Err(NodeThreadError::Crashed)).map_err(RunError::Node),
                    Err(_) => Err(RunError::Late),
                },
                _ = signals.next() => return Err(RunError::Interrupted),
            }
        }
    };
    tokio::select! {
        () = say_goodbye(&websockets, servers) => {}
        _ = signals.next() => return Err(RunError::Interrupted),
    }
    if ended.is_ok() {
        info!("the gateway has ended");
    }
    ended
}

/// Waits until the wallets have the reason why their WebSockets are closed and the answers in flight are sent.
async fn say_goodbye(websockets: &Connections, servers: Servers) {
    if tokio::time::timeout(GOODBYE_LIMIT, websockets.none_left()).await.is_err() {
        warn!(left = websockets.count(), "some wallets did not take the goodbye");
    }
    servers.stop().await;
}

async fn bind(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|error| RunError::Listen(config::explain(address, &error)))
}

/// Connections that there may be at a time.
struct Places {
    /// Of wallets and for requests.
    http: usize,
    /// Of other nodes.
    tcp: usize,
}

impl Places {
    /// As many as the configuration allows and the system has files for.
    fn of(config: &Config) -> Self {
        let (lobby, wallets) = (LOBBY[0], config.http.max_connections);
        let requests = config.http.max_requests.saturating_add(config.merchant.max_requests);
        let all = wallets.saturating_mul(2).saturating_add(requests).saturating_add(lobby);
        let given = raise_open_files(all);
        let tcp = wallets.min(given / 4);
        Self { http: given.saturating_sub(tcp), tcp }
    }
}

/// The two HTTP servers.
struct Servers {
    stop: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
}

impl Servers {
    fn start(
        http: TcpListener,
        edge: axum::Router,
        admin_listener: TcpListener,
        admin: axum::Router,
        (places, config): (usize, &Config),
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let wait = |mut stopped: watch::Receiver<bool>| async move {
            let _ = stopped.changed().await;
        };
        let lobby = Lobby::new(places, LOBBY, config.http.trusted_proxies.clone());
        let edge = tokio::spawn(server::serve(http, edge, lobby, wait(stopped.clone())));
        let lobby = Lobby::new(usize::MAX, [ADMIN_LOBBY; 2], Vec::new());
        let admin = tokio::spawn(server::serve(admin_listener, admin, lobby, wait(stopped)));
        Self { stop, tasks: [edge, admin] }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                warn!(%error, "an HTTP server ended early");
            }
        }
    }
}

/// Reads the configuration again at each SIGHUP, which `systemctl reload` sends (and logrotate, and a closed terminal).
async fn reload_on_hangup(mut hangup: Signal, live: Arc<Live>, node: NodeHandle) {
    while hangup.recv().await.is_some() {
        let read = Arc::clone(&live);
        // The files are read beside everything else.
        match tokio::task::spawn_blocking(move || read.reload()).await {
            Ok(Ok(reloaded)) => report(&reloaded),
            Ok(Err(wrong)) => {
                error!(%wrong, "SIGHUP: the configuration is wrong; all goes on with the one of before");
                continue;
            }
            Err(failed) => {
                error!(%failed, "SIGHUP: the configuration could not be read");
                continue;
            }
        }
        logging::set_level(live.get().log.level);
        // A node that is not up yet begins with the new ones.
        if let Err(error) = node.ask(ApplyConfig).await {
            info!(%error, "SIGHUP: terms of forwarding reach the channels once the node is up");
        }
    }
}

fn report(reloaded: &Reloaded) {
    for warning in &reloaded.warnings {
        warn!(%warning, "SIGHUP: the configuration was read again");
    }
    info!(
        changed = reloaded.changed.join(", "),
        "SIGHUP: the configuration was read again, and this counts at once"
    );
    if !reloaded.at_restart.is_empty() {
        warn!(
            keys = reloaded.at_restart.join(", "),
            "SIGHUP: these have changed and count after a restart only"
        );
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    term: Signal,
    int: Signal,
    first: Option<Instant>,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            first: None,
        })
    }

    /// The next signal to end. Wrappers send the first one twice: repeats within a second are the same.
    async fn next(&mut self) -> &'static str {
        loop {
            let name = tokio::select! {
                _ = self.term.recv() => "SIGTERM",
                _ = self.int.recv() => "SIGINT",
            };
            match self.first {
                Some(first) if first.elapsed() < REPEAT => {}
                _ => {
                    self.first.get_or_insert_with(Instant::now);
                    return name;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    /// The test's other half runs in a process of its own, since its end is what is tested.
    #[test]
    fn a_panic_ends_the_process_on_the_nodes_thread_only() {
        const CHILD: &str = "AMPLET_TEST_PANIC_ON";
        if let Ok(name) = std::env::var(CHILD) {
            std::panic::set_hook(Box::new(on_panic));
            let thread = std::thread::Builder::new().name(name).spawn(|| panic!("a test")).unwrap();
            assert!(thread.join().is_err());
            std::process::exit(77);
        }
        for (thread, code) in [(node_thread::NAME, 1), ("another", 77)] {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "run::tests::a_panic_ends_the_process_on_the_nodes_thread_only"]);
            let output = child.env(CHILD, thread).output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{thread}: {output:?}");
        }
    }
}
