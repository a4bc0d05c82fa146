//! The order of things on a new connection: first what the peer keeps of us, then `channel_reestablish` of both sides.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use bitcoin::secp256k1::PublicKey;
use lightning::ln::msgs::{ChannelReestablish, MessageSendEvent};
use lightning::ln::types::ChannelId;

use super::judge::Numbers;

/// Maximum wait for what a peer with the feature keeps of us, and for the `channel_reestablish` that settles its claim.
pub(super) const KEPT_LIMIT: Duration = Duration::from_secs(10);

/// Time for which a channel rests that another gateway claims a later state of: the user is warned meanwhile. Bounded, so that
/// no gateway can keep a wallet from its channels.
pub(super) const CLAIM_LIMIT: Duration = Duration::from_secs(600);

/// An unproven claim that a later state of a channel exists.
#[derive(Debug)]
struct Claim {
    by: BTreeSet<PublicKey>,
    /// Monotonic time up to which it counts.
    until: Duration,
}

/// A connection's channels.
#[derive(Default)]
pub(super) struct Connection {
    /// What our `channel_reestablish` says, by channel.
    pub ours: HashMap<ChannelId, Numbers>,
    /// Monotonic time up to which what the peer keeps is waited for; `None`: it has come, or is not waited for.
    awaits_kept: Option<Duration>,
    /// Monotonic time up to which the peer's `channel_reestablish` is waited for, where the peer itself claims a later state.
    limit: Duration,
    /// Channels that the peer keeps and we know nothing of.
    unknown: BTreeSet<ChannelId>,
    /// The peer knows another installation by our node id, or we know another by the peer's.
    other_installation: bool,
    outgoing: BTreeMap<ChannelId, MessageSendEvent>,
    incoming: BTreeMap<ChannelId, ChannelReestablish>,
}

/// All connections, and what was claimed on them.
#[derive(Default)]
pub(super) struct Gate {
    connections: HashMap<PublicKey, Connection>,
    claims: HashMap<ChannelId, Claim>,
    /// A peer has re-established a channel that it has with this node, and that is not in this storage.
    met_strange: bool,
}

/// Messages that may go on: ours to the peer, then the peer's to LDK.
#[derive(Default)]
pub(super) struct Passed {
    pub outgoing: Vec<MessageSendEvent>,
    pub incoming: Vec<ChannelReestablish>,
}

impl Gate {
    /// A peer has connected; `keeps`: what it keeps of us is waited for.
    pub fn connected(&mut self, peer: PublicKey, keeps: bool, now: Duration) {
        let limit = now.saturating_add(KEPT_LIMIT);
        let awaits_kept = keeps.then_some(limit);
        self.connections.insert(peer, Connection { awaits_kept, limit, ..Connection::default() });
    }

    pub fn disconnected(&mut self, peer: &PublicKey) {
        self.connections.remove(peer);
    }

    pub fn connection(&mut self, peer: &PublicKey) -> Option<&mut Connection> {
        self.connections.get_mut(peer)
    }

    /// Peers that are connected.
    pub fn peers(&self) -> Vec<PublicKey> {
        self.connections.keys().copied().collect()
    }

    /// Notes our `channel_reestablish`; it goes when [`advance`](Self::advance) says.
    pub fn ours(&mut self, peer: &PublicKey, channel: ChannelId, numbers: Numbers, event: MessageSendEvent) {
        if let Some(connection) = self.connections.get_mut(peer) {
            connection.ours.insert(channel, numbers);
            connection.outgoing.insert(channel, event);
        }
    }

    /// Notes the peer's `channel_reestablish`, which does not contradict ours.
    pub fn theirs(&mut self, peer: &PublicKey, message: &ChannelReestablish) {
        if let Some(connection) = self.connections.get_mut(peer) {
            connection.incoming.insert(message.channel_id, message.clone());
        }
    }

    /// What the peer keeps has come.
    pub fn kept(&mut self, peer: &PublicKey, unknown: BTreeSet<ChannelId>, other_installation: bool) {
        if let Some(connection) = self.connections.get_mut(peer) {
            connection.awaits_kept = None;
            connection.unknown = unknown;
            connection.other_installation = other_installation;
        }
    }

    /// A peer claims a later state of a channel, and does not prove it.
    pub fn claim(&mut self, peer: PublicKey, channel: ChannelId, now: Duration) {
        let until = now.saturating_add(CLAIM_LIMIT);
        let claim = self.claims.entry(channel).or_insert_with(|| Claim { by: BTreeSet::new(), until });
        claim.by.insert(peer);
    }

    /// Returns whether a claim about the channel counts.
    pub fn is_claimed(&self, channel: &ChannelId, now: Duration) -> bool {
        self.claims.get(channel).is_some_and(|claim| now < claim.until)
    }

    /// Returns whether a later state than this storage's is claimed.
    pub fn doubts(&self, now: Duration) -> bool {
        self.met_strange || !self.claimed(now).is_empty()
    }

    /// Channels with a claim that counts.
    pub fn claimed(&self, now: Duration) -> HashSet<ChannelId> {
        self.claims.iter().filter(|(_, claim)| now < claim.until).map(|(channel, _)| *channel).collect()
    }

    /// Returns what may go on with this peer now.
    pub fn advance(&mut self, peer: &PublicKey, now: Duration) -> Passed {
        let mut passed = Passed::default();
        let Some(connection) = self.connections.get_mut(peer) else { return passed };
        if connection.awaits_kept.is_some_and(|until| now < until) {
            return passed;
        }
        connection.awaits_kept = None;
        let channels: BTreeSet<ChannelId> =
            connection.outgoing.keys().chain(connection.incoming.keys()).copied().collect();
        for channel in channels {
            if !connection.ours.contains_key(&channel) && connection.is_strange(&channel) {
                connection.incoming.remove(&channel);
                self.met_strange |= !connection.other_installation;
                continue;
            }
            let claim = self.claims.get(&channel).filter(|claim| now < claim.until);
            let by_others = claim.is_some_and(|claim| claim.by.iter().any(|by| by != peer));
            let by_itself = claim.is_some_and(|claim| claim.by.contains(peer));
            // Its own numbers are better than what it keeps: they are next to a proof.
            let is_settled = connection.incoming.contains_key(&channel) || now >= connection.limit;
            if by_others || (by_itself && !is_settled) {
                continue;
            }
            if by_itself && connection.incoming.contains_key(&channel) {
                self.claims.remove(&channel);
            }
            passed.outgoing.extend(connection.outgoing.remove(&channel));
            passed.incoming.extend(connection.incoming.remove(&channel));
        }
        passed
    }
}

impl Connection {
    /// Returns whether the channel is another copy's or installation's: an answer would make the peer close it.
    fn is_strange(&self, channel: &ChannelId) -> bool {
        self.other_installation || self.unknown.contains(channel)
    }

    /// Returns whether the node id belongs to another installation.
    pub fn is_other_installation(&self) -> bool {
        self.other_installation
    }
}
