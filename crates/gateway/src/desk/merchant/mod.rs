//! The service of sites, on the node's thread: API keys, invoices, payments, sessions, webhooks. Its records are committed in
//! the node's own transactions.

pub mod api_keys;
mod call;
mod deliver;
mod events;
mod idempotency;
mod invoices;
mod keys;
mod payments;
mod records;
pub mod requests;
mod sessions;
pub mod types;
mod webhooks;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use amplet_storage::{Store, StoreError};
use amplet_wallet::Ctx;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use self::api_keys::ApiKeys;
use self::idempotency::KeyedMutex;
use self::records::{DeliveryRecord, WebhookRecord, names};
use self::webhooks::Calls;
use super::error::Result;
use super::error::{ApiCode, ApiError, unreadable};

pub(crate) use deliver::deliver;
pub use events::{Changes, EventBus};
pub use idempotency::{IdempotencyKey, Made};
pub use sessions::Sessions;

/// The service of sites.
pub struct MerchantService {
    ctx: Ctx,
    store: Rc<dyn Store>,
    keys: Arc<ApiKeys>,
    /// True if webhooks may be at private addresses.
    private_webhooks: bool,
    /// Invoices of each account by their number, oldest first.
    by_account: RefCell<HashMap<String, BTreeMap<u64, String>>>,
    /// Account and number of each invoice, by its payment hash.
    by_hash: RefCell<HashMap<String, (String, u64)>>,
    next_number: Cell<u64>,
    locks: KeyedMutex,
    calls: RefCell<Calls>,
    sessions: Rc<Sessions>,
    /// Calls that are being made, by their record's name.
    in_flight: RefCell<BTreeSet<String>>,
    /// Notified when a call may be due.
    due: Notify,
}

impl MerchantService {
    /// Reads the keys, and which invoices there are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn open(
        ctx: Ctx,
        store: Rc<dyn Store>,
        sessions: Rc<Sessions>,
        keys: Arc<ApiKeys>,
        private_webhooks: bool,
    ) -> std::result::Result<Self, StoreError> {
        let service = Self {
            ctx,
            store,
            keys,
            private_webhooks,
            by_account: RefCell::default(),
            by_hash: RefCell::default(),
            next_number: Cell::new(1),
            locks: KeyedMutex::default(),
            calls: RefCell::default(),
            sessions,
            in_flight: RefCell::default(),
            due: Notify::new(),
        };
        for name in service.store.list(names::KEYS).await? {
            service.keys.put(records::read(&*service.store, &name).await?);
        }
        for name in service.store.list(names::WEBHOOKS).await? {
            let hook: WebhookRecord = records::read(&*service.store, &name).await?;
            service.calls.borrow_mut().webhooks.insert(hook.id.clone(), hook);
        }
        for name in service.store.list(names::DELIVERIES).await? {
            let call: DeliveryRecord = records::read(&*service.store, &name).await?;
            service.calls.borrow_mut().waiting.insert(name, call);
        }
        for name in service.store.list(names::INVOICES).await? {
            if let Some((account, number, hash)) = names::invoice_parts(&name) {
                service.index(account, number, hash);
            }
        }
        service.close_expired().await;
        Ok(service)
    }

    /// Indexes an invoice.
    fn index(&self, account: &str, number: u64, hash: &str) {
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

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::getrandom(&mut bytes).map_err(|error| {
        ApiError::new(ApiCode::Internal, format!("the system gave no randomness ({error}); try again"))
    })?;
    Ok(bytes)
}
