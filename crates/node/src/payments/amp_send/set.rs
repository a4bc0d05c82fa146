//! A set's state in this run of the node: which parts are in flight, and what has become of the others since the last record.

use std::collections::{BTreeMap, BTreeSet};

use amplet_protocol::page::{PartState, Payment, PaymentPart, WalletError};
use lightning::events::{PathFailure, PaymentFailureReason};
use lightning::ln::outbound_payment::RetryableSendFailure;
use lightning::types::payment::PaymentPreimage;

use super::sending::{NotTaken, Sending};
use crate::payments::ends::{FailedPath, describe};

/// End of a part that the record does not show yet.
struct Change {
    index: u32,
    state: PartState,
}

/// A set with parts in flight.
#[derive(Default)]
pub(super) struct Set {
    /// Indexes of the parts in flight.
    pub in_flight: BTreeSet<u32>,
    /// What it takes to send; `None`: it was begun in an earlier run.
    pub sending: Option<Sending>,
    /// The first preimage.
    pub preimage: Option<PaymentPreimage>,
    /// Its record, once the set has succeeded.
    pub succeeded: Option<Payment>,
    /// Why nothing more is sent.
    pub failure: Option<WalletError>,
    changes: Vec<Change>,
    /// Place in its path of the channel that did not carry a part, by the part's index.
    failed_at: BTreeMap<u32, u32>,
}

/// Index of a part as a place in the record.
fn place(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

impl Set {
    /// A set that is being sent.
    pub fn new(sending: Sending) -> Self {
        Self { sending: Some(sending), ..Self::default() }
    }

    /// A set of which only the parts in flight are known.
    pub fn unreadable(in_flight: BTreeSet<u32>) -> Self {
        Self { in_flight, ..Self::default() }
    }

    /// A set that was begun in an earlier run.
    pub fn of_earlier(payment: &Payment) -> Self {
        let pending = (0..).zip(&payment.parts).filter(|(_, part)| part.state == PartState::Pending);
        Self { in_flight: pending.map(|(index, _)| index).collect(), ..Self::default() }
    }

    /// Notes that so many parts have left, the first one at index `first`; some of them LDK did not take.
    pub fn left(&mut self, first: u32, count: usize, not_taken: Vec<NotTaken>) {
        self.in_flight.extend((first..).take(count));
        for NotTaken { index, reason } in not_taken {
            log::error!("LDK did not take part {index} of a set: {reason:?}");
            self.in_flight.remove(&index);
            self.changes.push(Change { index, state: PartState::Failed });
            // Not for want of a route, so that another one would be refused, too.
            let reason = match reason {
                RetryableSendFailure::RouteNotFound => PaymentFailureReason::RouteNotFound,
                _ => PaymentFailureReason::UnexpectedError,
            };
            self.failure.get_or_insert_with(|| describe(Some(reason)));
        }
    }

    /// A part was claimed. LDK repeats events whose handling it does not know to be durable.
    pub fn claimed(&mut self, index: u32, preimage: PaymentPreimage) {
        if self.in_flight.remove(&index) {
            self.preimage.get_or_insert(preimage);
            self.changes.push(Change { index, state: PartState::Succeeded });
        }
    }

    /// A part came back.
    pub fn came_back(&mut self, index: u32, reason: Option<PaymentFailureReason>) {
        if !self.in_flight.remove(&index) {
            return;
        }
        self.changes.push(Change { index, state: PartState::Failed });
        if let Some(sending) = &mut self.sending {
            sending.came_back(index);
        }
        if reason == Some(PaymentFailureReason::RecipientRejected) {
            self.failure.get_or_insert_with(|| describe(reason));
        }
    }

    /// Notes where a part failed.
    pub fn failed_at(&mut self, index: u32, failed: &FailedPath) {
        let Some(channel) = failed.channel else { return };
        let hop = failed.path.hops.iter().position(|hop| hop.short_channel_id == channel);
        self.failed_at.extend(hop.and_then(|hop| u32::try_from(hop).ok()).map(|hop| (index, hop)));
        // What our own channel does not take now it may take later, or in other parts.
        if let (PathFailure::OnPath { .. }, Some(sending)) = (&failed.failure, &mut self.sending) {
            sending.avoid(channel);
        }
    }

    /// Returns whether the record does not show everything yet: parts that have ended, or that all have.
    pub fn has_changed(&self) -> bool {
        !self.changes.is_empty() || self.in_flight.is_empty()
    }

    /// Shows in the record's parts what has become of them; returns whether any has come back.
    pub fn apply(&mut self, parts: &mut [PaymentPart]) -> bool {
        let mut any = false;
        for Change { index, state } in std::mem::take(&mut self.changes) {
            any |= state == PartState::Failed;
            if let Some(part) = parts.get_mut(place(index)) {
                part.state = state;
                part.failed_at = self.failed_at.remove(&index);
            }
        }
        any
    }
}
