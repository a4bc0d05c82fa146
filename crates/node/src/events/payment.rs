//! Events of payments.

use amplet_protocol::page::{
    Direction, ErrorCode, EventKind, PartState, Payment, PaymentKind, PaymentStatus, WalletError,
};
use hex_conservative::DisplayHex;
use lightning::events::{PathFailure, PaymentFailureReason, PaymentPurpose};
use lightning::ln::channelmanager::PaymentId;
use lightning::routing::router::Path;
use lightning::types::payment::{PaymentHash, PaymentPreimage};

use crate::budgets::Spent;
use crate::inner::Inner;
use crate::keysend::{InboundKeysend, Records, shown};
use crate::routing::explain::no_route;
use crate::routing::parts;
use crate::streams::End;
use crate::streams::receive::{self, session_of};

/// Days an unpaid invoice stays visible after it expired: none; it moves to the history at once, as failed.
const EXPIRED: &str = "nobody paid this invoice before it expired; make a new one";

/// What LDK says of a part that came back.
pub(super) struct FailedPath {
    pub id: Option<PaymentId>,
    pub path: Path,
    /// The channel that did not carry it.
    pub channel: Option<u64>,
    /// The payee had it and does not want it.
    pub rejected: bool,
    pub failure: PathFailure,
}

/// Money that has arrived and waits to be taken.
pub(super) struct Claimable {
    pub hash: PaymentHash,
    pub amount_msat: u64,
    pub purpose: PaymentPurpose,
    pub records: Records,
}

/// Money has arrived: take it, or send it back.
pub(super) fn claimable(inner: &Inner, money: Claimable) {
    let id = money.hash.0.to_lower_hex_string();
    let known = match money.purpose {
        PaymentPurpose::SpontaneousPayment(_) => keysend(inner, &id, &money),
        // Each payment of an offer of ours has a hash of its own, and is heard of first when it is there.
        PaymentPurpose::Bolt12OfferPayment { .. } if !inner.ledger.contains(&id) => {
            note(inner, &id, &money, PaymentKind::Offer);
            true
        }
        // Paid twice: the payer gets it back.
        _ => !inner.ledger.has_ended(&id),
    };
    match money.purpose.preimage().filter(|_| known) {
        Some(preimage) => {
            log::info!("payment {id}: {} msat can be claimed", money.amount_msat);
            inner.ldk.manager.claim_funds(preimage);
        }
        None => {
            log::warn!("payment {id}: sent back");
            inner.ldk.manager.fail_htlc_backwards(&money.hash);
        }
    }
}

/// Notes a payment that nobody asked for; whether it is taken.
fn keysend(inner: &Inner, id: &str, money: &Claimable) -> bool {
    let amount_msat = money.amount_msat;
    let records = money.records.clone();
    // An even record that nobody here understands must not be ignored (BOLT 1, "It's ok to be odd").
    let is_odd = money.records.iter().all(|(record_type, _)| record_type % 2 == 1);
    let Ok(session) = session_of(&records) else { return false };
    let offered = InboundKeysend { amount_msat, session, records };
    if let Some(session) = offered.session.as_deref().filter(|_| is_odd) {
        return receive::claimable(inner, id, session, &offered);
    }
    // A preimage used before was known to every node on the way.
    if !is_odd || inner.ledger.has_ended(id) || !(inner.config.accept_keysend)(&offered) {
        return false;
    }
    note(inner, id, money, PaymentKind::Keysend);
    true
}

/// The line of a payment that had none.
fn note(inner: &Inner, id: &str, money: &Claimable, kind: PaymentKind) {
    inner.ledger.put(Payment {
        amount_msat: Some(money.amount_msat),
        records: shown(money.records.iter()),
        ..Payment::begun(id.to_owned(), Direction::Inbound, kind, inner.now())
    });
}

/// The money is ours.
pub(super) fn claimed(inner: &Inner, hash: PaymentHash, amount_msat: u64, purpose: &PaymentPurpose) {
    let id = hash.0.to_lower_hex_string();
    let now = inner.now();
    if inner.ledger.stream_ends(&id, End::Arrived { fee_msat: 0 }) {
        return;
    }
    let Some(mut payment) = inner.ledger.pending(&id) else {
        // Told again after a restart: LDK repeats events whose handling it does not know to be durable.
        log::info!("payment {id}: claimed {amount_msat} msat, known already");
        return;
    };
    payment.status = PaymentStatus::Succeeded;
    payment.amount_msat = Some(amount_msat);
    payment.fee_msat = Some(0);
    payment.preimage = purpose.preimage().map(|preimage| preimage.0.to_lower_hex_string());
    payment.settled_at = Some(now);
    inner.ledger.put(payment.clone());
    inner.ledger.raise(now, EventKind::PaymentReceived { payment: Box::new(payment) });
}

/// A payment of ours succeeded: here is the proof.
pub(super) fn sent(
    inner: &Inner,
    id: Option<PaymentId>,
    hash: PaymentHash,
    preimage: PaymentPreimage,
    fee_msat: Option<u64>,
) {
    let id = id.map_or(hash.0, |id| id.0);
    inner.ldk.router.forget(PaymentId(id));
    if stream_sent(inner, &id.to_lower_hex_string(), fee_msat) {
        return;
    }
    end(inner, &id.to_lower_hex_string(), |payment| {
        payment.status = PaymentStatus::Succeeded;
        payment.fee_msat = fee_msat;
        payment.preimage = Some(preimage.0.to_lower_hex_string());
        parts::end(payment, PartState::Succeeded);
        payment.hops = parts::longest(payment);
    });
}

/// A payment of a stream arrived; whether it was one.
fn stream_sent(inner: &Inner, id: &str, fee_msat: Option<u64>) -> bool {
    if !inner.ledger.streams.has(id) {
        return false;
    }
    // As for its budget: an unknown fee counts as the greatest one.
    let reserved = inner.ledger.budgets.reserved(id).map_or(0, |cost| cost.fee.get());
    inner.ledger.settle(id, Some(Spent { amount_msat: None, fee_msat }));
    inner.ledger.stream_ends(id, End::Arrived { fee_msat: fee_msat.unwrap_or(reserved) })
}

/// A payment of ours failed for good; no funds were sent.
pub(super) fn failed(inner: &Inner, id: PaymentId, reason: Option<PaymentFailureReason>) {
    let error = explain(inner, id, reason);
    inner.ldk.router.forget(id);
    let hash = id.0.to_lower_hex_string();
    if inner.ledger.streams.has(&hash) {
        inner.ledger.settle(&hash, None);
        inner.ledger.stream_ends(&hash, End::CameBack(error));
        return;
    }
    end(inner, &hash, |payment| {
        payment.status = PaymentStatus::Failed { error };
        parts::end(payment, PartState::Failed);
    });
}

fn end(inner: &Inner, id: &str, change: impl FnOnce(&mut Payment)) {
    parts::stage(inner);
    let now = inner.now();
    let duration = inner.elapsed_ms(id);
    let Some(mut payment) = inner.ledger.pending(id) else {
        log::info!("payment {id}: its end is known already");
        return;
    };
    change(&mut payment);
    payment.settled_at = Some(now);
    payment.duration_ms = duration;
    inner.ledger.put(payment.clone());
    let payment = Box::new(payment);
    let succeeded = payment.status == PaymentStatus::Succeeded;
    let kind =
        if succeeded { EventKind::PaymentSent { payment } } else { EventKind::PaymentFailed { payment } };
    inner.ledger.raise(now, kind);
}

fn explain(inner: &Inner, id: PaymentId, reason: Option<PaymentFailureReason>) -> WalletError {
    use PaymentFailureReason::*;
    let refused = inner.ldk.router.refused(id).filter(|_| reason == Some(RouteNotFound));
    let total = inner.ledger.pending(&id.0.to_lower_hex_string()).and_then(|payment| payment.amount_msat);
    if let Some((refused, total)) = refused.zip(total) {
        return no_route(&refused, total);
    }
    let (code, message) = match reason {
        Some(RecipientRejected) => (
            ErrorCode::PayeeRefused,
            "the payee refused the payment: the invoice is unknown there, paid already or expired; ask for a new one",
        ),
        Some(InvoiceRequestExpired) => (
            ErrorCode::Timeout,
            "the payee did not answer with an invoice; no funds were sent, try again when it is online",
        ),
        Some(InvoiceRequestRejected) => {
            (ErrorCode::PayeeRefused, "the payee gives no invoice for this offer; ask for a new one")
        }
        Some(PaymentExpired) => {
            (ErrorCode::Expired, "the invoice expired before a route worked; ask the payee for a new one")
        }
        Some(UserAbandoned) => (ErrorCode::NoRoute, "the payment was given up; no funds were sent"),
        Some(UnexpectedError) => {
            (ErrorCode::Internal, "the payment failed for an internal reason; no funds were sent, try again")
        }
        _ => (
            ErrorCode::NoRoute,
            "no route to the payee worked; no funds were sent. Try again later, a smaller amount, or a greater fee limit",
        ),
    };
    WalletError::new(code, message)
}

/// A part arrived: its channels can carry such amounts.
pub(super) fn path_successful(inner: &Inner, path: &Path) {
    inner.ldk.router.path_succeeded(path);
}

/// A part failed: LDK tries again by itself, with what was learnt of it.
pub(super) fn path_failed(inner: &Inner, failed: &FailedPath) {
    let FailedPath { id, path, channel, rejected, failure } = failed;
    log::info!(
        "a part failed at channel {channel:?}{}",
        if *rejected { ", refused by the payee" } else { "" }
    );
    if inner.ldk.router.path_failed(path, *channel, *rejected, failure) {
        inner.updates.wanted.wake();
    }
    if let Some(id) = id {
        parts::failed(inner, *id, path, *channel);
    }
}

/// Moves invoices that nobody paid in time to the history.
pub(crate) fn expire(inner: &Inner) {
    let now = inner.now();
    // LDK accepts HTLCs for two hours longer, by block time; an invoice is shown as pending until then.
    const GRACE: u64 = 3 * 3600;
    for mut payment in inner.ledger.all_pending() {
        let over = payment.expires_at.is_some_and(|at| at.saturating_add(GRACE) < now);
        if payment.direction == Direction::Inbound && payment.invoice.is_some() && over {
            payment.status = PaymentStatus::Failed { error: WalletError::new(ErrorCode::Expired, EXPIRED) };
            payment.settled_at = Some(now);
            inner.ledger.put(payment);
        }
    }
}
