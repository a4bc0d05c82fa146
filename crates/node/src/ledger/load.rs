//! Loading the ledger: what is undecided or unacknowledged, as far as it can be read.

use amplet_protocol::page::Payment;

use super::record::{self, Key, done_name, open_name, read_event, read_payment};
use super::stored::StoredPayment;
use super::{Ledger, LedgerError};

impl Ledger {
    pub(super) async fn load_open(&self) -> Result<(), LedgerError> {
        let store = &*self.base.store;
        for name in store.list(record::OPEN).await? {
            let read = self.damaged.pass_over(&name, read_payment(store, &name).await)?;
            let Some(payment) = read else {
                let key = record::open_key(&name);
                self.state.borrow_mut().unreadable.extend(key.map(|key| (key, name)));
                continue;
            };
            let key = Key::of(&payment);
            if record::open_key(&name).is_none() {
                self.move_record(name, open_name(key), &payment);
            }
            self.state.borrow_mut().open.insert(key, payment);
        }
        Ok(())
    }

    pub(super) async fn load_done(&self) -> Result<(), LedgerError> {
        let store = &*self.base.store;
        for name in store.list(record::DONE).await? {
            let Some((at, key)) = record::done_parts(&name) else { continue };
            let key = match key {
                Some(key) => key,
                None => {
                    let read = self.damaged.pass_over(&name, read_payment(store, &name).await)?;
                    let Some(payment) = read else { continue };
                    let key = Key::of(&payment);
                    self.move_record(name, done_name(at, key), &payment);
                    // Under its present name it is not in the store before the next commit.
                    self.state.borrow_mut().recent.insert(key, payment);
                    key
                }
            };
            let mut state = self.state.borrow_mut();
            state.done_at.insert(key, at);
            state.done.insert((at, key));
        }
        Ok(())
    }

    /// Gives a record of a release whose names had no direction its present name.
    fn move_record(&self, from: String, to: String, payment: &Payment) {
        self.base.staged.remove(from);
        self.write(to, &StoredPayment::from(payment));
    }

    pub(super) async fn load_events(&self) -> Result<(), LedgerError> {
        let store = &*self.base.store;
        // Numbers that were given stay given, also when the counter cannot be read.
        let mut next = 1;
        for name in store.list(record::EVENTS).await? {
            next = record::event_id(&name).map_or(next, |id| next.max(id.saturating_add(1)));
            let read = self.damaged.pass_over(&name, read_event(store, &name).await)?;
            self.state.borrow_mut().events.extend(read.map(|event| (event.id, event)));
        }
        let name = record::EVENT_COUNTER;
        let bytes = self.damaged.pass_over(name, store.get(name).await.map_err(LedgerError::from))?;
        let counter = bytes.flatten().and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        self.state.borrow_mut().next_event = counter.unwrap_or(1).max(next);
        Ok(())
    }
}
