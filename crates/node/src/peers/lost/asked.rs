//! The gateway's side: what it was asked to close, and when it does.

use std::collections::BTreeMap;

use amplet_protocol::lost::{
    Answer, Claim, LostChannel, LostState, MAX_AGE_SECS, MAX_CHANNELS, MAX_LIST, MAX_NODES, MAX_NUMBERS,
    statement,
};
use amplet_protocol::{ChannelId, NodeId};
use amplet_storage::{Store, StoreError, get_unless_damaged};
use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::FromHex;
use bitcoin::secp256k1::ecdsa::Signature;
use bitcoin::secp256k1::{Message as Digest, PublicKey, Secp256k1, VerifyOnly};
use lightning::ln::channel_state::ChannelDetails;
use serde::{Deserialize, Serialize};

use super::node_id;
use crate::base::Base;
use crate::config::Role;

/// Record of what was asked.
const LOST_ASKED: &str = "node/lost_asked";

/// Records of lists of channels, by the node that has left it.
const LISTS: &str = "node/lost_list/";

/// Number of nodes in an answer: more than any wallet has.
const MAX_ANSWERS: usize = 8;
/// Time for which it is remembered what was closed, in seconds: until it is long on the chain.
const REMEMBERED_SECS: u64 = 60 * 24 * 3600;
/// Bound of what is remembered; beyond it the oldest is forgotten.
const MAX_REQUESTS: usize = 10_000;

/// The time in a question is more than a day off.
pub(super) struct WrongTime;

/// A wallet's question, as in [`amplet_protocol::lost::Message::Ask`].
pub(super) struct Question {
    pub time: u64,
    pub close: bool,
    pub number: u32,
    pub claims: Vec<Claim>,
}

/// A request to close the channels of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Request {
    /// Time of the request, in seconds since the UNIX epoch.
    asked_at: u64,
    /// Time at which the node itself was connected last, since then.
    #[serde(default)]
    seen_at: u64,
    /// Time at which its channels were closed.
    #[serde(default)]
    closed_at: Option<u64>,
    /// These.
    #[serde(default)]
    closed: Vec<LostChannel>,
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    v: u32,
    requests: BTreeMap<NodeId, Request>,
    /// Numbers of further installations, by the node id of the first.
    #[serde(default)]
    numbers: BTreeMap<NodeId, Vec<u32>>,
}

/// A list of channels that a node has left.
#[derive(Clone, Serialize, Deserialize)]
struct Left {
    /// The node's clock then, in seconds since the UNIX epoch.
    time: u64,
    list: String,
}

/// See the module.
pub(super) struct Asked {
    requests: BTreeMap<NodeId, Request>,
    numbers: BTreeMap<NodeId, Vec<u32>>,
    lists: BTreeMap<NodeId, Left>,
    secp: Secp256k1<VerifyOnly>,
}

impl Asked {
    /// Reads what was asked before. A damaged record is passed over: whoever asked asks again.
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let bytes = get_unless_damaged(store, LOST_ASKED).await?;
        let stored: Stored = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let mut lists = BTreeMap::new();
        for name in store.list(LISTS).await? {
            let bytes = get_unless_damaged(store, &name).await?.unwrap_or_default();
            let node = name.strip_prefix(LISTS).and_then(|hex| NodeId::from_hex(hex).ok());
            // One that cannot be read comes again with the next connection.
            if let (Some(node), Ok(left)) = (node, serde_json::from_slice(&bytes)) {
                lists.insert(node, left);
            }
        }
        let Stored { requests, numbers, .. } = stored;
        Ok(Self { requests, numbers, lists, secp: Secp256k1::verification_only() })
    }

    /// Keeps a node's list of its channels; of one without a channel here nothing, so that a stranger fills no disk.
    pub fn keep(&mut self, base: &Base, peer: &PublicKey, time: u64, list: String) {
        let id = node_id(peer);
        let is_newer = self.lists.get(&id).is_none_or(|left| time > left.time && list != left.list);
        if !is_newer || list.len() > MAX_LIST || channels_with(base, peer).is_empty() {
            return;
        }
        let left = Left { time, list };
        // Plain data: its serialization has no failing case.
        if let Ok(bytes) = serde_json::to_vec(&left) {
            base.staged.put_lazily(format!("{LISTS}{id}"), bytes);
            base.notify.notify();
        }
        self.lists.insert(id, left);
    }

    fn write(&self, base: &Base) {
        let stored = Stored { v: 1, requests: self.requests.clone(), numbers: self.numbers.clone() };
        // Plain data: its serialization has no failing case.
        if let Ok(bytes) = serde_json::to_vec(&stored) {
            base.staged.put_deferred(LOST_ASKED, bytes);
            base.notify.notify();
        }
    }

    /// A node has connected or hung up: it is not lost.
    pub fn seen(&mut self, base: &Base, peer: &PublicKey) {
        let now = base.now();
        let Some(request) = self.requests.get_mut(&node_id(peer)) else { return };
        if request.closed_at.is_none() {
            log::warn!("{peer}, whose channels were to be closed as a lost wallet's, is connected");
            request.seen_at = now;
            self.write(base);
        }
    }

    /// Answers a question, and takes or drops the request to close that is in it. `Err`: its time is wrong.
    pub fn answer(
        &mut self,
        base: &Base,
        asker: &PublicKey,
        Question { time, close, number, claims }: Question,
    ) -> Result<Vec<Answer>, WrongTime> {
        if base.now().abs_diff(time) > MAX_AGE_SECS {
            return Err(WrongTime);
        }
        let has_channel = !channels_with(base, asker).is_empty();
        let (us, asker) = (node_id(&base.ldk.node_id()), node_id(asker));
        let mut answers = Vec::new();
        for (at, claim) in claims.iter().take(MAX_NODES).enumerate() {
            let text = statement(&us, &asker, &claim.node_id, time, close);
            let Some(node) = self.prove(claim, &text) else {
                log::warn!("{asker} has no proof of the key of {}", claim.node_id);
                continue;
            };
            if at == 0 && has_channel {
                self.keep_number(base, claim.node_id, number);
            }
            answers.extend(self.answer_on(base, &node, close));
        }
        answers.truncate(MAX_ANSWERS);
        Ok(answers)
    }

    /// Keeps the number of an installation that has a channel here, for when it is lost.
    fn keep_number(&mut self, base: &Base, first: NodeId, number: u32) {
        let numbers = self.numbers.entry(first).or_default();
        if !numbers.contains(&number) {
            numbers.push(number);
            let surplus = numbers.len().saturating_sub(MAX_NUMBERS);
            numbers.drain(..surplus);
            self.write(base);
        }
    }

    /// The node whose key has signed the text.
    fn prove(&self, claim: &Claim, text: &str) -> Option<PublicKey> {
        let node = PublicKey::from_slice(&claim.node_id.0).ok()?;
        let bytes = <[u8; 64]>::from_hex(&claim.signature).ok()?;
        let signature = Signature::from_compact(&bytes).ok()?;
        let digest = Digest::from_digest(sha256::Hash::hash(text.as_bytes()).to_byte_array());
        self.secp.verify_ecdsa(&digest, &signature, &node).ok()?;
        Some(node)
    }

    fn answer_on(&mut self, base: &Base, node: &PublicKey, close: bool) -> Option<Answer> {
        let id = node_id(node);
        let open = channels_with(base, node);
        let is_closed = self.requests.get(&id).is_some_and(|request| request.closed_at.is_some());
        if !open.is_empty() && !is_closed && close != self.requests.contains_key(&id) {
            if close {
                log::warn!("{node} is said to be lost, by whoever has its key: its channels will be closed");
                let request =
                    Request { asked_at: base.now(), seen_at: 0, closed_at: None, closed: Vec::new() };
                self.requests.insert(id, request);
                self.forget_oldest();
            } else {
                self.requests.remove(&id);
            }
            self.write(base);
            // At once, where there is no time to wait.
            self.close_due(base);
        }
        let list = self.lists.get(&id).map(|left| left.list.clone());
        let numbers = self.numbers.get(&id).cloned().unwrap_or_default();
        let request = self.requests.get(&id);
        let (state, closes_at) = match request {
            Some(Request { closed_at: Some(_), closed, .. }) => {
                let (state, closes_at, channels) = (LostState::Closed, None, closed.clone());
                return Some(Answer { node_id: id, state, closes_at, channels, numbers, list });
            }
            _ if open.is_empty() && numbers.is_empty() => return None,
            _ if base.ldk.messages.is_connected(node) => (LostState::InUse, None),
            Some(request) => (LostState::Closing, Some(due(base, request))),
            None => (LostState::Open, None),
        };
        Some(Answer { node_id: id, state, closes_at, channels: open, numbers, list })
    }

    fn forget_oldest(&mut self) {
        while self.requests.len() > MAX_REQUESTS {
            let oldest = self.requests.iter().min_by_key(|(_, request)| request.asked_at);
            let Some(oldest) = oldest.map(|(id, _)| *id) else { return };
            self.requests.remove(&oldest);
        }
    }

    /// Closes the channels of nodes that were not seen for long enough after it was asked for.
    pub fn close_due(&mut self, base: &Base) {
        if base.staged.old_copy.is_set() || base.staged.check().is_err() {
            return;
        }
        let now = base.now();
        let before = self.requests.len();
        self.requests.retain(|_, it| it.closed_at.is_none_or(|at| now < at.saturating_add(REMEMBERED_SECS)));
        let mut is_changed = self.requests.len() != before;
        for (id, request) in &mut self.requests {
            let Ok(node) = PublicKey::from_slice(&id.0) else { continue };
            let is_due = request.closed_at.is_none() && now >= due(base, request);
            if is_due && !base.ldk.messages.is_connected(&node) {
                request.closed = close(base, &node);
                request.closed_at = Some(now);
                is_changed = true;
            }
        }
        if is_changed {
            self.write(base);
        }
    }
}

/// Time at which what was asked for is done, in seconds since the UNIX epoch.
fn due(base: &Base, request: &Request) -> u64 {
    let wait = match &base.config.role {
        Role::Gateway(forwarding) => forwarding.close_lost_after.as_secs(),
        Role::Wallet => 0,
    };
    request.asked_at.max(request.seen_at).saturating_add(wait)
}

/// Channels with a node whose funding is signed.
fn channels_with(base: &Base, node: &PublicKey) -> Vec<LostChannel> {
    let channels = base.ldk.manager.list_channels_with_counterparty(node);
    let funded = channels.iter().filter(|channel| channel.funding_txo.is_some());
    funded.take(MAX_CHANNELS).map(described).collect()
}

fn described(channel: &ChannelDetails) -> LostChannel {
    let reserve = channel.counterparty.unspendable_punishment_reserve;
    LostChannel {
        channel_id: ChannelId(channel.channel_id.0),
        capacity_sat: channel.channel_value_satoshis,
        wallet_sat: (channel.inbound_capacity_msat / 1000).saturating_add(reserve),
    }
}

/// Closes all channels with a node by force; returns those that it had.
fn close(base: &Base, node: &PublicKey) -> Vec<LostChannel> {
    let mut closed = Vec::new();
    for channel in base.ldk.manager.list_channels_with_counterparty(node) {
        let id = channel.channel_id;
        let reason = "the wallet is lost, and its user asked to close".to_owned();
        match base.ldk.manager.force_close_broadcasting_latest_txn(&id, node, reason) {
            Ok(()) => {
                log::warn!("channel {id} with {node} is closed: the wallet is lost, its user asked for it");
                closed.push(described(&channel));
            }
            Err(error) => log::error!("channel {id} of a lost wallet could not be closed: {error:?}"),
        }
    }
    closed.truncate(MAX_CHANNELS);
    base.notify.notify();
    closed
}
