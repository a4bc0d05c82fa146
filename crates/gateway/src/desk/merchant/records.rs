//! Stored records of sites, and their names.

use std::rc::Rc;

use amplet_node::Node;
use amplet_storage::{Batch, Store, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::types::{Attempt, EventName, Metadata};
use crate::desk::error::{Result, unreadable};

/// Version of the stored records.
const FORMAT: u32 = 1;

/// Names in the store; account names have no slash.
pub(super) mod names {
    use amplet_protocol::PaymentId;

    /// Keys, by id.
    pub const KEYS: &str = "merchant/key/";
    /// Invoices, by account, number and payment hash.
    pub const INVOICES: &str = "merchant/invoice/";
    /// Payments, by payment hash.
    const PAYMENTS: &str = "merchant/payment/";
    /// Webhooks, by id.
    pub const WEBHOOKS: &str = "merchant/webhook/";
    /// Calls that wait, by event and target.
    pub const DELIVERIES: &str = "merchant/delivery/";
    /// Streaming sessions, by id.
    pub const SESSIONS: &str = "merchant/session/";
    /// Idempotency keys, by account and SHA-256.
    pub const ONCE: &str = "merchant/once/";

    /// An invoice's name.
    pub fn invoice(account: &str, number: u64, id: PaymentId) -> String {
        format!("{INVOICES}{account}/{number:016x}/{id}")
    }

    /// A payment's name.
    pub fn payment(id: PaymentId) -> String {
        format!("{PAYMENTS}{id}")
    }

    /// Account, number and payment hash.
    pub fn invoice_parts(name: &str) -> Option<(&str, u64, PaymentId)> {
        let mut parts = name.strip_prefix(INVOICES)?.split('/');
        let (account, number, hash) = (parts.next()?, parts.next()?, parts.next()?);
        Some((account, u64::from_str_radix(number, 16).ok()?, hash.parse().ok()?))
    }
}

#[derive(Serialize, Deserialize)]
struct Record<T> {
    v: u32,
    #[serde(flatten)]
    value: T,
}

/// A site's data of an invoice, beside the node's own record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvoiceRecord {
    /// The key that made it.
    pub key: String,
    pub created_at: u64,
    pub metadata: Metadata,
    pub webhook_url: Option<String>,
}

/// A site's data of a payment, beside the node's own record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentRecord {
    pub account: String,
    /// The key that sent it.
    pub key: String,
}

/// A webhook.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookRecord {
    pub id: String,
    pub account: String,
    pub url: String,
    /// Empty: all.
    pub events: Vec<EventName>,
    pub secret: String,
    pub created_at: u64,
    /// Outcome of the newest call.
    pub last: Option<Attempt>,
}

/// The target of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum Target {
    /// A registered webhook.
    Webhook { id: String },
    /// The URL of an invoice, with the secret of the key that made it.
    Key { id: String, url: String },
}

impl Target {
    /// Returns whether it is this webhook.
    pub(super) fn is(&self, webhook: &str) -> bool {
        matches!(self, Self::Webhook { id } if id == webhook)
    }

    /// Unique among the targets of one event.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Webhook { id } | Self::Key { id, .. } => id,
        }
    }
}

/// A call that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryRecord {
    pub event: String,
    pub target: Target,
    /// As it is signed and sent.
    pub body: String,
    pub created_at: u64,
    pub attempts: u32,
    pub next_at: u64,
}

/// A streaming session.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionRecord {
    pub account: String,
    pub created_at: u64,
    pub expires_at: u64,
    pub metadata: Metadata,
    pub closed_at: Option<u64>,
    /// The id of its record in the node's history, once closed, if anything had come in.
    #[serde(rename = "line")] // as sessions were stored first
    pub payment: Option<String>,
}

/// The payment hash made under an idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OnceRecord {
    /// SHA-256 of the request.
    pub request: String,
    /// The payment hash of what was made.
    pub made: String,
    /// Time of the request, in seconds since the UNIX epoch; the first release wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
}

/// The records of sites, which are committed in the node's own transactions.
#[derive(Clone)]
pub(super) struct Records {
    node: Node,
    store: Rc<dyn Store>,
}

impl Records {
    /// Of this node and its store.
    pub(super) fn new(node: Node, store: Rc<dyn Store>) -> Self {
        Self { node, store }
    }

    /// Lists the names that begin with `prefix`.
    pub(super) async fn list(&self, prefix: &str) -> std::result::Result<Vec<String>, StoreError> {
        self.store.list(prefix).await
    }

    /// Reads a record of the list, when a service is opened; `None`: it cannot be read, and is passed over.
    pub(super) async fn load<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> std::result::Result<Option<T>, StoreError> {
        load(&*self.store, name).await
    }

    /// Reads a record that is there.
    pub(super) async fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        read(&*self.store, name).await.map_err(|error| unreadable(&error))
    }

    /// Reads a record if there is one.
    pub(super) async fn find<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        find(&*self.store, name).await.map_err(|error| unreadable(&error))
    }

    /// Stages writes for the node's next transaction.
    pub(super) fn stage(&self, gather: impl FnOnce(&mut Batch)) {
        self.node.ledger().stage(gather);
    }

    /// Stages a record.
    pub(super) fn put<T: Serialize>(&self, name: String, value: &T) {
        self.stage(|batch| put(batch, name, value));
    }

    /// Checks that records can be saved now, before any is staged.
    pub(super) fn check(&self) -> Result<()> {
        Ok(self.node.ledger().check_saves()?)
    }

    /// Resolves when what is staged is durable.
    pub(super) async fn flushed(&self) -> Result<()> {
        Ok(self.node.ledger().flushed().await?)
    }
}

/// Stages a record.
pub(super) fn put<T: Serialize>(batch: &mut Batch, name: String, value: &T) {
    // Plain data: its serialization has no failing case.
    if let Ok(bytes) = serde_json::to_vec(&Record { v: FORMAT, value }) {
        batch.put(name, bytes);
    }
}

/// Reads a record when a service is opened. One that cannot be read keeps the gateway from nothing else: it is logged, passed over
/// and left as it is.
pub(super) async fn load<T: DeserializeOwned>(
    store: &dyn Store,
    name: &str,
) -> std::result::Result<Option<T>, StoreError> {
    match read(store, name).await {
        Ok(record) => Ok(Some(record)),
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "a record is passed over");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reads a record that is there.
async fn read<T: DeserializeOwned>(store: &dyn Store, name: &str) -> std::result::Result<T, StoreError> {
    let found = find(store, name).await?;
    found.ok_or_else(|| StoreError::Corrupt { name: name.to_owned(), what: "it is gone".into() })
}

/// Reads a record if there is one.
pub(super) async fn find<T: DeserializeOwned>(
    store: &dyn Store,
    name: &str,
) -> std::result::Result<Option<T>, StoreError> {
    let Some(bytes) = store.get(name).await? else { return Ok(None) };
    let record: Record<T> = serde_json::from_slice(&bytes)
        .map_err(|error| StoreError::Corrupt { name: name.to_owned(), what: error.to_string() })?;
    if record.v > FORMAT {
        return Err(StoreError::NewerFormat { found: record.v, supported: FORMAT });
    }
    Ok(Some(record.value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use amplet_protocol::PaymentId;
    use amplet_storage::MemoryBackend;
    use amplet_storage::SealedStore;
    use amplet_storage::kdf::{KdfParams, Kek};

    use super::*;
    use crate::desk::merchant::api_keys::Key;

    /// A record of each kind as the first release wrote it. Frozen.
    const KEY: &str = r#"{"v":1,"id":"0a0b0c0d0e0f","name":"the shop's","account":"shop","scopes":["invoices:create","invoices:read","payments:send","webhooks","sessions:create","sessions:read"],"spending":{"perPaymentMsat":"1000000","perDayMsat":"5000000","totalMsat":null},"purse":3,"secretHash":"00ff","webhookSecret":"whsec_1","createdAt":5,"revokedAt":null}"#;
    const INVOICE: &str = r#"{"v":1,"key":"0a","createdAt":5,"metadata":{"order":"7"},"webhookUrl":"https://shop.example/paid"}"#;
    const PAYMENT: &str = r#"{"v":1,"account":"shop","key":"0a"}"#;
    const WEBHOOK: &str = r#"{"v":1,"id":"0b","account":"shop","url":"https://shop.example/hook","events":["invoice.paid","payment.succeeded","payment.failed","ping"],"secret":"whsec_2","createdAt":6,"last":{"at":7,"error":"it answered 500"}}"#;
    const DELIVERIES: [&str; 2] = [
        r#"{"v":1,"event":"evt_1","target":{"kind":"webhook","id":"0b"},"body":"{}","createdAt":8,"attempts":2,"nextAt":9}"#,
        r#"{"v":1,"event":"evt_2","target":{"kind":"key","id":"0a","url":"https://shop.example/paid"},"body":"{}","createdAt":8,"attempts":0,"nextAt":8}"#,
    ];
    const SESSION: &str =
        r#"{"v":1,"account":"shop","createdAt":10,"expiresAt":20,"metadata":{},"closedAt":15,"line":"aa"}"#;
    const ONCE: &str = r#"{"v":1,"request":"ab","made":"cd"}"#;

    /// Reads a record and writes it again.
    fn rewritten<T: Serialize + DeserializeOwned>(text: &str) -> String {
        serde_json::to_string(&serde_json::from_str::<Record<T>>(text).unwrap()).unwrap()
    }

    #[test]
    fn records_of_each_kind_are_read_and_written_as_they_were() {
        assert_eq!(rewritten::<Key>(KEY), KEY);
        assert_eq!(rewritten::<InvoiceRecord>(INVOICE), INVOICE);
        assert_eq!(rewritten::<PaymentRecord>(PAYMENT), PAYMENT);
        assert_eq!(rewritten::<WebhookRecord>(WEBHOOK), WEBHOOK);
        DELIVERIES.iter().for_each(|text| assert_eq!(rewritten::<DeliveryRecord>(text), *text));
        assert_eq!(rewritten::<SessionRecord>(SESSION), SESSION);
        assert_eq!(rewritten::<OnceRecord>(ONCE), ONCE);
        let key: Record<Key> = serde_json::from_str(KEY).unwrap();
        assert_eq!(key.value.budget, Some(3), "what holds the key to its limits");
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let id = PaymentId([0xab; 32]);
        let name = names::invoice("shop", 0x1f, id);
        assert_eq!(name, format!("merchant/invoice/shop/000000000000001f/{}", "ab".repeat(32)));
        assert_eq!(names::invoice_parts(&name), Some(("shop", 0x1f, id)));
        assert!(names::invoice("shop", 9, id) < names::invoice("shop", 10, id));
        assert_eq!(names::payment(id), format!("merchant/payment/{}", "ab".repeat(32)));
    }

    /// Records as the first release wrote them, and one of a release to come.
    #[tokio::test]
    async fn the_first_format_is_read_and_a_newer_one_refused() {
        let backend = std::rc::Rc::new(MemoryBackend::default());
        let kek = Kek::from_bytes([7; 32]);
        let store = SealedStore::create(backend, &KdfParams::external_key(), kek).await.unwrap();
        let mut batch = Batch::new();
        let first = r#"{"v":1,"key":"0a","createdAt":5,"metadata":{"order":"7"},"webhookUrl":null}"#;
        batch.put("first", first.as_bytes().to_vec());
        batch.put("torn", first.as_bytes()[..20].to_vec());
        batch.put("newer", first.replace("\"v\":1", "\"v\":2").into_bytes());
        store.commit(batch).await.unwrap().durable().await.unwrap();
        let record: InvoiceRecord = read(&store, "first").await.unwrap();
        assert_eq!((record.key.as_str(), record.created_at), ("0a", 5));
        assert_eq!(record.metadata["order"], "7");
        let newer = read::<InvoiceRecord>(&store, "newer").await.unwrap_err();
        assert!(matches!(newer, StoreError::NewerFormat { found: 2, supported: 1 }), "{newer}");
        assert!(find::<InvoiceRecord>(&store, "none").await.unwrap().is_none());
        assert!(load::<InvoiceRecord>(&store, "torn").await.unwrap().is_none(), "passed over");
        assert!(load::<InvoiceRecord>(&store, "first").await.unwrap().is_some());
        assert!(load::<InvoiceRecord>(&store, "newer").await.is_err(), "a newer gateway is needed");
    }
}
