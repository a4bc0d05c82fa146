//! The one book of payments, events and budgets. Records are staged in the step that they belong to.

mod application;
pub(crate) mod budgets;
pub(crate) mod damage;
mod load;
pub(crate) mod record;
mod stored;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use amplet_budget::LoadError;
use amplet_protocol::PaymentId;
use amplet_protocol::page::{
    Direction, Event, EventKind, FiatRate, Payment, PaymentKind, PaymentStatus, WalletError,
};
use amplet_storage::StoreError;
use serde::Serialize;

use crate::base::{Base, Committed};
use crate::ldk::unsaved::Unsaved;
use budgets::{Budgets, Spent};
use damage::Damaged;
use record::{Key, done_name, event_name, open_name, read_payment};
use stored::{StoredEvent, StoredPayment};

/// Description of a payment whose own could not be read.
const UNREADABLE: &str = "(its record was damaged)";

/// A record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Damaged.
    #[error("the record {name} cannot be read ({what}); the money is not affected, only the history")]
    Corrupt {
        /// Its name.
        name: String,
        /// Damage.
        what: String,
    },
    /// The budgets cannot be read.
    #[error(transparent)]
    Budgets(#[from] LoadError),
    /// What is asked for is not durable.
    #[error(transparent)]
    Unsaved(#[from] Unsaved),
}

impl LedgerError {
    /// Returns whether the record itself is damaged: it can be passed over, unlike a store that fails.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Store(StoreError::Corrupt { .. }))
    }
}

/// End of a payment.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Succeeded,
    /// No funds were sent.
    Failed(WalletError),
}

#[derive(Default)]
struct State {
    open: BTreeMap<Key, Payment>,
    /// Ended payments by time (as in their names), oldest first.
    done: BTreeSet<(u64, Key)>,
    done_at: BTreeMap<Key, u64>,
    /// Ended in this session: read without the store.
    recent: BTreeMap<Key, Payment>,
    /// Pending payments whose record cannot be read, and its name. The record stays as it is, whatever becomes of them.
    unreadable: BTreeMap<Key, String>,
    events: BTreeMap<u64, Event>,
    next_event: u64,
    changed: Committed,
}

/// Payments and events: the records of this node.
pub struct Ledger {
    state: RefCell<State>,
    base: Rc<Base>,
    budgets: Rc<Budgets>,
    damaged: Damaged,
    rate: RefCell<Option<FiatRate>>,
}

impl Ledger {
    /// Loads what is undecided or unacknowledged; ended payments are read when asked for. What cannot be read keeps nothing else
    /// from being used.
    pub(crate) async fn open(base: Rc<Base>, budgets: Rc<Budgets>) -> Result<Self, LedgerError> {
        let ledger = Self {
            state: RefCell::default(),
            base,
            budgets,
            damaged: Damaged::default(),
            rate: RefCell::default(),
        };
        ledger.load_open().await?;
        ledger.load_done().await?;
        ledger.load_events().await?;
        Ok(ledger)
    }

    /// Names of stored records that cannot be read: they are passed over and kept as they are.
    pub fn damaged(&self) -> Vec<String> {
        let mut names = self.damaged.names();
        names.extend(self.budgets.damaged());
        names
    }

    /// Passes over a service's record that cannot be read.
    pub(crate) fn pass_over<T>(
        &self,
        name: &str,
        read: Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        self.damaged.pass_over(name, read)
    }

    /// Returns whether the record of a pending payment cannot be read.
    pub(crate) fn is_unreadable(&self, key: Key) -> bool {
        self.state.borrow().unreadable.contains_key(&key)
    }

    /// Ids of pending outbound payments whose records cannot be read.
    pub(crate) fn unreadable_outbound(&self) -> Vec<PaymentId> {
        let state = self.state.borrow();
        let is_open = |key: &&Key| key.direction == Direction::Outbound && !state.done_at.contains_key(key);
        let keys = state.unreadable.keys().filter(is_open);
        keys.map(|key| key.id).collect()
    }

    /// Records a pending payment, new or changed.
    pub(crate) fn record(&self, payment: Payment) {
        let key = Key::of(&payment);
        let mut state = self.state.borrow_mut();
        self.write(open_name(key), &StoredPayment::from(&payment));
        state.open.insert(key, payment.clone());
        state.changed.payments.push(payment);
    }

    /// Ends a pending payment and closes its reservation; `details` completes its record, whose end is now unless it says
    /// otherwise. A record that cannot be read is completed by what is known. `None`: no such payment is pending.
    pub(crate) fn close(
        &self,
        key: Key,
        outcome: Outcome,
        details: impl FnOnce(&mut Payment),
    ) -> Option<Payment> {
        let mut payment = self.pending(key).or_else(|| self.in_place_of_unreadable(key))?;
        payment.settled_at = Some(self.base.now());
        details(&mut payment);
        Some(self.close_record(payment, outcome))
    }

    /// What is known of a pending payment whose record cannot be read.
    fn in_place_of_unreadable(&self, key: Key) -> Option<Payment> {
        if !self.is_unreadable(key) || self.has_ended(key) {
            return None;
        }
        let amount_msat = match key.direction {
            Direction::Outbound => self.budgets.reserved(key.id).map(|cost| cost.amount),
            Direction::Inbound => None,
        };
        let begun = Payment::pending(key.id, key.direction, PaymentKind::Bolt11, self.base.now());
        Some(Payment { amount_msat, description: UNREADABLE.into(), ..begun })
    }

    /// Ends a payment that was not pending: it was refused before it was recorded, or had ended otherwise before.
    pub(crate) fn close_record(&self, mut payment: Payment, outcome: Outcome) -> Payment {
        let spent = match &outcome {
            Outcome::Succeeded => {
                Some(Spent { amount_msat: payment.amount_msat, fee_msat: payment.fee_msat })
            }
            Outcome::Failed(_) => None,
        };
        // Only outbound payments have reservations; an inbound one of the same id must not close one.
        if payment.direction == Direction::Outbound {
            self.close_reservation(payment.id, spent);
        }
        if matches!(outcome, Outcome::Succeeded) && payment.rate.is_none() {
            payment.rate = self.rate_now();
        }
        payment.status = match outcome {
            Outcome::Succeeded => PaymentStatus::Succeeded,
            Outcome::Failed(error) => PaymentStatus::Failed { error },
        };
        self.put_done(payment.clone());
        payment
    }

    /// Changes an ended payment's record; its status stays.
    pub(crate) fn amend(&self, payment: Payment) {
        self.put_done(payment);
    }

    fn put_done(&self, payment: Payment) {
        let key = Key::of(&payment);
        let mut state = self.state.borrow_mut();
        state.open.remove(&key);
        if !state.unreadable.contains_key(&key) {
            self.base.staged.remove(open_name(key));
        }
        let at = *state.done_at.entry(key).or_insert(payment.created_at);
        self.write(done_name(at, key), &StoredPayment::from(&payment));
        state.done.insert((at, key));
        state.recent.insert(key, payment.clone());
        state.changed.payments.push(payment);
    }

    /// Counts what an outbound payment cost, or gives back what was reserved for it (`None`: no funds were sent).
    pub(crate) fn close_reservation(&self, id: PaymentId, spent: Option<Spent>) {
        for notice in self.budgets.close(id, spent) {
            self.raise(self.budgets.describe(&notice));
        }
    }

    /// Raises an event.
    pub(crate) fn raise(&self, kind: EventKind) {
        let mut state = self.state.borrow_mut();
        let id = state.next_event;
        state.next_event = id.saturating_add(1);
        let event = Event { id, at: self.base.now(), kind };
        self.write(event_name(id), &StoredEvent::from(&event));
        self.base.staged.put_deferred(record::EVENT_COUNTER, state.next_event.to_be_bytes().to_vec());
        state.events.insert(id, event.clone());
        state.changed.events.push(event);
    }

    /// A pending payment.
    pub(crate) fn pending(&self, key: Key) -> Option<Payment> {
        self.state.borrow().open.get(&key).cloned()
    }

    /// All pending payments.
    pub(crate) fn all_pending(&self) -> Vec<Payment> {
        self.state.borrow().open.values().cloned().collect()
    }

    /// All pending on-chain payments.
    pub(crate) fn pending_onchain(&self) -> Vec<Payment> {
        self.state.borrow().open.values().filter(|payment| payment.txid.is_some()).cloned().collect()
    }

    /// Returns whether a payment is known, pending or ended.
    pub(crate) fn contains(&self, key: Key) -> bool {
        self.state.borrow().open.contains_key(&key) || self.is_unreadable(key) || self.has_ended(key)
    }

    /// Returns whether a payment has ended.
    pub(crate) fn has_ended(&self, key: Key) -> bool {
        self.state.borrow().done_at.contains_key(&key)
    }

    /// Ids of all inbound payments that have ended.
    pub(crate) fn inbound_ids(&self) -> Vec<PaymentId> {
        let state = self.state.borrow();
        state.done_at.keys().filter(|key| key.direction == Direction::Inbound).map(|key| key.id).collect()
    }

    /// Takes what was staged since the last call.
    pub(crate) fn take_changes(&self) -> Committed {
        std::mem::take(&mut self.state.borrow_mut().changed)
    }

    /// A payment, pending or ended.
    pub(crate) async fn get(&self, key: Key) -> Result<Option<Payment>, LedgerError> {
        let at = {
            let state = self.state.borrow();
            if let Some(known) = state.open.get(&key).or_else(|| state.recent.get(&key)) {
                return Ok(Some(known.clone()));
            }
            let done_at = state.done_at.get(&key).copied();
            // Beside an earlier failure a payment may be in flight again, and its end is not known.
            let may_be_pending = key.direction == Direction::Outbound || done_at.is_none();
            match state.unreadable.get(&key) {
                Some(name) if may_be_pending => return Err(record::unreadable(name)),
                _ => done_at,
            }
        };
        match at {
            Some(at) => Ok(Some(read_payment(&*self.base.store, &done_name(at, key)).await?)),
            None => Ok(None),
        }
    }

    /// Stages the removal of a service's record.
    pub(crate) fn remove(&self, name: String) {
        self.base.staged.remove(name);
    }

    /// Stages a service's record.
    pub(crate) fn write<T: Serialize>(&self, name: String, value: &T) {
        if let Some(bytes) = record::encode(value) {
            self.base.staged.put_deferred(name, bytes);
        }
    }

    /// Stages a service's record that comes again by itself when a crash loses it.
    pub(crate) fn write_at_leisure<T: Serialize>(&self, name: String, value: &T) {
        if let Some(bytes) = record::encode(value) {
            self.base.staged.put_at_leisure(name, bytes);
        }
    }

    /// One payment, by direction and id.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn payment(&self, direction: Direction, id: PaymentId) -> Result<Option<Payment>, LedgerError> {
        Ok(self.get(Key { direction, id }).await?.map(|payment| self.with_confirmations(payment)))
    }

    /// One payment by its id alone: the outbound one, or else the inbound one.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn find(&self, id: PaymentId) -> Result<Option<Payment>, LedgerError> {
        match self.payment(Direction::Outbound, id).await? {
            Some(payment) => Ok(Some(payment)),
            None => self.payment(Direction::Inbound, id).await,
        }
    }

    /// At most `limit` payments older than `before` (the older one, where both directions have that id), newest first.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn history(
        &self,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Result<Vec<Payment>, LedgerError> {
        let keys: Vec<Key> = {
            let state = self.state.borrow();
            // A failed payment that is tried again is pending, and has its old record until it ends.
            let ended = state.done.iter().filter(|(_, key)| !state.open.contains_key(key));
            let mut all: Vec<(u64, Key)> = ended.copied().collect();
            all.extend(state.open.iter().map(|(key, payment)| (payment.created_at, *key)));
            // Of the same second in the order of ids, as the first release had them: a page may begin there.
            all.sort_unstable_by_key(|(at, key)| (*at, key.id, key.direction));
            let end = match before {
                Some(before) => all.iter().position(|(_, key)| key.id == before).unwrap_or(0),
                None => all.len(),
            };
            all.into_iter().take(end).rev().take(limit).map(|(_, key)| key).collect()
        };
        let mut payments = Vec::with_capacity(keys.len());
        for key in keys {
            let ended = self.state.borrow().done_at.get(&key).map(|at| done_name(*at, key));
            let name = ended.unwrap_or_else(|| open_name(key));
            let payment = self.payment(key.direction, key.id).await;
            payments.extend(self.damaged.pass_over(&name, payment)?.flatten());
        }
        Ok(payments)
    }

    fn with_confirmations(&self, mut payment: Payment) -> Payment {
        let txid = payment.txid.as_deref().and_then(|txid| txid.parse().ok());
        if let Some(confirmations) = txid.and_then(|txid| self.base.ldk.wallet.confirmations(txid)) {
            payment.confirmations = confirmations;
        }
        payment
    }

    /// Events that nobody acknowledged, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.state.borrow().events.values().cloned().collect()
    }

    /// Acknowledges an event. An unknown id is no error: two pages may acknowledge the same one.
    pub fn ack(&self, id: u64) {
        if self.state.borrow_mut().events.remove(&id).is_some() {
            // Lost in a crash, the event is delivered once more: delivery is at least once.
            self.base.staged.remove_at_leisure(event_name(id));
        }
        self.base.notify.notify();
    }
}
