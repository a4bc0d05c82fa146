//! Spends that earlier versions missed: they did not watch what a commitment pays while a closed wallet was brought to the tip. They
//! are looked for once, in the background, where the wallet stands ([`Chain::rescan`](amplet_chain::Chain::rescan)).

use amplet_storage::get_unless_damaged;

use super::NodeError;
use super::assemble::Parts;
use crate::ldk::staged::names;
use crate::ldk::types::Monitor;

/// Asks for the blocks in which a loaded monitor may have missed something, unless that was done before.
pub(super) async fn ask_once(parts: &Parts<'_>, loaded: &[Monitor]) -> Result<(), NodeError> {
    if get_unless_damaged(parts.store, names::MISSED_SPENDS).await?.is_some() {
        return Ok(());
    }
    if let Some(lowest) = loaded.iter().filter_map(first_block).min() {
        parts.chain.ask_rescan(lowest);
    }
    parts.staged.put_deferred(names::MISSED_SPENDS, Vec::new());
    Ok(())
}

/// The block from which a monitor may have missed something: that of its funding. `None` when it watches nothing but that, or waits
/// for nothing.
fn first_block(monitor: &Monitor) -> Option<u32> {
    if monitor.get_outputs_to_watch().len() < 2 || monitor.get_claimable_balances().is_empty() {
        return None;
    }
    let funding = monitor.get_funding_txo().txid;
    let confirmed = monitor.get_relevant_txids().into_iter().find(|(txid, ..)| *txid == funding);
    // Unknown for monitors that LDK wrote before 0.3: from the wallet's beginning on.
    Some(confirmed.map_or(0, |(_, height, _)| height))
}
