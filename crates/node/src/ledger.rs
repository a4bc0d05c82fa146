//! Payments and events: what a user sees of their money. Records are staged in the step that they belong to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use amplet_budget::LoadError;
use amplet_protocol::page::{Event, EventKind, Payment, PaymentStatus};
use amplet_storage::{Store, StoreError};
use amplet_transport::Platform;
use serde::{Deserialize, Serialize};

use crate::budgets::{Budgets, Spent};
use crate::journal::{Journal, names};
use crate::streams::Streams;

/// Version of the stored records.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Record<T> {
    v: u32,
    value: T,
}

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
        /// What is wrong.
        what: String,
    },
    /// The budgets cannot be read.
    #[error(transparent)]
    Budgets(#[from] LoadError),
}

#[derive(Default)]
struct State {
    open: BTreeMap<String, Payment>,
    /// Ended payments: time (in `names::DONE`'s form) and id, oldest first.
    done: BTreeSet<(u64, String)>,
    done_at: BTreeMap<String, u64>,
    /// Ended in this session: read without the store.
    recent: BTreeMap<String, Payment>,
    events: BTreeMap<u64, Event>,
    next_event: u64,
    changed: Vec<Payment>,
    raised: Vec<Event>,
}

/// Payments and events of this wallet.
pub struct Ledger {
    state: RefCell<State>,
    journal: Arc<Journal>,
    platform: Rc<dyn Platform>,
    /// What payments may cost, and what they did.
    pub budgets: Budgets,
    /// Open streams.
    pub(crate) streams: Streams,
}

/// What a step changed, for whoever shows it.
pub struct Changes {
    /// Payments.
    pub payments: Vec<Payment>,
    /// New events.
    pub events: Vec<Event>,
}

impl Ledger {
    /// Loads what is undecided or unacknowledged; ended payments are read when asked for.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn open(
        store: &dyn Store,
        journal: Arc<Journal>,
        platform: Rc<dyn Platform>,
    ) -> Result<Self, LedgerError> {
        let mut state = State::default();
        for name in store.list(names::OPEN).await? {
            let payment: Payment = read(store, &name).await?;
            state.open.insert(payment.id.clone(), payment);
        }
        for name in store.list(names::DONE).await? {
            if let Some((at, id)) = done_parts(&name) {
                state.done_at.insert(id.clone(), at);
                state.done.insert((at, id));
            }
        }
        for name in store.list(names::EVENTS).await? {
            let event: Event = read(store, &name).await?;
            state.events.insert(event.id, event);
        }
        let counter = store.get(names::EVENT_COUNTER).await?.and_then(|bytes| bytes.try_into().ok());
        state.next_event = counter.map_or(1, u64::from_be_bytes);
        let budgets = Budgets::open(store, Arc::clone(&journal), Rc::clone(&platform)).await?;
        let streams =
            Streams::open(store, async |id: &str| match (state.open.get(id), state.done_at.get(id)) {
                (Some(line), _) => Ok(Some(line.clone())),
                (None, Some(at)) => read(store, &done_name(*at, id)).await.map(Some),
                (None, None) => Ok(None),
            })
            .await?;
        budgets.release_unknown(|id| state.open.contains_key(id) || streams.has(id));
        Ok(Self { state: RefCell::new(state), journal, platform, budgets, streams })
    }

    /// Stages a payment, new or changed. An ended one moves to the history, and its budget is settled.
    pub fn put(&self, payment: Payment) {
        match payment.status {
            PaymentStatus::Pending => {}
            PaymentStatus::Failed { .. } => self.settle(&payment.id, None),
            PaymentStatus::Succeeded => {
                self.settle(
                    &payment.id,
                    Some(Spent { amount_msat: payment.amount_msat, fee_msat: payment.fee_msat }),
                );
            }
        }
        let mut state = self.state.borrow_mut();
        let id = payment.id.clone();
        if payment.status == PaymentStatus::Pending {
            self.write(format!("{}{id}", names::OPEN), &payment);
            state.open.insert(id, payment.clone());
        } else {
            state.open.remove(&id);
            self.journal.remove(format!("{}{id}", names::OPEN));
            let at = *state.done_at.entry(id.clone()).or_insert(payment.created_at);
            self.write(done_name(at, &id), &payment);
            state.done.insert((at, id.clone()));
            state.recent.insert(id, payment.clone());
        }
        state.changed.push(payment);
    }

    /// Settles a payment with its budget: `None` when no funds were sent.
    pub(crate) fn settle(&self, id: &str, spent: Option<Spent>) {
        for notice in self.budgets.settle(id, spent) {
            self.raise(self.platform.now().as_secs(), self.budgets.tell(&notice));
        }
    }

    /// Stages a new event.
    pub fn raise(&self, at: u64, kind: EventKind) {
        let mut state = self.state.borrow_mut();
        let id = state.next_event;
        state.next_event = id.saturating_add(1);
        let event = Event { id, at, kind };
        self.write(event_name(id), &event);
        self.journal.put_later(names::EVENT_COUNTER, state.next_event.to_be_bytes().to_vec());
        state.events.insert(id, event.clone());
        state.raised.push(event);
    }

    /// Stages the removal of an acknowledged event. An unknown id is no error: two pages may acknowledge the same one.
    pub fn ack(&self, id: u64) {
        let mut state = self.state.borrow_mut();
        if state.events.remove(&id).is_some() {
            // Lost in a crash, the event is told once more: delivery is at least once.
            self.journal.remove_idly(event_name(id));
        }
    }

    /// Events that nobody acknowledged, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.state.borrow().events.values().cloned().collect()
    }

    /// An undecided payment.
    pub fn pending(&self, id: &str) -> Option<Payment> {
        self.state.borrow().open.get(id).cloned()
    }

    /// All undecided payments.
    pub fn all_pending(&self) -> Vec<Payment> {
        self.state.borrow().open.values().cloned().collect()
    }

    /// Whether a payment of this id is known.
    pub fn contains(&self, id: &str) -> bool {
        let state = self.state.borrow();
        state.open.contains_key(id) || state.done_at.contains_key(id)
    }

    /// Whether a payment of this id has ended.
    pub fn has_ended(&self, id: &str) -> bool {
        self.state.borrow().done_at.contains_key(id)
    }

    /// What was staged since the last call.
    pub fn take_changes(&self) -> Changes {
        let mut state = self.state.borrow_mut();
        Changes { payments: std::mem::take(&mut state.changed), events: std::mem::take(&mut state.raised) }
    }

    /// One payment, decided or not.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn payment(&self, store: &dyn Store, id: &str) -> Result<Option<Payment>, LedgerError> {
        let at = {
            let state = self.state.borrow();
            if let Some(known) = state.open.get(id).or_else(|| state.recent.get(id)) {
                return Ok(Some(known.clone()));
            }
            state.done_at.get(id).copied()
        };
        match at {
            Some(at) => Ok(Some(read(store, &done_name(at, id)).await?)),
            None => Ok(None),
        }
    }

    /// At most `limit` payments older than `before` (all, when `None`), newest first.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn history(
        &self,
        store: &dyn Store,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Payment>, LedgerError> {
        let ids: Vec<String> = {
            let state = self.state.borrow();
            let mut all: Vec<(u64, &str)> = state.done.iter().map(|(at, id)| (*at, id.as_str())).collect();
            all.extend(state.open.values().map(|payment| (payment.created_at, payment.id.as_str())));
            all.sort_unstable();
            let newest_first = all.into_iter().rev().map(|(_, id)| id);
            let after = newest_first.skip_while(|id| before.is_some_and(|before| *id != before));
            after.skip(usize::from(before.is_some())).take(limit).map(str::to_owned).collect()
        };
        let mut payments = Vec::with_capacity(ids.len());
        for id in ids {
            payments.extend(self.payment(store, &id).await?);
        }
        Ok(payments)
    }

    pub(crate) fn remove(&self, name: String) {
        self.journal.remove(name);
    }

    pub(crate) fn write<T: Serialize>(&self, name: String, value: &T) {
        // Plain data: its serialization has no failing case.
        if let Ok(bytes) = serde_json::to_vec(&Record { v: FORMAT, value }) {
            self.journal.put_later(name, bytes);
        }
    }
}

fn event_name(id: u64) -> String {
    format!("{}{id:016x}", names::EVENTS)
}

fn done_name(at: u64, id: &str) -> String {
    format!("{}{at:012}/{id}", names::DONE)
}

fn done_parts(name: &str) -> Option<(u64, String)> {
    let (at, id) = name.strip_prefix(names::DONE)?.split_once('/')?;
    Some((at.parse().ok()?, id.to_owned()))
}

pub(crate) async fn read<T: for<'a> Deserialize<'a>>(
    store: &dyn Store,
    name: &str,
) -> Result<T, LedgerError> {
    let corrupt = |what: String| LedgerError::Corrupt { name: name.to_owned(), what };
    let bytes = store.get(name).await?.ok_or_else(|| corrupt("it is gone".into()))?;
    let record: Record<T> = serde_json::from_slice(&bytes).map_err(|e| corrupt(e.to_string()))?;
    if record.v > FORMAT {
        return Err(StoreError::NewerFormat { found: record.v, supported: FORMAT }.into());
    }
    Ok(record.value)
}
