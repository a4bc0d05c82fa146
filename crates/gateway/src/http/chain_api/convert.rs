//! From bitcoind's JSON to bytes.

use bitcoin::hashes::Hash;
use bitcoin::hex::FromHex;
use bitcoin::{BlockHash, Network};
use bytes::Bytes;
use serde_json::Value;

use super::rpc::RpcError;

pub(super) fn bytes_of(hex: &str) -> Result<Bytes, RpcError> {
    Vec::from_hex(hex).map(Bytes::from).map_err(|e| malformed(&e.to_string()))
}

pub(super) fn hash_of(text: &str) -> Result<BlockHash, RpcError> {
    text.parse().map_err(|_| malformed("no block hash"))
}

pub(super) fn malformed(what: &str) -> RpcError {
    RpcError::Malformed(what.to_string())
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, RpcError> {
    serde_json::from_value(value).map_err(|e| malformed(&e.to_string()))
}

pub(super) fn take<const N: usize>(values: Vec<Value>) -> Result<[Value; N], RpcError> {
    values.try_into().map_err(|_| malformed("too few answers"))
}

/// The parent's hash in a header.
pub(super) fn previous(header: &[u8]) -> Option<BlockHash> {
    Some(BlockHash::from_byte_array(header.get(4..36)?.try_into().ok()?))
}

pub(super) fn chain_name(network: Network) -> &'static str {
    match network {
        Network::Bitcoin => "mainnet",
        Network::Testnet => "testnet3",
        Network::Testnet4 => "testnet4",
        Network::Signet => "signet",
        Network::Regtest => "regtest",
    }
}
