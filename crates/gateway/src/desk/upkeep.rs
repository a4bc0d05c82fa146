//! What the gateway does about its channels and peers unasked: it closes idle channels, makes room for new wallets, and reminds of those
//! that stay away too long.

use std::time::Duration;

use std::rc::Rc;
use std::sync::Arc;

use amplet_node::Node;
use amplet_protocol::{ChannelId, Msat};
use amplet_storage::Store;
use bitcoin::secp256k1::PublicKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{debug, info, warn};

use super::clock::unix_now;
use super::idle::{Idle, Seen};
use super::reminders::{Away, Reminders};
use super::strangers::{Stranger, to_drop};
use crate::config::Live;
use crate::limits::client_of;

/// Record of when something last moved in each channel.
const IDLE: &str = "gateway/idle_channels";

/// Interval between looks at the peers.
const PEERS_EVERY: Duration = Duration::from_secs(5);

/// Interval between looks at the channels, in looks at the peers: an hour.
const CHANNELS_EVERY: u32 = 720;

/// Interval between looks at the wallets that are away, in looks at the peers: a minute, which after a start those have who are on
/// their way back.
const AWAY_EVERY: u32 = 12;

const DAY_SECS: u64 = 24 * 3600;

/// Reads a record of the gateway's own; one that cannot be read begins anew.
pub(super) async fn read<T: Default + DeserializeOwned>(store: &dyn Store, name: &str) -> T {
    load(store, name)
        .await
        .unwrap_or_else(|error| {
            warn!(name, %error, "a record of the gateway cannot be read; it begins anew");
            None
        })
        .unwrap_or_default()
}

/// Reads a record of the gateway's own; `None`: there is none. The error says why it cannot be read.
pub(super) async fn load<T: DeserializeOwned>(store: &dyn Store, name: &str) -> Result<Option<T>, String> {
    match store.get(name).await {
        Ok(Some(bytes)) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        Ok(None) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Stages a record of the gateway's own for the node's next transaction.
pub(super) fn stage<T: Serialize>(node: &Node, name: &str, value: &T) {
    match serde_json::to_vec(value) {
        Ok(bytes) => node.ledger().stage(|batch| batch.put(name.to_owned(), bytes)),
        // Plain data: its serialization has no failing case.
        Err(error) => warn!(name, %error, "a record of the gateway is not stored"),
    }
}

/// Runs for as long as the node does.
pub(crate) async fn run(node: Node, store: Rc<dyn Store>, live: Arc<Live>) {
    let mut idle: Idle = read(&*store, IDLE).await;
    let mut strangers: Vec<PublicKey> = Vec::new();
    let mut reminders = Reminders::default();
    for look in 0_u32.. {
        make_room(&node, &mut strangers);
        if look > 0 && look.is_multiple_of(AWAY_EVERY) {
            remind(&node, &mut reminders);
        }
        let days = live.get().channels.close_idle_after_days;
        if look.is_multiple_of(CHANNELS_EVERY) && days > 0 {
            close_idle(&node, &mut idle, days.saturating_mul(DAY_SECS));
        }
        tokio::time::sleep(PEERS_EVERY).await;
    }
}

/// Hangs up on peers without a channel when there are too many; `known`: those of the last look, the oldest first.
fn make_room(node: &Node, known: &mut Vec<PublicKey>) {
    let present = node.peers().strangers();
    known.retain(|peer| present.contains(peer));
    let new: Vec<PublicKey> = present.into_iter().filter(|peer| !known.contains(peer)).collect();
    known.extend(new);
    let strangers: Vec<Stranger<PublicKey>> = known
        .iter()
        .map(|peer| Stranger { id: *peer, client: node.peers().address_of(peer).map(client_of) })
        .collect();
    for peer in to_drop(&strangers) {
        debug!(%peer, "disconnected, to make room for wallets that come");
        node.peers().disconnect(peer);
    }
}

/// Tells the operator of wallets whose owners should open them.
fn remind(node: &Node, reminders: &mut Reminders) {
    for Away { wallet, safe_until, blocks_left } in reminders.look(Away::all(node)) {
        match blocks_left {
            0 => warn!(
                %wallet, safe_until,
                "a wallet has stayed away for longer than the money in its channels is safe; tell its owner to open it at once"
            ),
            _ => warn!(
                %wallet, safe_until, blocks_left,
                "a wallet is away, and the money in its channels is safe for {blocks_left} more blocks, about {} hours; tell its owner to open it",
                blocks_left / 6
            ),
        }
    }
}

/// Closes channels that the gateway funded and in which nothing has moved for so long.
fn close_idle(node: &Node, idle: &mut Idle, limit_secs: u64) {
    let all = node.channels().list();
    let ours = || all.iter().filter(|channel| channel.is_outbound && !channel.is_announced);
    let seen: Vec<Seen> = ours()
        .map(|channel| Seen {
            id: ChannelId(channel.channel_id.0),
            ours_msat: Msat::up_to_max(channel.outbound_capacity_msat),
            usable: channel.is_usable,
        })
        .collect();
    let over = idle.look(&seen, unix_now(), limit_secs);
    let ids = ours().map(|channel| channel.channel_id);
    for id in ids.filter(|id| over.contains(&ChannelId(id.0))) {
        match node.channels().close(id, false) {
            Ok(()) => info!(channel = %id, "an idle channel is closed"),
            Err(error) => warn!(channel = %id, %error, "an idle channel could not be closed"),
        }
    }
    stage(node, IDLE, idle);
}
