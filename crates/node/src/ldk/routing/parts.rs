//! Parts of payments as the history shows them.

use amplet_protocol::Msat;
use amplet_protocol::page::{PartHop, PartState, PaymentPart};
use lightning::routing::router::{Path, RouteHop};
use lightning::util::scid_utils::{block_from_scid, tx_index_from_scid, vout_from_scid};

use super::request::node_id;

/// A path about to be used.
pub(crate) fn describe(path: &Path, probability: f64) -> PaymentPart {
    PaymentPart {
        path: hops(path),
        amount_msat: Msat::up_to_max(path.final_value_msat()),
        fee_msat: Msat::up_to_max(path.fee_msat()),
        state: PartState::Pending,
        // Between 0 and a million: exact.
        probability_ppm: Some((probability.clamp(0.0, 1.0) * 1e6) as u32),
        failed_at: None,
    }
}

/// Channels and nodes of a path.
pub(crate) fn hops(path: &Path) -> Vec<PartHop> {
    let hop =
        |hop: &RouteHop| PartHop { channel: scid_text(hop.short_channel_id), node: node_id(&hop.pubkey) };
    path.hops.iter().map(hop).collect()
}

fn scid_text(scid: u64) -> String {
    format!("{}x{}x{}", block_from_scid(scid), tx_index_from_scid(scid), vout_from_scid(scid))
}
