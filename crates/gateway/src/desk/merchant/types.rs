//! Resources and requests of sites, as their JSON has them, in webhook calls too: msat as decimal text, times in seconds since the UNIX epoch, hashes in hex.

use amplet_protocol::{NodeId, PaymentId, page};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use super::metadata::Metadata;
use super::metadata::MetadataSchema;
use crate::desk::amount::MsatText;
use crate::desk::error::ApiError;
use crate::desk::payments::{self, InvoiceState, PaymentState};

/// A permission of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// Make invoices.
    #[serde(rename = "invoices:create")]
    InvoicesCreate,
    /// Look invoices up, list them, wait for them.
    #[serde(rename = "invoices:read")]
    InvoicesRead,
    /// Pay invoices of others, within the key's limits.
    #[serde(rename = "payments:send")]
    PaymentsSend,
    /// Register, list and remove webhooks.
    #[serde(rename = "webhooks")]
    Webhooks,
    /// Open streaming sessions.
    #[serde(rename = "sessions:create")]
    SessionsCreate,
    /// Read the credit of streaming sessions, wait for it.
    #[serde(rename = "sessions:read")]
    SessionsRead,
}

impl Scope {
    /// All of them with their names.
    pub const ALL: [(&'static str, Self); 6] = [
        ("invoices:create", Self::InvoicesCreate),
        ("invoices:read", Self::InvoicesRead),
        ("payments:send", Self::PaymentsSend),
        ("webhooks", Self::Webhooks),
        ("sessions:create", Self::SessionsCreate),
        ("sessions:read", Self::SessionsRead),
    ];

    /// As in JSON.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, scope)| *scope == self).map_or("", |(name, _)| name)
    }
}

/// An invoice to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateInvoice {
    /// Absent: the payer chooses. From 1.
    #[serde(default)]
    #[schema(nullable = true)]
    pub amount_msat: Option<MsatText>,
    /// Purpose; the payer sees it. At most 639 bytes of UTF-8 (BOLT 11).
    #[serde(default)]
    #[schema(max_length = 639)]
    pub description: String,
    /// Seconds until it expires.
    #[serde(default = "default_expiry")]
    #[schema(minimum = 1, maximum = 31_536_000, default = 3600)]
    pub expiry_secs: u32,
    /// At most 20 names of 40 characters with values of 500.
    #[serde(default)]
    #[schema(value_type = MetadataSchema)]
    pub metadata: Metadata,
    /// Called when it is paid, beside the account's webhooks; signed with the key's `webhookSecret`.
    #[serde(default)]
    #[schema(nullable = true, max_length = 2000)]
    pub webhook_url: Option<String>,
}

fn default_expiry() -> u32 {
    3600
}

/// An invoice, as sites' API publishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    /// Its payment hash, which names it.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    pub payment_hash: PaymentId,
    /// The BOLT 11 text.
    pub invoice: String,
    /// The state.
    pub state: InvoiceState,
    /// The amount asked for; `null`: the payer chooses.
    pub amount_msat: Option<MsatText>,
    /// Amount that arrived, once paid.
    pub received_msat: Option<MsatText>,
    /// Purpose.
    pub description: String,
    /// Time of creation.
    pub created_at: u64,
    /// Time of expiry.
    pub expires_at: u64,
    /// Time of payment.
    pub paid_at: Option<u64>,
    /// As it was given.
    #[schema(value_type = MetadataSchema)]
    pub metadata: Metadata,
}

/// A page of invoices, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invoices {
    /// The page: `limit` invoices at most.
    pub invoices: Vec<Invoice>,
    /// For the next page; `null`: there is none.
    pub next_cursor: Option<String>,
}

/// An invoice of somebody else to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendPayment {
    /// BOLT 11.
    #[schema(max_length = 7089)]
    pub invoice: String,
    /// For invoices without amount, and only for those.
    #[serde(default)]
    #[schema(nullable = true)]
    pub amount_msat: Option<MsatText>,
    /// Limit: an invoice that asks for more is refused.
    #[serde(default)]
    #[schema(nullable = true)]
    pub max_amount_msat: Option<MsatText>,
    /// Maximum routing fee; 1 % and at least 50 sat by default.
    #[serde(default)]
    #[schema(nullable = true)]
    pub max_fee_msat: Option<MsatText>,
}

/// A payment by this account, as sites' API publishes it; the operator's shows more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Its payment hash, which names it.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    pub payment_hash: PaymentId,
    /// The outcome. `pending`: not decided yet; ask again, never pay again.
    pub state: PaymentState,
    /// Amount that the payee gets.
    pub amount_msat: MsatText,
    /// Paid on top of it; `null` until known.
    pub fee_msat: Option<MsatText>,
    /// Proof of payment.
    pub preimage: Option<String>,
    /// Reason of a failure, with the remedy.
    pub error: Option<ApiError>,
}

impl From<page::Payment> for Payment {
    fn from(payment: page::Payment) -> Self {
        let (state, error) = payments::outcome(payment.status);
        Self {
            payment_hash: payment.id,
            state,
            amount_msat: payment.amount_msat.unwrap_or_default().into(),
            fee_msat: payment.fee_msat.map(MsatText),
            preimage: payment.preimage,
            error,
        }
    }
}

/// An event that a webhook is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum EventName {
    /// An invoice was paid; `data` is the invoice.
    #[serde(rename = "invoice.paid")]
    InvoicePaid,
    /// A payment of this account succeeded; `data` is the payment.
    #[serde(rename = "payment.succeeded")]
    PaymentSucceeded,
    /// A payment of this account failed, no funds were sent; `data` is the payment.
    #[serde(rename = "payment.failed")]
    PaymentFailed,
    /// A trial of the webhook; `data` is empty.
    #[serde(rename = "ping")]
    Ping,
}

/// The body of a call to a webhook.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventCall<'a, T: Serialize> {
    /// The same in every attempt: note it, and a repeated call is seen as one.
    pub id: String,
    /// Kind of event.
    #[serde(rename = "type")]
    pub kind: EventName,
    /// Time of the event.
    pub created_at: u64,
    /// The subject.
    pub data: &'a T,
}

/// A webhook to register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateWebhook {
    /// URL to call: `https://`, on the internet.
    #[schema(max_length = 2000)]
    pub url: String,
    /// Events to call for; empty: all.
    #[serde(default)]
    pub events: Vec<EventName>,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Names it.
    pub id: String,
    /// URL that is called.
    pub url: String,
    /// Events to call for; empty: all.
    pub events: Vec<EventName>,
    /// Time of registration.
    pub created_at: u64,
}

/// The answer to a registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeWebhook {
    /// It.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// Signs its calls; shown this once. `Amplet-Signature: t=<seconds>,v1=<hex>` is HMAC-SHA256, keyed with this text, over
    /// `<t>.<body>`.
    pub secret: String,
}

/// Outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Time of the attempt.
    pub at: u64,
    /// Error; `null`: it succeeded.
    pub error: Option<String>,
}

/// A webhook and its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookState {
    /// It.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// Number of calls that wait to be made, or made again.
    pub waiting: usize,
    /// Outcome of the newest call; `null`: there was none.
    pub last_attempt: Option<Attempt>,
}

/// All webhooks of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhooks {
    /// The webhooks.
    pub webhooks: Vec<WebhookState>,
}

/// A streaming session to open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateSession {
    /// Seconds for which it can be paid; at most a week.
    #[serde(default = "default_session_expiry")]
    #[schema(minimum = 1, maximum = 604_800, default = 86_400)]
    pub expiry_secs: u32,
    /// At most 20 names of 40 characters with values of 500.
    #[serde(default)]
    #[schema(value_type = MetadataSchema)]
    pub metadata: Metadata,
}

fn default_session_expiry() -> u32 {
    86_400
}

/// A streaming session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Names it; goes into the custom record 4279633 of each payment.
    pub id: String,
    /// The node to pay by keysend.
    #[schema(value_type = String)]
    pub node_id: NodeId,
    /// The state.
    pub state: SessionState,
    /// Sum that has come in; it never becomes less. The site counts what is used up.
    pub received_msat: MsatText,
    /// Number of payments.
    pub payments: u64,
    /// Time of opening.
    pub created_at: u64,
    /// Time until which it can be paid.
    pub expires_at: u64,
    /// As it was given.
    #[schema(value_type = MetadataSchema)]
    pub metadata: Metadata,
}

/// State of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SessionState {
    /// Yes.
    Open,
    /// No longer: it was closed, or has expired.
    Closed,
}
