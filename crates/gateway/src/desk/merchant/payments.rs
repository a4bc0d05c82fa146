//! Payments that sites make, within their key's limits.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::budget::{BudgetId, Purpose};
use amplet_node::{Authorization, PaymentId};
use amplet_protocol::page::PaymentStatus;
use amplet_wallet::Ctx;
use amplet_wallet::actions::pay::PayOrder;

use super::api_keys::Key;
use super::idempotency::{Idempotency, IdempotencyKey, Made};
use super::records::{self, PaymentRecord, Records, names};
use super::types::{EventName, Payment, SendPayment};
use super::webhooks::WebhookService;
use crate::desk::error::{ApiCode, ApiError, Result};
use crate::desk::payments::{self, PaymentState};

/// The service of payments.
pub struct PaymentService {
    ctx: Ctx,
    records: Records,
    idempotency: Rc<Idempotency>,
    webhooks: Rc<WebhookService>,
}

impl PaymentService {
    pub(super) fn new(
        ctx: Ctx,
        records: Records,
        idempotency: Rc<Idempotency>,
        webhooks: Rc<WebhookService>,
    ) -> Self {
        Self { ctx, records, idempotency, webhooks }
    }

    /// Stages the calls to webhooks that a payment's end is told to.
    pub(super) async fn ended(&self, event: &str, id: PaymentId, status: &PaymentStatus) -> Result<()> {
        let name = names::payment(id);
        let Some(record) = self.records.find::<PaymentRecord>(&name).await? else { return Ok(()) };
        let payment = self.get(&record.account, id, Duration::ZERO).await?;
        let kind = match status {
            PaymentStatus::Succeeded => EventName::PaymentSucceeded,
            PaymentStatus::Pending | PaymentStatus::Failed { .. } => EventName::PaymentFailed,
        };
        self.webhooks.enqueue(event, kind, &payment, &record.account, None);
        Ok(())
    }

    /// Pays an invoice from the key's budget; returns the outcome, or `pending` after a minute. What was asked for is durable
    /// before anything leaves, so the same request is never paid twice.
    ///
    /// # Errors
    /// [`ApiError`]: no funds were sent.
    pub async fn send(
        &self,
        key: &Key,
        idempotency: Option<IdempotencyKey>,
        request: SendPayment,
    ) -> Result<Made<Payment>> {
        let amount_msat = request.amount_msat.map(Into::into);
        let order = PayOrder::parse(&self.ctx, &request.invoice, amount_msat)?;
        let id = order.id();
        check_amount(&order, &request)?;
        let Some(budget) = key.budget else {
            return Err(ApiError::new(
                ApiCode::Forbidden,
                "this key has no budget; make one with spending limits",
            ));
        };
        // One at a time for each invoice: a second request sees what became of the first.
        let _invoice_guard = self.idempotency.lock_payment(id).await;
        let mut asked_before = false;
        let _guard = match &idempotency {
            None => None,
            Some(idempotency) => {
                let (guard, made) = self.idempotency.lock(idempotency).await?;
                asked_before = made.is_some();
                Some(guard)
            }
        };
        if let Some(value) = self.sent_before(key, id, asked_before).await? {
            return Ok(Made { value, replayed: true });
        }
        self.records.check()?;
        let amount_msat = order.check(&self.ctx).await?;
        let record = PaymentRecord { account: key.account.clone(), key: key.id.clone() };
        self.records.stage(|batch| {
            records::put(batch, names::payment(id), &record);
            if let Some(idempotency) = &idempotency {
                idempotency.record(batch, id);
            }
        });
        self.records.flushed().await?;
        let purpose = Purpose::parse("site").map_err(|error| ApiError::invalid(error.to_string()))?;
        let authorization = Authorization { budget: BudgetId(budget), purpose, ..Authorization::user() };
        let max_fee_msat = request.max_fee_msat.map(Into::into);
        let paid = payments::pay(&self.ctx, order, amount_msat, max_fee_msat, &authorization).await?;
        Ok(Made { value: paid.into(), replayed: false })
    }

    /// The earlier payment of this invoice, if it counts for this request: a failed one is tried again unless the request
    /// itself was made before.
    async fn sent_before(&self, key: &Key, id: PaymentId, asked_before: bool) -> Result<Option<Payment>> {
        let Some(known) = payments::find_payment(&self.ctx, id).await? else { return Ok(None) };
        if asked_before {
            return self.get(&key.account, id, Duration::ZERO).await.map(Some);
        }
        if Payment::from(known).state == PaymentState::Failed {
            return Ok(None);
        }
        Err(ApiError::new(
            ApiCode::InvoiceUnusable,
            "this gateway has paid this invoice, or is paying it; ask the payee for a new one",
        ))
    }

    /// A payment of an account, by its hash; one that is undecided is waited for so long.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`].
    pub async fn get(&self, account: &str, id: PaymentId, limit: Duration) -> Result<Payment> {
        let record: Option<PaymentRecord> = self.records.find(&names::payment(id)).await?;
        if record.is_none_or(|record| record.account != account) {
            return Err(ApiError::new(
                ApiCode::NotFound,
                "this account made no payment with that hash; check the hash, or use a key of its account",
            ));
        }
        if !limit.is_zero() {
            self.ctx.node.payments().outcome(id, limit).await;
        }
        Ok(payments::payment(&self.ctx, id).await?.into())
    }
}

fn check_amount(order: &PayOrder, request: &SendPayment) -> Result<()> {
    let asked = order.stated_msat().or(order.amount_msat);
    let (Some(max), Some(asked)) = (request.max_amount_msat, asked) else { return Ok(()) };
    if asked <= max.0 {
        return Ok(());
    }
    Err(ApiError::new(
        ApiCode::LimitExceeded,
        format!(
            "{asked} is to be paid, more than maxAmountMsat ({}); no funds were sent, pay less or ask for another invoice",
            max.0.get()
        ),
    ))
}
