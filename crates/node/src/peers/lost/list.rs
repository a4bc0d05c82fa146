//! A wallet's list of its channels, which gateways keep for it, and other peers in a short form ([`super::short`]), encrypted with
//! LDK's key for peer storage.

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

/// Encrypts a list for gateways: JSON, in hex.
pub(super) fn encrypt(list: &[ListedChannel], key: &PeerStorageKey, seed: &[u8; 32]) -> Option<String> {
    let hex = seal(serde_json::to_vec(list).ok()?, key, seed).to_lower_hex_string();
    (hex.len() <= MAX_LIST).then_some(hex)
}

/// Reads a list that a gateway has kept; `None`: it is not this key's.
pub(super) fn decrypt(hex: &str, key: &PeerStorageKey) -> Option<Vec<ListedChannel>> {
    serde_json::from_slice(&open(Vec::from_hex(hex).ok()?, key)?).ok()
}

/// Encrypts: the same bytes always in the same way, so that whoever keeps them writes them once. `seed`: a secret that makes it so.
pub(super) fn seal(bytes: Vec<u8>, key: &PeerStorageKey, seed: &[u8; 32]) -> Vec<u8> {
    let mut engine = HmacEngine::<sha256::Hash>::new(seed);
    engine.input(&bytes);
    let random = Hmac::<sha256::Hash>::from_engine(engine).to_byte_array();
    DecryptedOurPeerStorage::new(bytes).encrypt(key, &random).into_vec()
}

/// Decrypts; `None`: it is not this key's.
pub(super) fn open(sealed: Vec<u8>, key: &PeerStorageKey) -> Option<Vec<u8>> {
    Some(EncryptedOurPeerStorage::new(sealed).ok()?.decrypt(key).ok()?.into_vec())
}
