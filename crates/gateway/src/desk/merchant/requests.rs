//! Requests of sites, and of the operator where keys are made.

use std::sync::Arc;
use std::time::Duration;

use amplet_protocol::PaymentId;

use super::api_keys::{Key, Spending};
use super::idempotency::IdempotencyKey;
use super::types::{self, Scope};

/// A key to make.
#[derive(Clone, Debug)]
pub struct CreateKey {
    /// For the operator: 1 to 80 characters.
    pub name: String,
    /// 1 to 40 of a-z, 0-9 and -.
    pub account: String,
    /// At least one.
    pub scopes: Vec<Scope>,
    /// With `payments:send`, and only with it.
    pub spending: Option<Spending>,
}

/// A key to revoke.
#[derive(Clone, Debug)]
pub struct RevokeKey {
    /// Its id.
    pub id: String,
}

/// An invoice to make.
#[derive(Clone, Debug)]
pub struct CreateInvoice {
    /// The caller's key.
    pub key: Arc<Key>,
    /// The same request under the same one is done once.
    pub idempotency: Option<IdempotencyKey>,
    /// The invoice.
    pub invoice: types::CreateInvoice,
}

/// An invoice of an account.
#[derive(Clone, Debug)]
pub struct GetInvoice {
    /// The account.
    pub account: String,
    /// The payment hash.
    pub payment_hash: PaymentId,
}

/// A page of an account's invoices.
#[derive(Clone, Debug)]
pub struct ListInvoices {
    /// The account.
    pub account: String,
    /// The `nextCursor` of the page before.
    pub cursor: Option<String>,
    /// Maximum length, 1 to 100.
    pub limit: u32,
}

/// A payment to make.
#[derive(Clone, Debug)]
pub struct SendPayment {
    /// The caller's key, whose budget pays.
    pub key: Arc<Key>,
    /// The same request under the same one is done once.
    pub idempotency: Option<IdempotencyKey>,
    /// The payment.
    pub payment: types::SendPayment,
}

/// A payment of an account.
#[derive(Clone, Debug)]
pub struct GetPayment {
    /// The account.
    pub account: String,
    /// The payment hash.
    pub payment_hash: PaymentId,
    /// Maximum wait for its outcome.
    pub wait: Duration,
}

/// A webhook to register.
#[derive(Clone, Debug)]
pub struct CreateWebhook {
    /// The account.
    pub account: String,
    /// The webhook.
    pub webhook: types::CreateWebhook,
}

/// The webhooks of an account.
#[derive(Clone, Debug)]
pub struct ListWebhooks {
    /// The account.
    pub account: String,
}

/// A webhook to remove.
#[derive(Clone, Debug)]
pub struct RemoveWebhook {
    /// The account.
    pub account: String,
    /// Its id.
    pub id: String,
}

/// A webhook to try.
#[derive(Clone, Debug)]
pub struct PingWebhook {
    /// The account.
    pub account: String,
    /// Its id.
    pub id: String,
}

/// A session to open.
#[derive(Clone, Debug)]
pub struct CreateSession {
    /// The account.
    pub account: String,
    /// The session.
    pub session: types::CreateSession,
}

/// A session of an account.
#[derive(Clone, Debug)]
pub struct GetSession {
    /// The account.
    pub account: String,
    /// Its id.
    pub id: String,
}

/// A session to close.
#[derive(Clone, Debug)]
pub struct CloseSession {
    /// The account.
    pub account: String,
    /// Its id.
    pub id: String,
}
