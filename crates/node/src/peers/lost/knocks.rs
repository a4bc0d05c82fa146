//! Peers that are no gateways, and with which lost installations had channels: which ones, when each is asked to close them, and what
//! came of it. They are asked as that installation ([`crate::ldk::lost::knock`]): on the user's word only, and a day after it, in
//! which it can be taken back and a gateway may see the installation alive.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use amplet_protocol::lost::{ListedChannel, LostPeerState};
use amplet_protocol::page::LostPeer;
use amplet_protocol::{ChannelId, NodeId};
use amplet_storage::{Store, StoreError, get_unless_damaged};
use amplet_transport::{ConnectError, PeerAddress};
use bitcoin::secp256k1::PublicKey;
use serde::{Deserialize, Serialize};

use super::{list, node_id, short};
use crate::base::Base;
use crate::ldk::lost::knock::{End, Heard, Knock};

/// Record of what is known of these peers.
const LOST_PEERS: &str = "node/lost_peers";

/// Time from the user's word, and from each sign of life of an installation, to the first request, in seconds: as long as gateways
/// wait by default.
const WAIT_SECS: u64 = 24 * 3600;
/// Time after which a peer that was not reached is tried again, in seconds.
const RETRY_SECS: u64 = 3600;
/// Time after which a peer that was reached is asked again, in seconds.
const AGAIN_SECS: u64 = 24 * 3600;

/// Time after init in which a peer that is known to have channels has to name the first.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same of one that may have none.
const LITTLE_PATIENCE: Duration = Duration::from_secs(5);

/// Bound of what is remembered, and of what is guessed of it.
const MAX_KNOWN: usize = 500;
const MAX_GUESSED: usize = 300;

/// A peer, and an installation that had channels with it, or may have had.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    node_id: NodeId,
    peer: NodeId,
    address: Option<String>,
    state: LostPeerState,
    #[serde(default)]
    tried_at: Option<u64>,
    /// Not asked before.
    #[serde(default)]
    next_at: u64,
    #[serde(default)]
    listed: Vec<ListedChannel>,
    #[serde(default)]
    asked: Vec<ChannelId>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Stored {
    v: u32,
    /// Time of the user's word.
    since: Option<u64>,
    /// Times at which a gateway said that an installation is alive.
    alive: BTreeMap<NodeId, u64>,
    /// Peers that are gateways.
    gateways: BTreeSet<NodeId>,
    known: Vec<Known>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Knocks {
    stored: Stored,
    /// Node ids of the lost installations, by their numbers.
    nodes: BTreeMap<u32, NodeId>,
    /// Connected peers that are no gateways.
    plain: BTreeSet<NodeId>,
    /// Configured addresses.
    addresses: BTreeMap<NodeId, String>,
}

impl Knocks {
    /// Reads what was known. A damaged record is passed over: lists come again, and who was asked is asked again, a day later.
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let bytes = get_unless_damaged(store, LOST_PEERS).await?;
        let stored = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Ok(Self { stored, ..Self::default() })
    }

    fn write(&self, base: &Base) {
        let stored = Stored { v: 1, ..self.stored.clone() };
        // Plain data: its serialization has no failing case.
        if let Ok(bytes) = serde_json::to_vec(&stored) {
            base.staged.put_deferred(LOST_PEERS, bytes);
            base.notify.notify();
        }
        base.changed();
    }

    /// The user has said, or taken back, that the installations are lost; staged.
    pub fn set_close(&mut self, base: &Base, close: bool) {
        let since = close.then(|| self.stored.since.unwrap_or_else(|| base.now()));
        if since != self.stored.since {
            self.stored.since = since;
            self.write(base);
        }
    }

    /// A peer with the feature bit of gateways has connected: it is never asked here.
    pub fn met_gateway(&mut self, base: &Base, peer: NodeId) {
        self.plain.remove(&peer);
        if base.ldk.lost.numbers().is_empty() {
            return;
        }
        let mut is_new = self.stored.gateways.insert(peer);
        // It tells for itself from now on.
        let named = |it: &&mut Known| it.peer == peer && it.state == LostPeerState::Gateway;
        for known in self.stored.known.iter_mut().filter(named) {
            known.state = LostPeerState::Untried;
            is_new = true;
        }
        if is_new {
            self.write(base);
        }
    }

    /// A peer without it has connected.
    pub fn met_plain(&mut self, peer: NodeId) {
        self.plain.insert(peer);
    }

    /// A peer has this address, as it was configured.
    pub fn address(&mut self, peer: NodeId, address: String) {
        self.addresses.insert(peer, address);
    }

    /// A gateway says that an installation is alive.
    pub fn seen_alive(&mut self, base: &Base, node: NodeId) {
        self.number(base);
        if self.nodes.values().any(|known| *known == node) {
            self.stored.alive.insert(node, base.now());
            self.write(base);
        }
    }

    /// An installation has listed these channels: what is known of their peers.
    pub fn learn(&mut self, base: &Base, node: NodeId, list: &[ListedChannel]) {
        let mut is_new = false;
        for peer in list.iter().map(|channel| channel.peer).collect::<BTreeSet<NodeId>>() {
            let listed: Vec<ListedChannel> = list.iter().filter(|it| it.peer == peer).cloned().collect();
            let Some(known) = self.known(node, peer) else { return };
            let address = listed.iter().find_map(|channel| channel.address.clone());
            is_new |= known.listed != listed || (address.is_some() && known.address != address);
            known.address = address.or(known.address.take());
            known.listed = listed;
        }
        if is_new {
            self.write(base);
        }
    }

    /// What is known of a peer and an installation; a new entry the first time. `None`: there is no room for one.
    fn known(&mut self, node_id: NodeId, peer: NodeId) -> Option<&mut Known> {
        let known = &mut self.stored.known;
        let at = known.iter().position(|it| it.node_id == node_id && it.peer == peer);
        if let Some(at) = at {
            return known.get_mut(at);
        }
        if known.len() >= MAX_KNOWN {
            return None;
        }
        known.push(Known {
            node_id,
            peer,
            address: None,
            state: LostPeerState::Untried,
            tried_at: None,
            next_at: 0,
            listed: Vec::new(),
            asked: Vec::new(),
        });
        known.last_mut()
    }

    /// The next peer that is to be asked now.
    pub fn next(&mut self, base: &Base) -> Option<Knock> {
        self.stored.since?;
        self.number(base);
        self.guess();
        let closed = closed(base);
        let now = base.now();
        let due =
            self.stored.known.iter().filter(|known| self.asks_at(known, &closed).is_some_and(|at| at <= now));
        let mut due: Vec<&Known> = due.collect();
        // What is known to be there first.
        due.sort_by_key(|known| (known.listed.is_empty(), known.tried_at));
        due.into_iter().find_map(|known| self.knock(known))
    }

    fn knock(&self, known: &Known) -> Option<Knock> {
        let (number, _) = self.nodes.iter().find(|(_, node)| **node == known.node_id)?;
        let peer = PublicKey::from_slice(&known.peer.0).ok()?;
        let patience = if known.listed.is_empty() { LITTLE_PATIENCE } else { PATIENCE };
        Some(Knock { number: *number, peer, address: self.address_of(known)?, patience })
    }

    /// Notes the node ids of the lost installations.
    fn number(&mut self, base: &Base) {
        for number in base.ldk.lost.numbers() {
            if number != base.ldk.signer.installation()
                && !self.nodes.contains_key(&number)
                && let Some(node) = base.ldk.signer.node_of(number)
            {
                self.nodes.insert(number, node_id(&node));
            }
        }
    }

    /// Any lost installation may have had channels with a configured peer that is no gateway.
    fn guess(&mut self) {
        let plain: Vec<NodeId> =
            self.plain.iter().filter(|peer| self.addresses.contains_key(peer)).copied().collect();
        let nodes: Vec<NodeId> = self.nodes.values().copied().collect();
        for peer in plain {
            for node in &nodes {
                if self.stored.known.len() < MAX_GUESSED {
                    self.known(*node, peer);
                }
            }
        }
    }

    /// Where a peer is dialled: as it was configured last, or as the installation has listed it.
    fn address_of(&self, known: &Known) -> Option<PeerAddress> {
        let configured = self.addresses.get(&known.peer).or(known.address.as_ref())?;
        let address: PeerAddress = configured.parse().ok()?;
        (address.node_id == known.peer).then_some(address)
    }

    /// Time from which on a peer is asked (seconds since the UNIX epoch); `None`: it is not, as things are.
    fn asks_at(&self, known: &Known, closed: &BTreeSet<ChannelId>) -> Option<u64> {
        if self.is_known_gateway(known) || known.is_closed(closed) || self.address_of(known).is_none() {
            return None;
        }
        let alive = self.stored.alive.get(&known.node_id).copied().unwrap_or(0);
        let believed = self.stored.since?.max(alive).saturating_add(WAIT_SECS);
        Some(believed.max(known.next_at))
    }

    fn is_known_gateway(&self, known: &Known) -> bool {
        self.stored.gateways.contains(&known.peer)
    }

    /// Returns whether the peer may still be told what it was connected for: the word stands, and no sign of life has come.
    pub fn may_tell(&self, base: &Base, knock: &Knock) -> bool {
        let Some(node) = self.nodes.get(&knock.number) else { return false };
        let peer = node_id(&knock.peer);
        let known = self.stored.known.iter().find(|it| it.node_id == *node && it.peer == peer);
        let at = known.and_then(|known| self.asks_at(known, &BTreeSet::new()));
        !base.staged.old_copy.is_set() && at.is_some_and(|at| at <= base.now())
    }

    /// Notes what came of asking a peer.
    pub fn heard(&mut self, base: &Base, knock: &Knock, heard: Result<Heard, ConnectError>) {
        let Some(node) = self.nodes.get(&knock.number).copied() else { return };
        let (now, peer) = (base.now(), node_id(&knock.peer));
        let (state, wait, asked, stored) = match heard {
            Ok(Heard { end, channels, stored }) => {
                let channels = channels.into_iter().map(|channel| ChannelId(channel.0)).collect();
                let (state, asked) = match end {
                    End::Told => (Some(LostPeerState::Asked), channels),
                    End::Silent => (Some(LostPeerState::Silent), Vec::new()),
                    End::HungUp => (Some(LostPeerState::HungUp), Vec::new()),
                    End::Gateway => (Some(LostPeerState::Gateway), Vec::new()),
                    End::Unwanted => (None, Vec::new()),
                };
                (state, AGAIN_SECS, asked, stored)
            }
            Err(error) => {
                log::info!("{}, as installation {}: {error}", knock.address, knock.number);
                (Some(LostPeerState::Unreachable), RETRY_SECS, Vec::new(), None)
            }
        };
        if state == Some(LostPeerState::Gateway) {
            self.stored.gateways.insert(peer);
        }
        if let (Some(known), Some(state)) = (self.known(node, peer), state) {
            log::info!(
                "{}, as installation {}: {state:?}, {} channels",
                knock.address,
                knock.number,
                asked.len()
            );
            (known.state, known.tried_at, known.next_at) = (state, Some(now), now.saturating_add(wait));
            known.asked.extend(asked);
            known.asked.sort_unstable();
            known.asked.dedup();
        }
        if let Some(listed) = stored.and_then(|sealed| read(base, knock.number, sealed)) {
            self.learn(base, node, &listed);
        }
        self.write(base);
    }

    /// What is known, for the user: of peers only that are known to have, or to have had, channels.
    pub fn peers(&self, base: &Base) -> Vec<LostPeer> {
        let closed = closed(base);
        let is_shown = |known: &&Known| {
            let has_channels = !known.listed.is_empty() || !known.asked.is_empty();
            has_channels && (!self.is_known_gateway(known) || known.state == LostPeerState::Gateway)
        };
        let shown = self.stored.known.iter().filter(is_shown).map(|known| LostPeer {
            node_id: known.node_id,
            peer: known.peer,
            address: self.addresses.get(&known.peer).or(known.address.as_ref()).cloned(),
            state: if known.is_closed(&closed) { LostPeerState::Closed } else { known.state },
            tried_at: known.tried_at,
            asks_at: self.asks_at(known, &closed),
            listed: known.listed.clone(),
            asked: known.asked.clone(),
        });
        shown.collect()
    }
}

impl Known {
    /// Returns whether all channels of which it is known are closed, as far as the chain shows.
    fn is_closed(&self, closed: &BTreeSet<ChannelId>) -> bool {
        let mut channels =
            self.listed.iter().map(|channel| channel.channel_id).chain(self.asked.iter().copied());
        let is_any = !self.listed.is_empty() || !self.asked.is_empty();
        is_any && channels.all(|channel| closed.contains(&channel))
    }
}

/// Channels of lost installations whose closes were found, by the ids that their fundings give them (BOLT 2, "channel_id").
fn closed(base: &Base) -> BTreeSet<ChannelId> {
    let found = base.ldk.lost.found();
    found.iter().filter_map(|found| short::id_of_funding(&found.funding)).collect()
}

/// The list that an installation has left with a peer.
fn read(base: &Base, number: u32, sealed: Vec<u8>) -> Option<Vec<ListedChannel>> {
    let (_, key) = base.ldk.signer.list_key(number)?;
    short::read(&list::open(sealed, &key)?)
}
