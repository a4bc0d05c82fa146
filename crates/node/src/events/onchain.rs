//! What blocks and closed channels mean for the savings.

use std::rc::Rc;

use amplet_protocol::page::{Direction, EventKind, Payment, PaymentKind, PaymentStatus};
use bitcoin::secp256k1::PublicKey;
use bitcoin::{Block, Txid};
use lightning::events::ReplayEvent;
use lightning::ln::types::ChannelId;
use lightning::sign::SpendableOutputDescriptor;

use crate::inner::Inner;
use crate::onchain::Confirmed;

/// A closed channel left outputs that need our signature to come home. What pays to the savings directly is there already.
pub(super) fn spendable(
    inner: &Inner,
    outputs: Vec<SpendableOutputDescriptor>,
    channel: Option<ChannelId>,
    peer: Option<PublicKey>,
) -> Result<(), ReplayEvent> {
    inner.ldk.sweeper.track_spendable_outputs(outputs, channel, peer, true, None).map_err(|()| {
        log::error!("the outputs of {channel:?} could not be tracked; tried again");
        ReplayEvent()
    })
}

/// A block was connected: note what it did to the savings.
pub(crate) fn block(inner: &Rc<Inner>, block: &Block, height: u32) {
    for confirmed in inner.onchain.take_confirmed() {
        note(inner, &confirmed);
    }
    log::debug!("block {height} ({}) connected", block.block_hash());
}

fn note(inner: &Rc<Inner>, confirmed: &Confirmed) {
    let txid = confirmed.tx.compute_txid();
    let id = txid.to_string();
    let known = inner.ledger.pending(&id);
    if known.is_none() && inner.ledger.contains(&id) {
        let again = confirmed_again(Rc::clone(inner), id, confirmed.time);
        return inner.platform.spawn(Box::pin(again));
    }
    succeeded(inner, known.unwrap_or_else(|| unknown(inner, confirmed, txid)), confirmed.time);
}

/// A transaction that had ended before: confirmed in a block that a reorganisation replaced, or given up too early.
async fn confirmed_again(inner: Rc<Inner>, id: String, time: u64) {
    match inner.ledger.payment(&*inner.store, &id).await {
        Ok(Some(payment)) if payment.status != PaymentStatus::Succeeded => succeeded(&inner, payment, time),
        Ok(_) => {}
        Err(error) => log::error!("the history of {id}: {error}"),
    }
}

fn succeeded(inner: &Inner, mut payment: Payment, time: u64) {
    payment.status = PaymentStatus::Succeeded;
    payment.settled_at = Some(time);
    inner.ledger.put(payment.clone());
    if payment.direction == Direction::Inbound {
        inner.ledger.raise(inner.now(), EventKind::DepositConfirmed { payment: Box::new(payment) });
    }
    inner.wake.wake();
}

/// A transaction that this installation did not make: a deposit, a channel's close, or another installation's payment.
fn unknown(inner: &Inner, confirmed: &Confirmed, txid: Txid) -> Payment {
    let inbound = confirmed.received_sat >= confirmed.sent_sat;
    let amount_sat = confirmed.received_sat.abs_diff(confirmed.sent_sat);
    let from_channel = inner.is_from_channel(&confirmed.tx);
    let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
    let kind = if from_channel { PaymentKind::ChannelClose } else { PaymentKind::Onchain };
    Payment {
        amount_msat: amount_sat.checked_mul(1000),
        fee_msat: inbound.then_some(0),
        ..Payment::onchain(txid.to_string(), direction, kind, confirmed.time)
    }
}
