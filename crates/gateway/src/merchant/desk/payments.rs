//! Payments that sites make, within their key's limits.

use std::time::Duration;

use amplet_node::bitcoin::hex::DisplayHex;
use amplet_node::budget::{BudgetId, Purpose};
use amplet_node::lightning_invoice::Bolt11Invoice;
use amplet_node::{Authorization, PaymentId};

use super::invoices::parse_hash;
use super::once::{Made, Once};
use super::records::{self, PaymentRecord, names};
use super::{Desk, Result};
use crate::admin::types as admin;
use crate::merchant::error::{ApiCode, ApiError};
use crate::merchant::keys::Key;
use crate::merchant::types::{Payment, SendPayment};

impl Desk {
    /// Pays an invoice from the key's budget; answers the outcome, or `pending` after a minute. What was asked for is durable
    /// before anything leaves, so the same request is never paid twice.
    ///
    /// # Errors
    /// [`ApiError`]: no funds were sent.
    pub async fn send_payment(
        &self,
        key: &Key,
        once: Option<Once>,
        request: SendPayment,
    ) -> Result<Made<Payment>> {
        let invoice = self.office.readable(&request.invoice)?;
        let hash = invoice.payment_hash().0.to_lower_hex_string();
        check_amount(&invoice, &request)?;
        let Some(budget) = key.budget else {
            return Err(ApiError::new(
                ApiCode::Forbidden,
                "this key has no budget; make one with spending limits",
            ));
        };
        // One at a time for each invoice: a second request sees what became of the first.
        let _invoice_turn = self.turns.enter(&hash).await;
        let mut asked_before = false;
        let _turn = match &once {
            None => None,
            Some(once) => {
                let (turn, made) = self.begin(once).await?;
                asked_before = made.is_some();
                Some(turn)
            }
        };
        if let Some(value) = self.sent_before(key, &hash, asked_before).await? {
            return Ok(Made { value, replayed: true });
        }
        let record = PaymentRecord { account: key.account.clone(), key: key.id.clone() };
        self.office.node.ledger().stage(|batch| {
            records::put(batch, format!("{}{hash}", names::PAYMENTS), &record);
            if let Some(once) = &once {
                once.note(batch, &hash);
            }
        });
        self.office.node.ledger().flushed().await;
        let purpose = Purpose::parse("site").map_err(|error| ApiError::invalid(error.to_string()))?;
        let authorization = Authorization { budget: BudgetId(budget), purpose, approved: false };
        let pay = admin::Pay {
            invoice: request.invoice,
            amount_msat: request.amount_msat,
            max_fee_msat: request.max_fee_msat,
        };
        let paid = self.office.pay(&pay, &authorization).await?;
        Ok(Made { value: paid.into(), replayed: false })
    }

    /// The earlier payment of this invoice, if it counts for this request: a failed one is tried again unless the request
    /// itself was made before.
    async fn sent_before(&self, key: &Key, hash: &str, asked_before: bool) -> Result<Option<Payment>> {
        let known = match self.office.payment(parse_hash(hash)?).await {
            Ok(line) => Payment::from(line),
            Err(error) if error.code == crate::admin::AdminCode::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if asked_before {
            return self.payment(&key.account, hash, Duration::ZERO).await.map(Some);
        }
        if known.state == admin::PaymentState::Failed {
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
    pub async fn payment(&self, account: &str, hash: &str, limit: Duration) -> Result<Payment> {
        let name = format!("{}{hash}", names::PAYMENTS);
        let id = parse_hash(hash)?;
        let record: Option<PaymentRecord> = self.find(&name).await?;
        if record.is_none_or(|record| record.account != account) {
            return Err(ApiError::new(
                ApiCode::NotFound,
                "this account made no payment with that hash; check the hash, or use a key of its account",
            ));
        }
        if !limit.is_zero() {
            self.office.node.payments().outcome(PaymentId(id), limit).await;
        }
        Ok(self.office.payment(id).await?.into())
    }
}

fn check_amount(invoice: &Bolt11Invoice, request: &SendPayment) -> Result<()> {
    let asked = invoice.amount_milli_satoshis();
    let (Some(most), Some(asked)) = (request.max_amount_msat, asked) else { return Ok(()) };
    if asked <= most.0 {
        return Ok(());
    }
    Err(ApiError::new(
        ApiCode::LimitExceeded,
        format!(
            "the invoice asks for {asked} msat, more than maxAmountMsat ({}); nothing was paid, ask for another invoice",
            most.0
        ),
    ))
}
