//! Between a byte stream and LDK's peer manager.

use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use amplet_transport::{CloseCode, CloseReason, Duplex};
use bitcoin::secp256k1::PublicKey;
use futures::future::{Either, select};
use futures::pin_mut;
use lightning::ln::msgs::SocketAddress;
use lightning::ln::peer_handler::SocketDescriptor;

use crate::ldk::types::PeerManager;
use crate::notify::Notify;

/// LDK's advice for one read: a few KiB, so that no peer holds the others up.
const READ_CHUNK: usize = 8 << 10;

struct Shared {
    id: u64,
    duplex: Rc<dyn Duplex>,
    /// LDK has no room for responses: reading pauses.
    paused: Cell<bool>,
    /// The stream took less than it was given: LDK waits for room.
    full: Cell<bool>,
    disconnected: Cell<bool>,
    /// The peer has sent something.
    has_received: Cell<bool>,
    /// Rung when one of the three changes.
    changed: Notify,
}

/// LDK's handle of a connection.
#[derive(Clone)]
pub struct Socket(Rc<Shared>);

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Socket {}

impl Hash for Socket {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl SocketDescriptor for Socket {
    fn send_data(&mut self, data: &[u8], continue_read: bool) -> usize {
        // LDK gives each message by itself. Those of one step leave together, once the connection's task runs: a peer that
        // had the first alone would take a step for it, and pay for that with a commit.
        let taken = if data.is_empty() { 0 } else { self.0.duplex.try_queue(data) };
        self.0.full.set(taken < data.len());
        self.0.paused.set(!continue_read);
        self.0.changed.notify();
        taken
    }

    fn disconnect_socket(&mut self) {
        self.0.disconnected.set(true);
        self.0.duplex.close(CloseCode::Normal);
        self.0.changed.notify();
    }
}

/// End of a driven connection.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Reason why the stream closed; `None`: our side hung up, because BOLT 8 or a message was wrong, or because this peer is
    /// connected already.
    pub(crate) closed: Option<CloseReason>,
    /// The peer had sent something.
    pub(crate) received: bool,
}

thread_local! {
    static NEXT_ID: RefCell<u64> = const { RefCell::new(0) };
}

fn next_id() -> u64 {
    NEXT_ID.with_borrow_mut(|id| {
        *id = id.wrapping_add(1);
        *id
    })
}

/// The side that made a connection.
pub(crate) enum Dialer {
    /// We did: the peer must prove this node id.
    Us(PublicKey),
    /// The peer, from this address.
    Peer(Option<SocketAddr>),
}

/// An address as LDK has it.
fn ldk_address(from: SocketAddr) -> SocketAddress {
    match from.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddress::TcpIpV4 { addr: ip.octets(), port: from.port() },
        IpAddr::V6(ip) => SocketAddress::TcpIpV6 { addr: ip.octets(), port: from.port() },
    }
}

/// The IP address in LDK's; `None`: it is of another kind.
pub(crate) fn ip_of(address: &SocketAddress) -> Option<IpAddr> {
    match address {
        SocketAddress::TcpIpV4 { addr, .. } => Some(IpAddr::from(*addr)),
        SocketAddress::TcpIpV6 { addr, .. } => Some(IpAddr::from(*addr)),
        _ => None,
    }
}

/// Runs a connection until it ends. `notify` is notified after each read.
pub(crate) async fn drive(
    peers: &PeerManager,
    duplex: Rc<dyn Duplex>,
    dialer: Dialer,
    notify: &Notify,
) -> Ended {
    let mut socket = Socket(Rc::new(Shared {
        id: next_id(),
        duplex,
        paused: Cell::new(false),
        full: Cell::new(false),
        disconnected: Cell::new(false),
        has_received: Cell::new(false),
        changed: Notify::default(),
    }));
    let is_begun = match dialer {
        Dialer::Us(node_id) => peers
            .new_outbound_connection(node_id, socket.clone(), None)
            .map(|act_one| socket.send_data(&act_one, true) == act_one.len())
            .unwrap_or(false),
        Dialer::Peer(from) => peers.new_inbound_connection(socket.clone(), from.map(ldk_address)).is_ok(),
    };
    if !is_begun {
        socket.disconnect_socket();
        peers.socket_disconnected(&socket);
        return Ended { closed: None, received: false };
    }
    let closed = pump(peers, &mut socket, notify).await;
    // LDK forgets a socket by itself when it hung up; otherwise it is notified.
    if !socket.0.disconnected.get() {
        peers.socket_disconnected(&socket);
    }
    socket.0.duplex.close(CloseCode::Normal);
    notify.notify();
    Ended { closed, received: socket.0.has_received.get() }
}

/// Returns the reason why the stream closed; `None`: our side hung up.
async fn pump(peers: &PeerManager, socket: &mut Socket, notify: &Notify) -> Option<CloseReason> {
    let shared = Rc::clone(&socket.0);
    loop {
        if shared.disconnected.get() {
            return None;
        }
        shared.duplex.flush();
        let read = async {
            if shared.paused.get() { std::future::pending().await } else { shared.duplex.recv().await }
        };
        let write = async {
            if shared.full.get() { shared.duplex.writable().await } else { std::future::pending().await }
        };
        let changed = shared.changed.notified();
        pin_mut!(read, write, changed);
        match select(read, select(write, changed)).await {
            Either::Left((Ok(bytes), _)) => {
                shared.has_received.set(true);
                for chunk in bytes.chunks(READ_CHUNK) {
                    if peers.read_event(socket, chunk).is_err() {
                        shared.disconnected.set(true);
                        return None;
                    }
                }
                notify.notify();
            }
            Either::Left((Err(reason), _)) => return Some(reason),
            Either::Right((Either::Left(_), _)) => {
                shared.full.set(false);
                if peers.write_buffer_space_avail(socket).is_err() {
                    shared.disconnected.set(true);
                    return None;
                }
            }
            Either::Right((Either::Right(_), _)) => {}
        }
    }
}
