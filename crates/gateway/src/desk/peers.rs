//! Persistent peers that the operator connected the gateway to, over restarts.

use amplet_node::Node;
use amplet_storage::{Batch, Store, StoreError};
use amplet_transport::PeerAddress;
use tracing::warn;

/// Prefix of the records, by node id; the value is the address.
const PEERS: &str = "gateway/peer/";

/// Stores a peer that was reached; its newest address counts.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn store(records: &dyn Store, address: &PeerAddress) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.put(format!("{PEERS}{}", address.node_id), address.to_string().into_bytes());
    records.commit(batch).await?.durable().await
}

/// Connects to all of them. One that cannot be read is logged and skipped.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn connect_all(store: &dyn Store, node: &Node) -> Result<(), StoreError> {
    for name in store.list(PEERS).await? {
        let bytes = match store.get(&name).await {
            Err(StoreError::Corrupt { .. }) => Vec::new(),
            other => other?.unwrap_or_default(),
        };
        let address = String::from_utf8(bytes).ok().and_then(|text| text.parse::<PeerAddress>().ok());
        match address.map(|address| node.peers().connect_persistently(address)) {
            Some(Ok(_)) => {}
            _ => warn!(name, "a stored peer cannot be read; tell the gateway its address again"),
        }
    }
    Ok(())
}
