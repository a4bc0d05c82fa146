//! Parts in a payment's record: how they leave and end.

use amplet_protocol::Msat;
use amplet_protocol::page::{PartState, Payment, PaymentPart};
use lightning::routing::router::Path;

use crate::ldk::routing::parts::hops;

/// Maximum number of parts in a record; of more, failed ones are dropped, the oldest first.
const MAX_RECORDED: usize = 200;

/// Adds parts.
pub(super) fn add(payment: &mut Payment, parts: Vec<PaymentPart>) {
    payment.parts.extend(parts);
    let mut surplus = payment.parts.len().saturating_sub(MAX_RECORDED);
    payment.parts.retain(|part| {
        let drop = surplus > 0 && part.state == PartState::Failed;
        surplus = surplus.saturating_sub(usize::from(drop));
        !drop
    });
}

/// Marks the part on `path` as failed at `channel`; returns whether there is one.
pub(super) fn fail(payment: &mut Payment, path: &Path, channel: Option<u64>) -> bool {
    let (hops, amount_msat) = (hops(path), Msat::up_to_max(path.final_value_msat()));
    let is_it = |part: &&mut PaymentPart| {
        part.state == PartState::Pending && part.amount_msat == amount_msat && part.path == hops
    };
    let Some(part) = payment.parts.iter_mut().find(is_it) else { return false };
    part.state = PartState::Failed;
    let place = channel.and_then(|scid| path.hops.iter().position(|hop| hop.short_channel_id == scid));
    part.failed_at = place.and_then(|place| u32::try_from(place).ok());
    true
}

/// Gives all undecided parts the payment's own end: with the proof in hand the payee has or gets them all, and of a payment
/// that failed no part is in flight.
pub(super) fn end(payment: &mut Payment, state: PartState) {
    payment
        .parts
        .iter_mut()
        .filter(|part| part.state == PartState::Pending)
        .for_each(|part| part.state = state);
}

/// Channels crossed by the longest part that succeeded.
pub(super) fn longest(payment: &Payment) -> Option<u32> {
    let succeeded = payment.parts.iter().filter(|part| part.state == PartState::Succeeded);
    succeeded.map(|part| part.path.len()).max().and_then(|hops| u32::try_from(hops).ok())
}
