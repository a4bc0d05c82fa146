//! A wallet's list of its channels, which gateways keep for it, encrypted with LDK's key for peer storage.
//!
//! BOLT 1's own `peer_storage` is LDK's in this release: it keeps a kilobyte for others and gives nobody a list of its own to read back.

use amplet_protocol::lost::{ListedChannel, MAX_LIST, MAX_LISTED};
use amplet_protocol::{ChannelId, NodeId};
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use bitcoin::hex::{DisplayHex, FromHex};
use bitcoin::secp256k1::PublicKey;
use lightning::ln::our_peer_storage::{DecryptedOurPeerStorage, EncryptedOurPeerStorage};
use lightning::sign::PeerStorageKey;

use crate::base::Base;

/// The present list; empty where there is no channel. `address`: that of a peer, as far as it is known.
pub(super) fn listed(base: &Base, address: impl Fn(&PublicKey) -> Option<String>) -> Vec<ListedChannel> {
    let channels = base.ldk.manager.list_channels();
    let listed = channels.iter().filter_map(|channel| {
        let peer = channel.counterparty.node_id;
        let funding = channel.funding_txo?.into_bitcoin_outpoint();
        Some(ListedChannel {
            peer: NodeId(peer.serialize()),
            address: address(&peer),
            channel_id: ChannelId(channel.channel_id.0),
            funding: funding.to_string(),
            capacity_sat: channel.channel_value_satoshis,
        })
    });
    let mut listed: Vec<ListedChannel> = listed.collect();
    listed.sort_unstable_by_key(|channel| channel.channel_id);
    listed.truncate(MAX_LISTED);
    listed
}

/// Encrypts a list: the same one always in the same way, so that the gateway writes it once. `seed`: a secret that makes it so.
pub(super) fn encrypt(list: &[ListedChannel], key: &PeerStorageKey, seed: &[u8; 32]) -> Option<String> {
    let bytes = serde_json::to_vec(list).ok()?;
    let mut engine = HmacEngine::<sha256::Hash>::new(seed);
    engine.input(&bytes);
    let random = Hmac::<sha256::Hash>::from_engine(engine).to_byte_array();
    let hex = DecryptedOurPeerStorage::new(bytes).encrypt(key, &random).into_vec().to_lower_hex_string();
    (hex.len() <= MAX_LIST).then_some(hex)
}

/// Reads a list; `None`: it is not this key's.
pub(super) fn decrypt(hex: &str, key: &PeerStorageKey) -> Option<Vec<ListedChannel>> {
    let cipher = EncryptedOurPeerStorage::new(Vec::from_hex(hex).ok()?).ok()?;
    serde_json::from_slice(&cipher.decrypt(key).ok()?.into_vec()).ok()
}
