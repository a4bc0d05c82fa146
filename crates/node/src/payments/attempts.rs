//! The one table of outbound payments in flight: owner, start, plan, refusal, and who waits for the end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use amplet_protocol::PaymentId;
use amplet_protocol::page::{Direction, Payment, PaymentPart, PaymentStatus};
use futures::channel::oneshot;
use lightning::ln::channelmanager;

use crate::base::{Committed, StepFollower};
use crate::ldk::routing::{PlanRecorder, Refused};

/// The record that an attempt belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Owner {
    /// A payment of the same id.
    #[default]
    Payment,
    /// A stream.
    Stream(PaymentId),
}

#[derive(Default)]
struct Attempt {
    owner: Owner,
    /// Monotonic time at which it was begun; `None`: in an earlier run.
    started: Option<Duration>,
    /// Number of plans that the router was asked for.
    rounds: u32,
    /// Parts that have left and are not known to have failed.
    held: usize,
    /// Parts that no record has yet.
    planned: Vec<PaymentPart>,
    /// Refusal of the last plan.
    refused: Option<Refused>,
    waiters: Vec<oneshot::Sender<Payment>>,
}

/// An attempt that has ended.
pub(super) struct Ended {
    pub owner: Owner,
    /// Monotonic time at which it was begun; `None`: in an earlier run.
    pub started: Option<Duration>,
}

/// Outbound payments in flight, by id.
#[derive(Default)]
pub(crate) struct Attempts {
    in_flight: RefCell<BTreeMap<PaymentId, Attempt>>,
    /// Waiters of payments whose end is not committed yet.
    ended: RefCell<Vec<(PaymentId, Vec<oneshot::Sender<Payment>>)>>,
}

impl Attempts {
    /// Begins an attempt. `started`: monotonic time; `None`: in an earlier run.
    pub(super) fn begin(&self, id: PaymentId, owner: Owner, started: Option<Duration>) {
        self.in_flight.borrow_mut().insert(id, Attempt { owner, started, ..Attempt::default() });
    }

    /// Returns whether a payment is in flight.
    pub(super) fn contains(&self, id: PaymentId) -> bool {
        self.in_flight.borrow().contains_key(&id)
    }

    /// Forgets the plans of a payment that is submitted once more.
    pub(super) fn begin_again(&self, id: PaymentId) {
        if let Some(attempt) = self.in_flight.borrow_mut().get_mut(&id) {
            (attempt.rounds, attempt.held, attempt.refused) = (0, 0, None);
        }
    }

    /// Refusal of a payment's last plan.
    pub(super) fn refusal(&self, id: PaymentId) -> Option<Refused> {
        self.in_flight.borrow().get(&id).and_then(|attempt| attempt.refused.clone())
    }

    /// A part has failed.
    pub(super) fn part_failed(&self, id: PaymentId) {
        if let Some(attempt) = self.in_flight.borrow_mut().get_mut(&id) {
            attempt.held = attempt.held.saturating_sub(1);
        }
    }

    /// Takes the parts of a payment that no record has yet.
    pub(super) fn take_planned(&self, id: PaymentId) -> Vec<PaymentPart> {
        let mut in_flight = self.in_flight.borrow_mut();
        in_flight.get_mut(&id).map(|attempt| std::mem::take(&mut attempt.planned)).unwrap_or_default()
    }

    /// Takes all parts that no record has yet; those of streams are in no record.
    pub(super) fn take_all_planned(&self) -> Vec<(PaymentId, Vec<PaymentPart>)> {
        let mut in_flight = self.in_flight.borrow_mut();
        let planned = in_flight.iter_mut().filter(|(_, attempt)| !attempt.planned.is_empty());
        let planned = planned.map(|(id, attempt)| (*id, attempt.owner, std::mem::take(&mut attempt.planned)));
        planned.filter(|(_, owner, _)| *owner == Owner::Payment).map(|(id, _, parts)| (id, parts)).collect()
    }

    /// Resolves when the payment has ended durably.
    pub(super) fn wait(&self, id: PaymentId) -> oneshot::Receiver<Payment> {
        let (sender, receiver) = oneshot::channel();
        self.in_flight.borrow_mut().entry(id).or_default().waiters.push(sender);
        receiver
    }

    /// Ends an attempt; whoever waits is answered when the payment's record is committed. `None`: it is not in flight.
    pub(super) fn end(&self, id: PaymentId) -> Option<Ended> {
        let Attempt { owner, started, waiters, .. } = self.in_flight.borrow_mut().remove(&id)?;
        // A stream's payments have no records: nobody waits for one.
        if owner == Owner::Payment {
            self.ended.borrow_mut().push((id, waiters));
        }
        Some(Ended { owner, started })
    }

    /// Waiters of a payment whose end is committed.
    fn take_waiters(&self, id: PaymentId) -> Vec<oneshot::Sender<Payment>> {
        let mut ended = self.ended.borrow_mut();
        match ended.iter().position(|(of, _)| *of == id) {
            Some(at) => ended.remove(at).1,
            // Ended by a block, not by LDK.
            None => {
                self.in_flight.borrow_mut().remove(&id).map(|attempt| attempt.waiters).unwrap_or_default()
            }
        }
    }
}

impl PlanRecorder for Attempts {
    fn rounds(&self, id: channelmanager::PaymentId) -> u32 {
        self.in_flight.borrow().get(&PaymentId(id.0)).map_or(0, |attempt| attempt.rounds)
    }

    fn parts_held(&self, id: channelmanager::PaymentId) -> usize {
        self.in_flight.borrow().get(&PaymentId(id.0)).map_or(0, |attempt| attempt.held)
    }

    fn planned(&self, id: channelmanager::PaymentId, parts: Vec<PaymentPart>) {
        if let Some(attempt) = self.in_flight.borrow_mut().get_mut(&PaymentId(id.0)) {
            attempt.rounds = attempt.rounds.saturating_add(1);
            attempt.refused = None;
            attempt.held = attempt.held.saturating_add(parts.len());
            attempt.planned.extend(parts);
        }
    }

    fn refused(&self, id: channelmanager::PaymentId, refused: Refused) {
        if let Some(attempt) = self.in_flight.borrow_mut().get_mut(&PaymentId(id.0)) {
            attempt.rounds = attempt.rounds.saturating_add(1);
            attempt.refused = Some(refused);
        }
    }
}

impl StepFollower for Attempts {
    fn committed(&self, step: &Committed) {
        let has_ended = |payment: &&Payment| {
            payment.direction == Direction::Outbound && payment.status != PaymentStatus::Pending
        };
        for payment in step.payments.iter().filter(has_ended) {
            for waiter in self.take_waiters(payment.id) {
                // Whoever waited may have given up.
                let _ = waiter.send(payment.clone());
            }
        }
    }
}
