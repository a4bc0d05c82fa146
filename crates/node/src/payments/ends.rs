//! Ends of outbound payments and of their parts.

use amplet_protocol::PaymentId;
use amplet_protocol::page::{ErrorCode, EventKind, Payment, PaymentStatus, WalletError};
use lightning::events::{PathFailure, PaymentFailureReason};
use lightning::routing::router::Path;

use super::attempts::Ended;
use crate::base::Base;
use crate::ledger::record::Key;
use crate::ledger::{Ledger, Outcome};

/// A part that came back.
pub(crate) struct FailedPath {
    pub id: Option<PaymentId>,
    pub path: Path,
    /// The channel that did not carry it.
    pub channel: Option<u64>,
    /// The payee had it and does not want it.
    pub rejected: bool,
    pub failure: PathFailure,
}

/// Ends a payment's record and its reservation, and raises the event; `details` completes the record. `None`: it has ended before.
pub(super) fn close(
    (base, ledger): (&Base, &Ledger),
    id: PaymentId,
    outcome: Outcome,
    ended: Option<Ended>,
    details: impl FnOnce(&mut Payment),
) -> Option<Payment> {
    let now = base.platform.monotonic();
    let elapsed = ended.and_then(|ended| ended.started).map(|started| now.saturating_sub(started));
    let closed = ledger.close(Key::outbound(id), outcome, |payment| {
        payment.duration_ms = elapsed.and_then(|elapsed| u64::try_from(elapsed.as_millis()).ok());
        details(payment);
    });
    let Some(closed) = closed else {
        // LDK repeats events whose handling it does not know to be durable.
        log::info!("payment {id}: its end is known already");
        return None;
    };
    let payment = Box::new(closed.clone());
    let kind = if closed.status == PaymentStatus::Succeeded {
        EventKind::PaymentSent { payment }
    } else {
        EventKind::PaymentFailed { payment }
    };
    ledger.raise(kind);
    Some(closed)
}

/// An end that LDK gives this reason for, in English, with the remedy.
pub(super) fn describe(reason: Option<PaymentFailureReason>) -> WalletError {
    use PaymentFailureReason::*;
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
