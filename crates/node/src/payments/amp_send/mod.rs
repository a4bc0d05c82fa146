//! AMP payments on their way out (crate `amplet_amp`): sets of parts that have hashes of their own, of which the payee can claim all
//! or none. To LDK each part is a payment, which LDK never tries again by itself; to everyone else the set is one payment, under the
//! set's id: one reservation, one record, one end.
//!
//! - What comes back is planned and sent again, in other parts of the same set, for a minute and within the set's maximum fee.
//! - The set succeeds with the first preimage: nobody has one who could not claim all parts. Until the others have ended they are
//!   shown as pending.
//! - It fails when nothing more is sent and all parts have come back. Nobody can call back a part that is held by the payee, which
//!   waits for the others for two minutes.
//! - After a restart the parts in flight go on; what comes back then is not sent again. The record of the payment has each part at
//!   the place of its index, and LDK has each part under an id that begins with the set's: nothing else is stored.

mod onion;
mod order;
mod part_id;
mod sending;
mod set;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use amplet_protocol::page::{
    Direction, ErrorCode, PartState, Payment, PaymentKind, PaymentPart, WalletError,
};
use amplet_protocol::{Msat, PaymentId};
use hex_conservative::DisplayHex;
use lightning::events::PaymentFailureReason;
use lightning::ln::channelmanager;
use lightning::ln::outbound_payment::{Bolt11PaymentError, RetryableSendFailure};
use lightning::routing::router::RouteParameters;
use lightning::sign::EntropySource;
use lightning::types::payment::PaymentPreimage;

use super::attempts::{Attempts, Owner};
use super::ends::{self, FailedPath, describe};
use super::error::PayError;
use super::order::{Prepared, SubmitError};
use super::{parts, ready};
use crate::base::Base;
use crate::ldk::Ldk;
use crate::ldk::routing::explain::no_route;
use crate::ldk::routing::{PlanRecorder, Refused};
use crate::ledger::record::Key;
use crate::ledger::{Ledger, LedgerError, Outcome};
use sending::{SENDING, Sending};
use set::Set;

pub use order::{AmpParts, AmpPayee, PayAmp};

/// Part of a set came back in a later run of the node.
const REOPENED: &str =
    "the wallet was closed while it paid, and a part came back; no funds were sent, try again";

/// All tries were in vain.
const IN_VAIN: &str = "no route to the payee worked; no funds were sent. Try again later, a smaller amount, or a greater fee limit";

/// Plans that a set is sent by, the first among them.
const ROUNDS: u32 = 10;

/// Sets that have succeeded and have parts in flight, by their ids.
const SETTLING: &str = "amp/settling/";

/// Sets that have parts in flight.
pub(super) struct AmpSets {
    base: Rc<Base>,
    ledger: Rc<Ledger>,
    attempts: Rc<Attempts>,
    sets: RefCell<BTreeMap<PaymentId, Set>>,
}

impl AmpSets {
    /// Takes up the sets that had parts in flight when the process ended.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn open(
        base: &Rc<Base>,
        ledger: &Rc<Ledger>,
        attempts: &Rc<Attempts>,
    ) -> Result<Self, LedgerError> {
        let mut sets = BTreeMap::new();
        let is_amp =
            |payment: &Payment| payment.direction == Direction::Outbound && payment.kind == PaymentKind::Amp;
        for payment in ledger.all_pending().into_iter().filter(is_amp) {
            sets.insert(payment.id, Set::of_earlier(&payment));
        }
        for name in base.store.list(SETTLING).await? {
            let Some(id) = name.strip_prefix(SETTLING).and_then(|id| id.parse().ok()) else { continue };
            let payment = ledger.get(Key::outbound(id)).await;
            let Some(payment) = ledger.pass_over(&name, payment)?.flatten() else { continue };
            let mut set = Set::of_earlier(&payment);
            set.succeeded = Some(payment);
            sets.insert(id, set);
        }
        // Whose record cannot be read is known by what LDK has of its parts.
        let known = base.ldk.payment_ids();
        for set in ledger.unreadable_outbound() {
            let parts = known.iter().filter_map(|part| part_id::index(set, *part));
            let in_flight: BTreeSet<u32> = parts.collect();
            if !in_flight.is_empty() {
                sets.insert(set, Set::unreadable(in_flight));
            }
        }
        let (base, ledger, attempts) = (Rc::clone(base), Rc::clone(ledger), Rc::clone(attempts));
        Ok(Self { base, ledger, attempts, sets: RefCell::new(sets) })
    }

    /// Checks an order, and chooses the set's id. `now`: seconds since the UNIX epoch.
    pub fn prepare(&self, pay: PayAmp, now: u64) -> Result<Prepared<'_>, PayError> {
        let ldk = &self.base.ldk;
        pay.to.check(ldk.manager.get_our_node_id(), now)?;
        let total_msat = pay.to.amount_msat(pay.amount_msat)?;
        let terms = pay.to.terms(ldk.signer.get_secure_random_bytes());
        let id = PaymentId(ldk.signer.get_secure_random_bytes());
        let begun = Payment::pending(id, Direction::Outbound, PaymentKind::Amp, now);
        let payment = Payment { amount_msat: Some(total_msat), ..pay.to.describe(begun) };
        let max_fee_msat = pay.max_fee_msat;
        let submit = Box::new(move || {
            let until = self.base.platform.monotonic().saturating_add(SENDING);
            let money = (total_msat, max_fee_msat);
            self.submit(id, Sending::new(ldk, id, terms.clone(), money, pay.parts, until))
        });
        Ok(Prepared { payment, max_fee_msat, owner: Owner::Payment, submit })
    }

    fn submit(&self, id: PaymentId, mut sending: Sending) -> Result<(), SubmitError> {
        let ldk = &self.base.ldk;
        let refused = |error| SubmitError::Ldk(Bolt11PaymentError::SendingFailed(error));
        let total_msat = sending.total_msat;
        let planned = sending.plan(ldk, (total_msat, sending.max_fee_msat), 0).map_err(|reason| {
            self.attempts.refused(ldk_id(id), Refused { reason, remaining_msat: total_msat });
            refused(RetryableSendFailure::RouteNotFound)
        })?;
        let (paths, parts): (Vec<_>, Vec<_>) = planned.into_iter().unzip();
        let (_, not_taken) = sending.send(ldk, id, paths);
        if not_taken.len() == parts.len() {
            let reason = not_taken.into_iter().next().map(|part| part.reason);
            return Err(refused(reason.unwrap_or(RetryableSendFailure::RouteNotFound)));
        }
        let mut set = Set::new(sending);
        set.left(0, parts.len(), not_taken);
        self.attempts.planned(ldk_id(id), parts);
        self.sets.borrow_mut().insert(id, set);
        Ok(())
    }

    /// The set of a part, and the part's index.
    fn set_of(&self, part: PaymentId) -> Option<(PaymentId, u32)> {
        let (low, high) = part_id::sets(part);
        let sets = self.sets.borrow();
        let (set, _) = sets.range(low..=high).next()?;
        Some((*set, part_id::index(*set, part)?))
    }

    fn change(&self, part: PaymentId, change: impl FnOnce(&mut Set, u32)) -> bool {
        let Some((id, index)) = self.set_of(part) else { return false };
        if let Some(set) = self.sets.borrow_mut().get_mut(&id) {
            change(set, index);
        }
        true
    }

    /// A part was claimed; returns whether it is one of a set.
    pub fn sent(&self, part: PaymentId, preimage: PaymentPreimage) -> bool {
        self.change(part, |set, index| set.claimed(index, preimage))
    }

    /// A part came back; returns whether it is one of a set.
    pub fn failed(&self, part: PaymentId, reason: Option<PaymentFailureReason>) -> bool {
        self.change(part, |set, index| set.came_back(index, reason))
    }

    /// Notes where a part failed, before LDK says that it has.
    pub fn path_failed(&self, failed: &FailedPath) {
        if let Some(part) = failed.id {
            self.change(part, |set, index| set.failed_at(index, failed));
        }
    }

    /// Goes on with the sets of which parts have ended: sends again what came back, records, and closes what has ended.
    pub fn go_on(&self) {
        let changed: Vec<PaymentId> =
            self.sets.borrow().iter().filter(|(_, set)| set.has_changed()).map(|(id, _)| *id).collect();
        for id in changed {
            let Some(mut set) = self.sets.borrow_mut().remove(&id) else { continue };
            self.update(id, &mut set);
            if !set.in_flight.is_empty() {
                self.sets.borrow_mut().insert(id, set);
            }
        }
    }

    fn update(&self, id: PaymentId, set: &mut Set) {
        let key = Key::outbound(id);
        if let Some(mut payment) = set.succeeded.take() {
            set.apply(&mut payment.parts);
            self.settle(set, payment);
            return;
        }
        // `None`: its record cannot be read.
        let mut payment = self.ledger.pending(key);
        let mut parts =
            payment.as_mut().map(|payment| std::mem::take(&mut payment.parts)).unwrap_or_default();
        let has_come_back = set.apply(&mut parts);
        if let Some(preimage) = set.preimage {
            self.succeed(id, set, (preimage, parts));
            return;
        }
        if has_come_back && set.failure.is_none() {
            set.failure = self.send_again(id, set, &mut parts).err().or(set.failure.take());
            set.apply(&mut parts);
        }
        if set.in_flight.is_empty() {
            let failed = Outcome::Failed(set.failure.take().unwrap_or_else(|| describe(None)));
            self.close(id, failed, |payment| payment.parts = parts);
        } else if let Some(payment) = payment {
            self.ledger.record(Payment { parts, ..payment });
        }
    }

    /// Plans and sends what has come back.
    fn send_again(
        &self,
        id: PaymentId,
        set: &mut Set,
        parts: &mut Vec<PaymentPart>,
    ) -> Result<(), WalletError> {
        let given_up = |message: &str| WalletError::new(ErrorCode::NoRoute, message);
        let Some(sending) = &mut set.sending else { return Err(given_up(REOPENED)) };
        ready::check_channels(&self.base).map_err(|error| error.to_wallet_error())?;
        if sending.rounds >= ROUNDS || self.base.platform.monotonic() >= sending.until {
            return Err(given_up(IN_VAIN));
        }
        let in_flight = parts.iter().filter(|part| part.state == PartState::Pending);
        let (amount_msat, fee_msat) = in_flight.fold((Msat::ZERO, Msat::ZERO), |(amount, fee), part| {
            (amount.plus_up_to_max(part.amount_msat), fee.plus_up_to_max(part.fee_msat))
        });
        let remaining_msat = sending.total_msat.less(amount_msat);
        let money = (remaining_msat, sending.max_fee_msat.less(fee_msat));
        let total_msat = sending.total_msat;
        let ldk = &self.base.ldk;
        let planned = sending.plan(ldk, money, set.in_flight.len()).map_err(|reason| {
            log::info!("payment {id}: what came back is not sent again: {reason}");
            no_route(&Refused { reason, remaining_msat }, total_msat)
        })?;
        let (paths, more): (Vec<_>, Vec<_>) = planned.into_iter().unzip();
        let (first, not_taken) = sending.send(ldk, id, paths);
        set.left(first, more.len(), not_taken);
        parts.extend(more);
        Ok(())
    }

    /// The first preimage: the payee has it all.
    fn succeed(&self, id: PaymentId, set: &mut Set, (preimage, parts): (PaymentPreimage, Vec<PaymentPart>)) {
        let closed = self.close(id, Outcome::Succeeded, |payment| {
            payment.preimage = Some(preimage.0.to_lower_hex_string());
            // That of a record that cannot be read is not known, and counts as the maximum.
            payment.fee_msat = (!parts.is_empty()).then(|| fee_msat(&parts));
            payment.parts = parts;
            payment.hops = parts::longest(payment);
        });
        if !set.in_flight.is_empty() {
            set.succeeded = closed;
            self.ledger.write(settling_name(id), &());
        }
    }

    /// Further parts of a set that has succeeded have ended.
    fn settle(&self, set: &mut Set, mut payment: Payment) {
        payment.fee_msat = Some(fee_msat(&payment.parts));
        payment.hops = parts::longest(&payment);
        self.ledger.amend(payment.clone());
        if set.in_flight.is_empty() {
            self.ledger.remove(settling_name(payment.id));
        } else {
            set.succeeded = Some(payment);
        }
    }

    fn close(&self, id: PaymentId, outcome: Outcome, details: impl FnOnce(&mut Payment)) -> Option<Payment> {
        let ended = self.attempts.end(id);
        ends::close((&self.base, &self.ledger), id, outcome, ended, details)
    }

    /// Looks whether LDK still knows the parts in flight. One that it does not know any more, without having said how it ended, is
    /// none: nothing would ever end it.
    pub fn ticked(&self) {
        if self.sets.borrow().is_empty() {
            return;
        }
        let known = self.base.ldk.payment_ids();
        for (id, set) in &mut *self.sets.borrow_mut() {
            let unknown = |index: &u32| !known.contains(&part_id::of(*id, *index));
            let lost: Vec<u32> = set.in_flight.iter().copied().filter(unknown).collect();
            for index in lost {
                log::error!("payment {id}: LDK does not know its part {index}");
                set.came_back(index, Some(PaymentFailureReason::UnexpectedError));
            }
        }
    }
}

/// What parts cost that the payee has or gets.
fn fee_msat(parts: &[PaymentPart]) -> Msat {
    parts.iter().filter(|part| part.state != PartState::Failed).map(|part| part.fee_msat).sum()
}

fn settling_name(id: PaymentId) -> String {
    format!("{SETTLING}{id}")
}

fn ldk_id(id: PaymentId) -> channelmanager::PaymentId {
    channelmanager::PaymentId(id.0)
}

/// Parameters of the routes that a payment would take, for a quote.
pub(super) fn route_params(
    ldk: &Ldk,
    to: &AmpPayee,
    amount_msat: Msat,
    max_fee_msat: Msat,
) -> Option<RouteParameters> {
    sending::params(ldk, &to.terms([0; 32]), amount_msat, max_fee_msat).ok()
}
