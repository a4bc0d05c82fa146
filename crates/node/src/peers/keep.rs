//! A connection that is kept up: made again, with back-off, whenever it ends.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use amplet_transport::{Backoff, CloseCode, CloseReason, ConnectError, PeerAddress};
use bitcoin::secp256k1::PublicKey;
use futures::future::{Either, select};
use futures::pin_mut;

use super::socket::{Ended, drive};
use crate::inner::Inner;
use crate::wake::Wake;

/// How long BOLT 8 and init may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(15);

/// Where a kept connection is.
#[derive(Clone, Debug)]
pub enum ConnectionState {
    /// Being made.
    Connecting,
    /// Up, init exchanged.
    Connected,
    /// Down; tried again at `until`.
    Waiting {
        /// Wall-clock time of the next attempt, since the UNIX epoch.
        until: Duration,
        /// Why the last one ended.
        error: ConnectError,
    },
}

/// A peer to stay connected to.
pub struct PersistentPeer {
    /// Where, and who.
    pub address: PeerAddress,
    /// Its key.
    pub node_id: PublicKey,
    /// Where the connection is.
    pub state: RefCell<ConnectionState>,
    /// Rung to try at once.
    pub(crate) retry: Wake,
}

impl PersistentPeer {
    pub(crate) fn new(address: PeerAddress, node_id: PublicKey) -> Self {
        Self { address, node_id, state: RefCell::new(ConnectionState::Connecting), retry: Wake::default() }
    }

    fn set(&self, node: &Inner, state: ConnectionState) {
        *self.state.borrow_mut() = state;
        node.changed();
    }
}

/// Keeps the connection until the node closes.
pub(crate) async fn keep(node: Weak<Inner>, kept: Rc<PersistentPeer>) {
    let mut backoff = Backoff::default();
    loop {
        let Some(inner) = node.upgrade().filter(|inner| !inner.closing.get()) else {
            return;
        };
        if inner.ldk.messages.is_connected(&kept.node_id) {
            // The peer was faster: its connection serves as well as one of ours.
            backoff.connected(inner.platform.monotonic());
            kept.set(&inner, ConnectionState::Connected);
            inner.ldk.messages.gone(kept.node_id).await;
            continue;
        }
        kept.set(&inner, ConnectionState::Connecting);
        let error = attempt(&inner, &kept, &mut backoff).await;
        if inner.closing.get() {
            return;
        }
        if inner.ldk.messages.is_connected(&kept.node_id) {
            continue;
        }
        let mut random = [0; 8];
        inner.platform.random(&mut random);
        let wait = backoff.failed(inner.platform.monotonic(), u64::from_le_bytes(random));
        log::info!("peer {}: {error}; next attempt in {} ms", kept.address, wait.as_millis());
        kept.set(
            &inner,
            ConnectionState::Waiting { until: inner.platform.now().saturating_add(wait), error },
        );
        let sleep = inner.platform.sleep(wait);
        drop(inner);
        let retry = kept.retry.heard();
        pin_mut!(retry);
        select(sleep, retry).await;
    }
}

async fn attempt(inner: &Rc<Inner>, kept: &PersistentPeer, backoff: &mut Backoff) -> ConnectError {
    let duplex = match inner.platform.connect(kept.address.clone()).await {
        Ok(duplex) => duplex,
        Err(error) => return error,
    };
    let mut late = false;
    let ended = {
        let driven = drive(&inner.ldk.peers, Rc::clone(&duplex), Some(kept.node_id), &inner.wake);
        let connected = inner.ldk.messages.connected(kept.node_id);
        let limit = inner.platform.sleep(HANDSHAKE_LIMIT);
        pin_mut!(driven, connected);
        match select(driven, select(connected, limit)).await {
            Either::Left((ended, _)) => ended,
            Either::Right((Either::Left(_), driven)) => {
                backoff.connected(inner.platform.monotonic());
                kept.set(inner, ConnectionState::Connected);
                driven.await
            }
            Either::Right((Either::Right(_), driven)) => {
                late = true;
                duplex.close(CloseCode::Idle);
                driven.await
            }
        }
    };
    let shook_hands = matches!(*kept.state.borrow(), ConnectionState::Connected);
    explain(kept, ended, shook_hands, late)
}

/// A peer that closes without a word, having accepted the stream, could not read our first act: it was made for another
/// key (BOLT 8, act one). Whoever has answered holds the key; it may have refused a second connection.
fn explain(kept: &PersistentPeer, ended: Ended, shook_hands: bool, late: bool) -> ConnectError {
    let endpoint = kept.address.endpoint.clone();
    let by_peer = |reason: &CloseReason| {
        matches!(reason, CloseReason::Remote { code: CloseCode::Normal | CloseCode::Violation, .. })
    };
    match ended.closed {
        _ if late => ConnectError::Timeout { endpoint, after: HANDSHAKE_LIMIT },
        Some(reason) if !shook_hands && !ended.heard && by_peer(&reason) => {
            ConnectError::WrongKey { endpoint, expected: kept.address.node_id }
        }
        Some(reason) => ConnectError::Closed(reason),
        None => ConnectError::Closed(CloseReason::Violation { what: "a message that LDK refused".into() }),
    }
}
