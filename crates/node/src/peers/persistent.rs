//! Persistent peers: connections that are made again, with back-off, whenever they end.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use amplet_transport::{Backoff, CloseCode, CloseReason, ConnectError, PeerAddress};
use bitcoin::secp256k1::PublicKey;
use futures::future::{Either, select};
use futures::pin_mut;

use crate::base::Base;
use crate::ldk::socket::{Dialer, Ended, drive};
use crate::notify::Notify;

/// Maximum duration of BOLT 8's handshake and init.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(15);

/// State of a persistent peer's connection.
#[derive(Clone, Debug)]
pub enum ConnectionState {
    /// Being made.
    Connecting,
    /// Up, init exchanged.
    Connected,
    /// Not made any more: this storage is an old copy, which speaks to no peer.
    Off,
    /// Down; tried again at `until`.
    Waiting {
        /// Wall-clock time of the next attempt, since the UNIX epoch.
        until: Duration,
        /// Reason of the last one's end.
        error: ConnectError,
    },
}

/// A persistent peer: its connection is made again whenever it ends.
pub struct PersistentPeer {
    /// Address and node id.
    pub address: PeerAddress,
    /// Its key.
    pub node_id: PublicKey,
    /// State of the connection.
    pub state: RefCell<ConnectionState>,
    /// Ends the pause before the next attempt.
    pub(super) retry: Notify,
}

impl PersistentPeer {
    pub(super) fn new(address: PeerAddress, node_id: PublicKey) -> Self {
        Self { address, node_id, state: RefCell::new(ConnectionState::Connecting), retry: Notify::default() }
    }

    fn set(&self, base: &Base, state: ConnectionState) {
        *self.state.borrow_mut() = state;
        base.changed();
    }

    /// Returns whether BOLT 1's init was exchanged on this connection.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(*self.state.borrow(), ConnectionState::Connected)
    }

    /// Keeps the connection until the node closes.
    pub(super) async fn run(self: Rc<Self>, base: Weak<Base>) {
        let mut backoff = Backoff::default();
        loop {
            let Some(store) = base.upgrade().map(|base| Rc::clone(&base.store)) else { return };
            // Before each connection: until then another writer may speak for this node. Its engine reports why, when that stays so.
            if store.ready().await.is_err() {
                return;
            }
            drop(store);
            let Some(base) = base.upgrade().filter(|base| !base.closing.get()) else { return };
            if base.staged.old_copy.is_set() {
                self.set(&base, ConnectionState::Off);
                return;
            }
            if base.ldk.messages.is_connected(&self.node_id) {
                // The peer was faster: its connection serves as well as one of ours.
                backoff.connected(base.platform.monotonic());
                self.set(&base, ConnectionState::Connected);
                base.ldk.messages.disconnected(self.node_id).await;
                continue;
            }
            self.set(&base, ConnectionState::Connecting);
            let error = self.attempt(&base, &mut backoff).await;
            if base.closing.get() {
                return;
            }
            if base.ldk.messages.is_connected(&self.node_id) {
                continue;
            }
            let mut random = [0; 8];
            base.platform.random(&mut random);
            let random = u64::from_le_bytes(random);
            let wait = backoff.failed(base.platform.monotonic(), random, error.is_refusal());
            log::info!("peer {}: {error}; next attempt in {} ms", self.address, wait.as_millis());
            let until = base.platform.now().saturating_add(wait);
            self.set(&base, ConnectionState::Waiting { until, error });
            let sleep = base.platform.sleep(wait);
            drop(base);
            let retry = self.retry.notified();
            pin_mut!(retry);
            select(sleep, retry).await;
        }
    }

    async fn attempt(&self, base: &Base, backoff: &mut Backoff) -> ConnectError {
        let duplex = match base.platform.connect(self.address.clone()).await {
            Ok(duplex) => duplex,
            Err(error) => return error,
        };
        let mut late = false;
        let ended = {
            let driven = drive(&base.ldk.peers, Rc::clone(&duplex), Dialer::Us(self.node_id), &base.notify);
            let connected = base.ldk.messages.connected(self.node_id);
            let limit = base.platform.sleep(HANDSHAKE_LIMIT);
            pin_mut!(driven, connected);
            match select(driven, select(connected, limit)).await {
                Either::Left((ended, _)) => ended,
                Either::Right((Either::Left(_), driven)) => {
                    backoff.connected(base.platform.monotonic());
                    self.set(base, ConnectionState::Connected);
                    driven.await
                }
                Either::Right((Either::Right(_), driven)) => {
                    late = true;
                    duplex.close(CloseCode::Idle);
                    driven.await
                }
            }
        };
        self.explain(ended, late)
    }

    /// A peer that closes without a word, having accepted the stream, could not read our first act: it was made for another
    /// key (BOLT 8, act one). Whoever has answered holds the key; it may have refused a second connection.
    fn explain(&self, ended: Ended, late: bool) -> ConnectError {
        let endpoint = self.address.endpoint.clone();
        let by_peer = |reason: &CloseReason| {
            matches!(reason, CloseReason::Remote { code: CloseCode::Normal | CloseCode::Violation, .. })
        };
        match ended.closed {
            _ if late => ConnectError::Timeout { endpoint, after: HANDSHAKE_LIMIT },
            Some(reason) if !self.is_connected() && !ended.received && by_peer(&reason) => {
                ConnectError::WrongKey { endpoint, expected: self.address.node_id }
            }
            Some(reason) => ConnectError::Closed(reason),
            None => {
                ConnectError::Closed(CloseReason::Violation { what: "a message that LDK refused".into() })
            }
        }
    }
}
