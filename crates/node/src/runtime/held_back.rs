//! Blocks held back after an absence: those after which LDK would close a channel by itself, until its peer has had time to take up
//! the channel again and to resolve the HTLC off chain.
//!
//! LDK closes a channel when a block is `cltv_expiry + 3` of an HTLC that we offered, or 36 blocks before the `cltv_expiry` of one
//! whose preimage we know. After an absence such blocks have passed already, and the peer may only be waiting for us to reconnect:
//! its answer needs a connection, not a block. So all parts stop at the block before the first such height, all at the same one
//! (a wallet must open without a source); nothing is paid, forwarded or accepted meanwhile, because LDK's height is too low for
//! that; and the rest follows as soon as every channel concerned is taken up and quiet, or after [`MAX_HOLD`].
//!
//! Nothing is held back for a channel whose funding is spent, or while an HTLC to us whose preimage we know is so near its expiry
//! that a block counts ([`MIN_BLOCKS_LEFT`]).

use std::cell::{Cell, RefCell};
use std::time::Duration;

use amplet_chain::{Chain, Position, Tip};
use bitcoin::secp256k1::PublicKey;
use bitcoin::{BlockHash, OutPoint, ScriptBuf};
use lightning::chain::channelmonitor::ChannelMonitor;
use lightning::ln::channel_state::ChannelDetails;
use lightning::ln::types::ChannelId;
use lightning::sign::InMemorySigner;

use crate::base::Base;
use crate::ldk::closing::{MonitorCopies, first_deadline};

/// Maximum time that blocks are held back. On a slow mobile link a round trip takes 2 s; name look-up (1), TCP (1), TLS (2),
/// WebSocket (1), BOLT 8 and init (2), `channel_reestablish` (1) and two commitment dances (3) are 11 of them, 22 s; twice that,
/// because the first attempt often ends while the radio wakes; and [`QUIET`] and a pause between attempts beside.
const MAX_HOLD: Duration = Duration::from_secs(60);
/// Time without a change after which a channel that was taken up again has nothing more to say: five of those round trips.
const QUIET: Duration = Duration::from_secs(10);
/// Blocks that must be left until the peer can take back an HTLC whose preimage we know. [`MAX_HOLD`] costs one block at most in 199
/// of 200 cases; the commitment and then the claim have to confirm in the others, for which LDK itself reckons 18 blocks each at
/// most, and which take a few each at the urgent fee rate.
const MIN_BLOCKS_LEFT: u32 = 12;
/// Time without news of the chain after which a node counts as absent: its tab was frozen, its device asleep or off line.
const ABSENCE: Duration = Duration::from_secs(600);
/// Interval between looks at the channels concerned.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A channel that LDK would close by itself on the way to the tip.
pub(crate) struct AtRisk {
    pub channel: ChannelId,
    pub peer: PublicKey,
    /// The height at which it would.
    pub closes_at: u32,
    funding: (OutPoint, ScriptBuf),
}

/// Channels, as far as they matter for holding blocks back.
pub(crate) struct Outlook<'a> {
    pub chain: &'a Chain,
    pub copies: MonitorCopies<'a>,
    pub tip: Tip,
    at_risk: Vec<AtRisk>,
    first_deadline: Option<u32>,
}

impl<'a> Outlook<'a> {
    pub fn new(chain: &'a Chain, copies: MonitorCopies<'a>, tip: Tip) -> Self {
        Self { chain, copies, tip, at_risk: Vec::new(), first_deadline: None }
    }

    /// Adds an open channel.
    pub fn add(&mut self, channel: &ChannelDetails, monitor: &ChannelMonitor<InMemorySigner>) {
        let deadline = first_deadline(channel, monitor);
        self.first_deadline = [self.first_deadline, deadline].into_iter().flatten().min();
        let header_at = |height| self.chain.header_at(height);
        if let Some(closes_at) = self.copies.closes_at(monitor, self.tip.height, header_at) {
            let funding = (monitor.get_funding_txo().into_bitcoin_outpoint(), monitor.get_funding_script());
            let peer = channel.counterparty.node_id;
            self.at_risk.push(AtRisk { channel: channel.channel_id, peer, closes_at, funding });
        }
    }

    /// The channels for which blocks after `from` are worth holding back: none when a real deadline is near.
    pub async fn at_risk(mut self, from: &Position) -> Vec<AtRisk> {
        let near = self.tip.height.saturating_add(MIN_BLOCKS_LEFT);
        if self.at_risk.is_empty() || self.first_deadline.is_some_and(|deadline| deadline < near) {
            return Vec::new();
        }
        let coins: Vec<_> = self.at_risk.iter().map(|channel| channel.funding.clone()).collect();
        match self.chain.spent_ahead(from, &self.tip, &coins).await {
            Ok(spent) => self.at_risk.retain(|channel| !spent.contains(&channel.funding.0)),
            // The same blocks fail when they are read, which is told.
            Err(error) => log::warn!("chain: {error}; blocks are held back without a look at them"),
        }
        self.at_risk
    }
}

/// The tip up to which blocks may be read: the block before the first at which one of `at_risk` would be closed.
pub(crate) fn limit(chain: &Chain, at_risk: &[AtRisk], from: u32, tip: Tip) -> Tip {
    let Some(first) = at_risk.iter().map(|channel| channel.closes_at).min() else { return tip };
    let height = first.saturating_sub(1).max(from);
    let position = chain.position_at(height);
    let time = chain.header_at(height).map_or(tip.time, |header| header.time);
    Tip { hash: position.hash, height, time }
}

/// Phase of holding back.
#[derive(Clone, Copy)]
enum Phase {
    /// The node was absent; nothing has been read since. `asleep`: it had connections before.
    Returned {
        asleep: bool,
    },
    /// Since this monotonic time.
    Holding {
        since: Duration,
    },
    Over,
}

/// Blocks held back, and until when.
pub(super) struct HeldBack {
    phase: Cell<Phase>,
    at_risk: RefCell<Vec<AtRisk>>,
    /// Tip for which `at_risk` was found.
    found_for: Cell<Option<BlockHash>>,
    /// State of the channels concerned at the last look, and the monotonic time since which it is the same.
    seen: RefCell<(Vec<String>, Duration)>,
}

impl Default for HeldBack {
    /// For a node that has just been opened.
    fn default() -> Self {
        Self {
            phase: Cell::new(Phase::Returned { asleep: false }),
            at_risk: RefCell::default(),
            found_for: Cell::default(),
            seen: RefCell::default(),
        }
    }
}

impl HeldBack {
    /// A poll succeeded, `since` the one before: after an absence blocks may be held back again.
    pub fn polled(&self, base: &Base, since: Option<Duration>) {
        let absent = since.is_some_and(|last| base.platform.now().saturating_sub(last) >= ABSENCE);
        if absent && matches!(self.phase.get(), Phase::Over) {
            self.phase.set(Phase::Returned { asleep: true });
        }
    }

    /// Returns whether blocks are held back.
    pub fn holds(&self) -> bool {
        matches!(self.phase.get(), Phase::Holding { .. })
    }

    /// The tip up to which blocks may be read now, for a node that stands at `from`.
    pub async fn limit(&self, base: &Base, from: &Position, tip: Tip) -> Tip {
        if matches!(self.phase.get(), Phase::Over) {
            return tip;
        }
        if tip.height <= from.height {
            self.end(base);
            return tip;
        }
        if self.found_for.replace(Some(tip.hash)) != Some(tip.hash) {
            let found = outlook(base, tip).at_risk(from).await;
            *self.at_risk.borrow_mut() = found;
        }
        if let Phase::Returned { asleep } = self.phase.get() {
            self.begin(base, asleep);
        }
        if self.is_over(base) {
            self.end(base);
            return tip;
        }
        limit(&base.chain, &self.at_risk.borrow(), from.height, tip)
    }

    fn begin(&self, base: &Base, asleep: bool) {
        let now = base.platform.monotonic();
        self.phase.set(Phase::Holding { since: now });
        *self.seen.borrow_mut() = (Vec::new(), now);
        let at_risk = self.at_risk.borrow();
        base.ldk.behind.set(!at_risk.is_empty());
        for AtRisk { channel, peer, closes_at, .. } in &*at_risk {
            log::info!("channel {channel}: would be closed at block {closes_at}; its peer gets time first");
            // After a sleep a connection may look alive that is not.
            if asleep {
                base.ldk.peers.disconnect_by_node_id(*peer);
            }
        }
    }

    fn end(&self, base: &Base) {
        self.phase.set(Phase::Over);
        self.at_risk.borrow_mut().clear();
        self.found_for.set(None);
        if base.ldk.behind.replace(false) {
            log::info!("blocks are held back no longer");
        }
    }

    /// Returns whether nothing is left to wait for: time is up, or each channel concerned is taken up again and quiet.
    pub fn is_over(&self, base: &Base) -> bool {
        let Phase::Holding { since } = self.phase.get() else { return true };
        let now = base.platform.monotonic();
        let at_risk = self.at_risk.borrow();
        if at_risk.is_empty() || now.saturating_sub(since) >= MAX_HOLD {
            return true;
        }
        let open = base.ldk.manager.list_channels();
        let concerned = || open.iter().filter(|c| at_risk.iter().any(|risk| risk.channel == c.channel_id));
        let state: Vec<String> = concerned().map(state).collect();
        let mut seen = self.seen.borrow_mut();
        if seen.0 != state {
            *seen = (state, now);
        }
        if !concerned().all(|channel| channel.is_usable) {
            return false;
        }
        let mut left = outlook(base, base.chain.tip()).at_risk;
        left.retain(|risk| at_risk.iter().any(|known| known.channel == risk.channel));
        left.is_empty() || now.saturating_sub(seen.1) >= QUIET
    }
}

/// Everything that the peer's answer changes.
fn state(channel: &ChannelDetails) -> String {
    let ChannelDetails { channel_id, is_usable, pending_inbound_htlcs, pending_outbound_htlcs, .. } = channel;
    format!("{channel_id} {is_usable} {pending_inbound_htlcs:?} {pending_outbound_htlcs:?}")
}

fn outlook(base: &Base, tip: Tip) -> Outlook<'_> {
    let ldk = &base.ldk;
    let copies = MonitorCopies { signer: &ldk.signer, fees: &ldk.fees, log: &ldk.log };
    let mut outlook = Outlook::new(&base.chain, copies, tip);
    for channel in ldk.manager.list_channels() {
        if let Ok(monitor) = ldk.monitors.get_monitor(channel.channel_id) {
            outlook.add(&channel, &monitor);
        }
    }
    outlook
}
