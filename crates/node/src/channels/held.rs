//! Forwards to wallets that are not back yet, after a restart of theirs or ours. LDK hands over what it would forward by an unannounced
//! channel whose peer is not connected; it is held for a bounded time, and forwarded when the peer takes up the channel, or sent
//! back. LDK stores what is held, hands it over again after a restart, and sends it back itself before it expires.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use bitcoin::secp256k1::PublicKey;
use lightning::ln::channelmanager::InterceptId;
use lightning::ln::types::ChannelId;

use crate::base::Base;

/// Maximum time for which a forward is held: wallets come back within 5 s of a restart. A payer's money is bound no longer than
/// that by whoever is away.
const MAX_HOLD: Duration = Duration::from_secs(20);
/// Time after its last connection within which a peer is expected back: whoever closed their wallet before that has payers told at
/// once.
const RECENT: Duration = Duration::from_secs(600);
/// Time after the node was opened within which every peer is expected back.
const OPENING: Duration = Duration::from_secs(60);
/// Maximum number of forwards held for one peer, and for all: what is held takes places for HTLCs in the channels that they came by.
const MAX_HELD: [usize; 2] = [30, 1_000];

struct Held {
    channel: ChannelId,
    peer: PublicKey,
    amount_msat: u64,
    /// Monotonic time at which it is sent back.
    until: Duration,
}

/// Forwards that are held, by LDK's id.
pub(super) struct HeldForwards {
    held: RefCell<HashMap<InterceptId, Held>>,
    /// Monotonic time at which a peer was last connected.
    seen: RefCell<HashMap<PublicKey, Duration>>,
    opened: Duration,
}

impl HeldForwards {
    pub fn new(now: Duration) -> Self {
        Self { held: RefCell::default(), seen: RefCell::default(), opened: now }
    }

    /// Notes who is connected, and forgets who was not for long.
    pub fn note_connected(&self, base: &Base) {
        let now = base.platform.monotonic();
        let mut seen = self.seen.borrow_mut();
        seen.extend(base.ldk.messages.all_connected().into_iter().map(|peer| (peer, now)));
        seen.retain(|_, at| is_recent(*at, now));
    }

    /// Holds what LDK has handed over, or sends it back at once.
    pub fn hold(&self, base: &Base, id: InterceptId, scid: u64, amount_msat: u64) {
        let channels = base.ldk.manager.list_channels();
        let is_wanted =
            |scids: [Option<u64>; 2]| scids.into_iter().flatten().any(|candidate| candidate == scid);
        let channel = channels
            .into_iter()
            .find(|channel| is_wanted([channel.short_channel_id, channel.outbound_scid_alias]));
        let now = base.platform.monotonic();
        match channel.map(|channel| (channel.channel_id, channel.counterparty.node_id)) {
            Some((channel, peer)) if self.is_expected(&peer, now) && self.has_room(&peer) => {
                log::info!("a forward of {amount_msat} msat waits for {peer} to come back");
                let until = now.saturating_add(MAX_HOLD);
                self.held.borrow_mut().insert(id, Held { channel, peer, amount_msat, until });
            }
            _ => send_back(base, id),
        }
    }

    fn is_expected(&self, peer: &PublicKey, now: Duration) -> bool {
        let was_seen = self.seen.borrow().get(peer).is_some_and(|at| is_recent(*at, now));
        was_seen || now.saturating_sub(self.opened) < OPENING
    }

    fn has_room(&self, peer: &PublicKey) -> bool {
        let held = self.held.borrow();
        let [of_peer, of_all] = MAX_HELD;
        held.len() < of_all && held.values().filter(|held| held.peer == *peer).count() < of_peer
    }

    /// Forwards what waits for peers that are back, and sends back what has waited long enough.
    pub fn go_on(&self, base: &Base) {
        if self.held.borrow().is_empty() {
            return;
        }
        let now = base.platform.monotonic();
        let manager = &base.ldk.manager;
        let is_back = |held: &Held| {
            base.ldk.messages.is_connected(&held.peer)
                && manager
                    .list_channels_with_counterparty(&held.peer)
                    .iter()
                    .any(|channel| channel.channel_id == held.channel && channel.is_usable)
        };
        let done: Vec<_> =
            self.held.borrow_mut().extract_if(|_, held| held.until <= now || is_back(held)).collect();
        for (id, Held { channel, peer, amount_msat, .. }) in done {
            if let Err(error) = manager.forward_intercepted_htlc(id, &channel, peer, amount_msat) {
                log::info!("a forward of {amount_msat} msat to {peer} is sent back: {error:?}");
                send_back(base, id);
            }
        }
    }

    /// Monotonic time at which the first of them is sent back.
    pub fn until(&self) -> Option<Duration> {
        self.held.borrow().values().map(|held| held.until).min()
    }
}

/// Returns whether somebody who was last connected at the monotonic time `at` is expected back at `now`.
fn is_recent(at: Duration, now: Duration) -> bool {
    now.saturating_sub(at) < RECENT
}

/// One that LDK knows no longer has been sent back already.
fn send_back(base: &Base, id: InterceptId) {
    let _ = base.ldk.manager.fail_intercepted_htlc(id);
}
