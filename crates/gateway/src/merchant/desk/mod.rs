//! The merchant's desk, on the node's thread: keys, invoices, payments and webhooks of sites. What it notes is committed in
//! the node's own transactions.

mod deliver;
mod invoices;
mod keys;
mod once;
mod payments;
mod records;
mod sessions;
mod webhooks;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use amplet_storage::{Store, StoreError};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use self::once::Turns;
use self::records::{DeliveryRecord, WebhookRecord, names};
use self::webhooks::Calls;
use super::error::{ApiCode, ApiError};
use super::hub::Hub;
use crate::node_thread::Office;

pub(crate) use deliver::deliver;
pub use keys::NewKey;
pub use once::{Made, Once};
pub use sessions::Sessions;

type Result<T> = std::result::Result<T, ApiError>;

/// See the module.
pub struct Desk {
    office: Rc<Office>,
    store: Rc<dyn Store>,
    hub: Hub,
    /// Invoices of each account by their number, oldest first.
    by_account: RefCell<HashMap<String, BTreeMap<u64, String>>>,
    /// Account and number of each invoice, by its payment hash.
    by_hash: RefCell<HashMap<String, (String, u64)>>,
    next_number: Cell<u64>,
    turns: Turns,
    calls: RefCell<Calls>,
    sessions: Rc<Sessions>,
    /// Calls that are being made, by their record's name.
    under_way: RefCell<BTreeSet<String>>,
    /// Rung when a call may be due.
    rung: Notify,
}

impl Desk {
    /// Reads the keys, and which invoices there are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn open(
        office: Rc<Office>,
        store: Rc<dyn Store>,
        sessions: Rc<Sessions>,
        hub: Hub,
    ) -> std::result::Result<Self, StoreError> {
        let desk = Self {
            office,
            store,
            hub,
            by_account: RefCell::default(),
            by_hash: RefCell::default(),
            next_number: Cell::new(1),
            turns: Turns::default(),
            calls: RefCell::default(),
            sessions,
            under_way: RefCell::default(),
            rung: Notify::new(),
        };
        for name in desk.store.list(names::KEYS).await? {
            desk.hub.keys.put(records::read(&*desk.store, &name).await?);
        }
        for name in desk.store.list(names::WEBHOOKS).await? {
            let hook: WebhookRecord = records::read(&*desk.store, &name).await?;
            desk.calls.borrow_mut().webhooks.insert(hook.id.clone(), hook);
        }
        for name in desk.store.list(names::DELIVERIES).await? {
            let call: DeliveryRecord = records::read(&*desk.store, &name).await?;
            desk.calls.borrow_mut().waiting.insert(name, call);
        }
        for name in desk.store.list(names::INVOICES).await? {
            if let Some((account, number, hash)) = names::invoice_parts(&name) {
                desk.shelve(account, number, hash);
            }
        }
        desk.close_expired().await;
        Ok(desk)
    }

    /// Notes where an invoice is found.
    fn shelve(&self, account: &str, number: u64, hash: &str) {
        self.by_account.borrow_mut().entry(account.to_owned()).or_default().insert(number, hash.to_owned());
        self.by_hash.borrow_mut().insert(hash.to_owned(), (account.to_owned(), number));
        self.next_number.set(self.next_number.get().max(number.saturating_add(1)));
    }

    async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        records::read(&*self.store, name).await.map_err(|error| unreadable(&error))
    }

    async fn find<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        records::find(&*self.store, name).await.map_err(|error| unreadable(&error))
    }

    /// A number that no invoice had.
    fn number(&self) -> u64 {
        let number = self.next_number.get();
        self.next_number.set(number.saturating_add(1));
        number
    }
}

/// The store failed: that is the operator's to know.
fn unreadable(error: &StoreError) -> ApiError {
    tracing::error!(%error, "a record of the API for sites cannot be read");
    ApiError::new(
        ApiCode::Internal,
        "the gateway cannot read its database; its log says why, tell its operator",
    )
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::getrandom(&mut bytes).map_err(|error| {
        ApiError::new(ApiCode::Internal, format!("the system gave no randomness ({error}); try again"))
    })?;
    Ok(bytes)
}
