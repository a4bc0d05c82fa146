//! The parts of payments as they leave and end: the history's record of them.

use std::cell::RefCell;

use amplet_protocol::page::{PartHop, PartState, Payment, PaymentPart};
use lightning::ln::channelmanager::PaymentId;
use lightning::routing::router::Path;
use lightning::util::scid_utils::{block_from_scid, tx_index_from_scid, vout_from_scid};

use crate::inner::Inner;

/// Parts that a payment's record keeps; of more, failed ones are dropped, the oldest first.
const MOST_KEPT: usize = 200;

/// Parts that the router planned and that no record has yet.
#[derive(Default)]
pub struct Planned(RefCell<Vec<(PaymentId, PaymentPart)>>);

impl Planned {
    /// Adds parts that are about to leave.
    pub fn add(&self, id: PaymentId, parts: impl Iterator<Item = PaymentPart>) {
        self.0.borrow_mut().extend(parts.map(|part| (id, part)));
    }

    /// Takes those of one payment.
    pub fn take(&self, id: PaymentId) -> Vec<PaymentPart> {
        self.0.borrow_mut().extract_if(.., |(of, _)| *of == id).map(|(_, part)| part).collect()
    }

    fn ids(&self) -> Vec<PaymentId> {
        let mut ids: Vec<_> = self.0.borrow().iter().map(|(id, _)| *id).collect();
        ids.dedup();
        ids
    }
}

/// A path as the history shows it.
pub fn describe(path: &Path, probability: f64) -> PaymentPart {
    PaymentPart {
        path: hops(path),
        amount_msat: path.final_value_msat(),
        fee_msat: path.fee_msat(),
        state: PartState::Pending,
        // Between 0 and a million: exact.
        probability_ppm: Some((probability.clamp(0.0, 1.0) * 1e6) as u32),
        failed_at: None,
    }
}

fn hops(path: &Path) -> Vec<PartHop> {
    let hop = |hop: &lightning::routing::router::RouteHop| PartHop {
        channel: scid_text(hop.short_channel_id),
        node: hop.pubkey.to_string(),
    };
    path.hops.iter().map(hop).collect()
}

fn scid_text(scid: u64) -> String {
    format!("{}x{}x{}", block_from_scid(scid), tx_index_from_scid(scid), vout_from_scid(scid))
}

/// Moves what was planned since the last call to the payments' records.
pub(crate) fn stage(inner: &Inner) {
    let planned = &inner.ldk.router.planned;
    for id in planned.ids() {
        let parts = planned.take(id);
        if let Some(mut payment) = inner.ledger.pending(&hex(id)) {
            add(&mut payment, parts);
            inner.ledger.put(payment);
        }
    }
}

fn hex(id: PaymentId) -> String {
    hex_conservative::DisplayHex::to_lower_hex_string(&id.0)
}

fn add(payment: &mut Payment, parts: Vec<PaymentPart>) {
    payment.parts.extend(parts);
    let mut surplus = payment.parts.len().saturating_sub(MOST_KEPT);
    payment.parts.retain(|part| {
        let drop = surplus > 0 && part.state == PartState::Failed;
        surplus = surplus.saturating_sub(usize::from(drop));
        !drop
    });
}

/// Notes that a part came back. The record of a payment that has ended knows already.
pub(crate) fn failed(inner: &Inner, id: PaymentId, path: &Path, channel: Option<u64>) {
    stage(inner);
    let Some(mut payment) = inner.ledger.pending(&hex(id)) else { return };
    let (hops, amount_msat) = (hops(path), path.final_value_msat());
    let is_it = |part: &&mut PaymentPart| {
        part.state == PartState::Pending && part.amount_msat == amount_msat && part.path == hops
    };
    let Some(part) = payment.parts.iter_mut().find(is_it) else { return };
    part.state = PartState::Failed;
    let place = channel.and_then(|scid| path.hops.iter().position(|hop| hop.short_channel_id == scid));
    part.failed_at = place.and_then(|place| u32::try_from(place).ok());
    inner.ledger.put(payment);
}

/// Gives all undecided parts the payment's own end: with the proof in hand the payee has or gets them all, and a payment
/// that failed has no part in flight.
pub(crate) fn end(payment: &mut Payment, state: PartState) {
    payment
        .parts
        .iter_mut()
        .filter(|part| part.state == PartState::Pending)
        .for_each(|part| part.state = state);
}

/// Channels crossed by the longest part that succeeded.
pub(crate) fn longest(payment: &Payment) -> Option<u32> {
    let succeeded = payment.parts.iter().filter(|part| part.state == PartState::Succeeded);
    succeeded.map(|part| part.path.len()).max().and_then(|hops| u32::try_from(hops).ok())
}
