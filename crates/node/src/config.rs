//! Configuration of a node.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_amp::Limits;
use amplet_protocol::{ChannelId, Msat};
use amplet_router::Graph;
use amplet_transport::Platform;
use bitcoin::Network;
use bitcoin::secp256k1::PublicKey;
use lightning::ln::msgs::RoutingMessageHandler;
use lightning::routing::gossip::NetworkUpdate;
use lightning::util::config::{HTLCInterceptionFlags, MaxDustHTLCExposure, UserConfig};

/// Blocks in a day: the least time HTLCs get, so that a wallet may be closed for a day (design invariant 1).
pub const HTLC_DELTA: u16 = 144;

/// Blocks in two weeks: how long a revoked commitment can be punished.
pub const TO_SELF_DELAY: u16 = 2016;

/// Numbers of the installations that are looked for from a recovery phrase alone.
pub const LOST_INSTALLATIONS: std::ops::Range<u32> = 0..20;

/// HTLCs per direction (BOLT 2's maximum).
const MAX_HTLCS: u16 = 483;

/// Maximum value of HTLCs too small for an output, in all of a channel, in msat: 50,000 sat, as in Core Lightning and Eclair.
/// Fixed, so that a hundred small parts go through at low fee rates, and a peer's `update_fee` is not answered by closing.
const MAX_DUST_MSAT: u64 = 50_000_000;

/// Terms on which a channel forwards (BOLT 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardingTerms {
    /// Base fee of a forward.
    pub fee_base_msat: u32,
    /// Proportional fee of a forward, in parts per million.
    pub fee_ppm: u32,
    /// Blocks between the expiries of what comes in and of what leaves; [`HTLC_DELTA`] at least.
    pub cltv_delta: u16,
}

/// Terms of each channel with a peer: asked for when it is ready, and by [`Channels::apply_terms`](crate::Channels::apply_terms).
#[derive(Clone)]
pub struct TermsOf(pub Rc<TermsOfChannel>);

/// Returns the terms of a channel with a peer.
type TermsOfChannel = dyn Fn(&ChannelId, &PublicKey) -> ForwardingTerms;

impl fmt::Debug for TermsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TermsOf")
    }
}

/// Forwarding for others, and the node announcement.
#[derive(Clone, Debug)]
pub struct Forwarding {
    /// Terms of channels until they are ready.
    pub terms: ForwardingTerms,
    /// Terms of each channel from then on.
    pub terms_of: TermsOf,
    /// Confirmations before a channel that another opened is used.
    pub minimum_depth: u32,
    /// Name in the node announcement, 32 bytes at most.
    pub alias: [u8; 32],
    /// Addresses in the node announcement.
    pub addresses: Vec<lightning::ln::msgs::SocketAddress>,
    /// Time for which a node must stay away before its channels are closed because whoever has its key says that it is lost.
    pub close_lost_after: Duration,
    /// HTLCs that a peer may have in flight to us in one channel, 1 to 483.
    pub max_htlcs: u16,
    /// Money that may be in HTLCs too small for the chain in one channel, in sat; lost to fees if the channel is then forced to close.
    pub max_dust_sat: u64,
}

/// Role of a node.
#[derive(Clone, Debug)]
pub enum Role {
    /// A user's: pays and receives, forwards nothing, announces nothing.
    Wallet,
    /// A server's: forwards, announces, opens channels to wallets.
    Gateway(Forwarding),
}

/// A channel that a peer wants to open.
#[derive(Clone, Debug)]
pub struct InboundChannel {
    /// The peer.
    pub peer: PublicKey,
    /// Capacity, in sat.
    pub capacity_sat: u64,
    /// Given to us at once.
    pub push_msat: Msat,
    /// It would be announced.
    pub announced: bool,
    /// Channels with this peer, open or opening.
    pub channels_with_peer: usize,
    /// Channels in all, open or opening.
    pub channels: usize,
    /// True if the savings suffice to close all of them and this one.
    pub is_reserve_covered: bool,
}

/// The answer to [`InboundChannel`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// Use it when confirmed.
    Accept,
    /// Use it at once, on the peer's word.
    AcceptZeroConf,
    /// No, for this reason (sent to the peer).
    Refuse(String),
    /// Nothing is said, for tests of a peer that is slow.
    #[cfg(feature = "testing")]
    Unanswered,
}

/// Decides on channels that peers open.
pub type AcceptChannel = Rc<dyn Fn(&InboundChannel) -> Acceptance>;

/// Custom records of a payment: TLV type and value.
pub type Records = Vec<(u64, Vec<u8>)>;

/// A keysend that has arrived and may still be sent back.
#[derive(Clone, Debug)]
pub struct InboundKeysend {
    /// Amount.
    pub amount_msat: Msat,
    /// The stream that it belongs to (record 4279633).
    pub session: Option<String>,
    /// Its custom records, that one included.
    pub records: Records,
}

/// Decides on keysends; `false` sends one back to the payer.
pub type AcceptKeysend = Rc<dyn Fn(&InboundKeysend) -> bool>;

/// Takes keysends of `minimum` and more, and smaller ones as parts of a stream: each of the others is a line of the history, which
/// any payer could fill for nothing.
#[must_use]
pub fn accept_keysends_from(minimum: Msat) -> AcceptKeysend {
    Rc::new(move |keysend| keysend.session.is_some() || keysend.amount_msat >= minimum)
}

/// A payment that was forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Channel by which it left.
    pub channel: ChannelId,
    /// Amount that left.
    pub amount_msat: Msat,
    /// Fee that it brought; `None`: what came in is claimed on the chain, and costs a fee that is not known.
    pub fee_msat: Option<Msat>,
}

/// Records a forward: the name and value of a record, written in the transaction in which the payment is ours. The name must not be
/// one of the node's own.
pub type RecordForward = Rc<dyn Fn(&Forward) -> Option<(String, Vec<u8>)>>;

/// Bounds of AMP payments without an invoice that suit a node behind a few channels: those of strangers hold at most a third of one
/// channel's HTLCs, and 0.1 BTC, for two minutes.
pub const SPONTANEOUS_AMP: Limits =
    Limits { parts: 50, sets: 3, msat: Msat::up_to_max(10_000_000_000), secs: 120 };

/// Source of a node's channel graph.
#[derive(Clone)]
pub enum GraphSource {
    /// Rapid Gossip Sync snapshots (`<base>/rgs/snapshot/<timestamp>`) of these base URLs, each in turn when one fails.
    Snapshots(Vec<String>),
    /// The peers' gossip (BOLT 7).
    Gossip(Gossiping),
}

/// See [`GraphSource::gossip`].
#[derive(Clone, Copy)]
pub struct Gossiping(pub(crate) OpenGossip);

/// Makes Rapid Gossip Sync snapshots of a graph as it was when it was copied: of what had changed since a time (seconds since 1970), or
/// all of it (0). It may be called on other threads.
pub type GraphSnapshots = Arc<dyn Fn(u32) -> Vec<u8> + Send + Sync>;

/// Gossip, as the rest of the node sees it. A trait, so that a wallet's program has no part of what implements it.
pub trait Gossip {
    /// Hears the peers' gossip.
    fn handler(self: Rc<Self>) -> Rc<dyn RoutingMessageHandler>;
    /// Takes over into `graph` what gossip has brought since the last call.
    fn refresh(&self, graph: &mut Graph);
    /// Applies what a failed payment taught.
    fn failed(&self, update: &NetworkUpdate);
    /// Forgets channels of which nothing was received for two weeks, `time_s` being the newest block's.
    fn prune(&self, time_s: u64);
    /// The announcements, to be stored.
    fn encode(&self) -> Vec<u8>;
    /// Rises with each change of the graph.
    fn generation(&self) -> u64;
    /// Copies `graph` as it is now, to make Rapid Gossip Sync snapshots of it.
    fn snapshots(&self, graph: &Graph) -> GraphSnapshots;
}

/// Makes a [`Gossip`] from what was stored; what cannot be read is gossiped again.
pub type OpenGossip = fn(Network, Rc<dyn Platform>, Option<Vec<u8>>) -> Rc<dyn Gossip>;

/// Configuration of a node.
#[derive(Clone)]
pub struct NodeConfig {
    /// The chain.
    pub network: Network,
    /// Role.
    pub role: Role,
    /// Decides on inbound channels.
    pub accept_channel: AcceptChannel,
    /// Decides on payments that come without an invoice.
    pub accept_keysend: AcceptKeysend,
    /// Records payments that were forwarded.
    pub record_forward: RecordForward,
    /// Bounds of AMP payments without an invoice that wait for their parts (usually [`SPONTANEOUS_AMP`]); without sets, none is
    /// taken. `accept_keysend` decides on each of them, too.
    pub spontaneous_amp: Limits,
    /// Source of the channel graph.
    pub graph: GraphSource,
    /// Negotiates commitments without a fee (BOLT 2's `zero_fee_commitments`, TRUC and an ephemeral anchor, BIP 431) with peers
    /// that do too. A commitment's fee is then never disputed and never too low, and all of it is paid when it is broadcast: such a
    /// channel cannot be closed by force without savings, needs a chain source with package relay (Bitcoin Core 29 or later), and
    /// carries at most 114 HTLCs per direction instead of 483.
    pub zero_fee_commitments: bool,
    /// Numbers of installations of the same recovery phrase whose storages are gone, as far as this one knows: what their closed
    /// channels paid is looked for, from this node's birthday on ([`LOST_INSTALLATIONS`] of a restored phrase). They stay looked for
    /// when they are left out later.
    pub lost: Vec<u32>,
    /// True where blocks come by themselves ([`expects_blocks`]): an old tip is then told and, after a day, no longer trusted.
    pub expects_blocks: bool,
}

/// Returns whether blocks come by themselves on a network. On regtest they are mined by hand, and a tip of any age is fine.
#[must_use]
pub fn expects_blocks(network: Network) -> bool {
    network != Network::Regtest
}

impl NodeConfig {
    /// LDK's settings for this role; see `ldk.md`, "defaults that hurt".
    pub(crate) fn ldk(&self) -> UserConfig {
        let mut config = UserConfig::default();
        let handshake = &mut config.channel_handshake_config;
        handshake.our_to_self_delay = TO_SELF_DELAY;
        handshake.our_max_accepted_htlcs = MAX_HTLCS;
        handshake.our_htlc_minimum_msat = 1;
        handshake.unannounced_channel_max_inbound_htlc_value_in_flight_percentage = 100;
        handshake.announced_channel_max_inbound_htlc_value_in_flight_percentage = 100;
        handshake.negotiate_anchors_zero_fee_htlc_tx = true;
        handshake.negotiate_anchor_zero_fee_commitments = self.zero_fee_commitments;
        config.channel_handshake_limits.their_to_self_delay = TO_SELF_DELAY;
        config.channel_handshake_limits.force_announced_channel_preference = false;
        config.channel_config.cltv_expiry_delta = HTLC_DELTA;
        config.channel_config.max_dust_htlc_exposure = MaxDustHTLCExposure::FixedLimitMsat(MAX_DUST_MSAT);
        match &self.role {
            Role::Wallet => {
                handshake.announce_for_forwarding = false;
                handshake.negotiate_scid_privacy = true;
                handshake.minimum_depth = 3;
            }
            Role::Gateway(forwarding) => {
                handshake.minimum_depth = forwarding.minimum_depth;
                config.channel_config.forwarding_fee_base_msat = forwarding.terms.fee_base_msat;
                config.channel_config.forwarding_fee_proportional_millionths = forwarding.terms.fee_ppm;
                config.channel_config.cltv_expiry_delta = forwarding.terms.cltv_delta;
                config.accept_forwards_to_priv_channels = true;
                // They are held for a moment: see `channels::held`.
                config.htlc_interception_flags = HTLCInterceptionFlags::ToOfflinePrivateChannels as u8;
                // No wallet splices.
                config.reject_inbound_splices = true;
                handshake.our_max_accepted_htlcs = forwarding.max_htlcs.clamp(1, MAX_HTLCS);
                config.channel_config.max_dust_htlc_exposure =
                    MaxDustHTLCExposure::FixedLimitMsat(forwarding.max_dust_sat.saturating_mul(1000));
            }
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keysend_below_the_minimum_is_taken_as_part_of_a_stream_only() {
        let accept = accept_keysends_from(Msat::up_to_max(1_000));
        let keysend = |msat, session: Option<&str>| InboundKeysend {
            amount_msat: Msat::up_to_max(msat),
            session: session.map(str::to_owned),
            records: Vec::new(),
        };
        assert!(accept(&keysend(1_000, None)));
        assert!(!accept(&keysend(999, None)));
        assert!(accept(&keysend(1, Some("film"))));
    }
}
