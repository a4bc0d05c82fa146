//! The service of sites, on the node's thread: API keys, invoices, payments, sessions, webhooks. Its records are committed in
//! the node's own transactions.

pub mod api_keys;
mod call;
mod deliver;
mod events;
mod idempotency;
mod invoices;
mod keys;
pub mod metadata;
mod payments;
mod prune;
mod queues;
mod records;
pub mod requests;
mod sessions;
pub mod types;
mod webhooks;

use std::rc::Rc;
use std::sync::Arc;

use amplet_protocol::page::{Event, EventKind};
use amplet_storage::{Store, StoreError};
use amplet_transport::HttpClient;
use amplet_wallet::Ctx;
use tracing::error;

use self::api_keys::ApiKeys;
use self::idempotency::Idempotency;
use self::invoices::InvoiceService;
use self::keys::KeyService;
use self::payments::PaymentService;
use self::records::Records;
use self::sessions::SessionService;
use self::webhooks::WebhookService;

pub use events::{Changes, EventBus, Subject};
pub use idempotency::{IdempotencyKey, Made};
pub(crate) use invoices::unknown as unknown_invoice;
pub use sessions::Sessions;

/// The services of sites. Each owns its state and its records.
pub struct MerchantService {
    /// Makes and revokes API keys.
    pub keys: KeyService,
    /// Invoices of accounts.
    pub invoices: InvoiceService,
    /// Payments of accounts.
    pub payments: PaymentService,
    /// Streaming sessions of accounts.
    pub sessions: SessionService,
    /// Webhooks of accounts.
    pub webhooks: Rc<WebhookService>,
    records: Records,
    idempotency: Rc<Idempotency>,
}

impl MerchantService {
    /// Reads what is stored.
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
        let records = Records::new(ctx.node.clone(), store);
        let idempotency = Rc::new(Idempotency::new(records.clone()));
        // Calls that wait are of an account, which their key knows.
        let key_service = KeyService::open(ctx.clone(), records.clone(), Arc::clone(&keys)).await?;
        let webhooks = WebhookService::open(records.clone(), keys, private_webhooks).await?;
        let webhooks = Rc::new(webhooks);
        let invoices =
            InvoiceService::open(ctx.clone(), records.clone(), Rc::clone(&idempotency), Rc::clone(&webhooks));
        Ok(Self {
            keys: key_service,
            invoices: invoices.await?,
            payments: PaymentService::new(
                ctx.clone(),
                records.clone(),
                Rc::clone(&idempotency),
                Rc::clone(&webhooks),
            ),
            sessions: SessionService::open(ctx, records.clone(), sessions).await,
            webhooks,
            records,
            idempotency,
        })
    }

    /// Makes calls to webhooks for as long as the node runs.
    pub(crate) fn deliver(&self, http: HttpClient) -> impl Future<Output = ()> + use<> {
        deliver::deliver(Rc::clone(&self.webhooks), http)
    }

    /// Forgets what no site needs any more, for as long as the node runs.
    pub(crate) fn prune(self: Rc<Self>) -> impl Future<Output = ()> {
        prune::run(self)
    }

    /// Stages calls to the webhooks that an event of the node concerns: acknowledge the event before the next await, and both
    /// are one transaction. Returns `false` when the event must not be acknowledged.
    pub async fn handle_event(&self, event: &Event) -> bool {
        let name = format!("evt_{:016x}", event.id);
        let handled = match &event.kind {
            EventKind::PaymentReceived { payment } => self.invoices.paid(&name, payment.id).await,
            EventKind::PaymentSent { payment } | EventKind::PaymentFailed { payment } => {
                self.payments.ended(&name, payment.id, &payment.status).await
            }
            _ => Ok(()),
        };
        if let Err(error) = &handled {
            error!(%error, event = event.id, "an event cannot be told to its site before the gateway is restarted");
        }
        handled.is_ok()
    }
}
