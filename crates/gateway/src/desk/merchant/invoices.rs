//! Invoices of accounts.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::rc::Rc;

use amplet_protocol::PaymentId;
use amplet_storage::StoreError;
use amplet_wallet::Ctx;
use amplet_wallet::actions::receive::InvoiceOrder;

use super::api_keys::Key;
use super::idempotency::{Idempotency, IdempotencyKey, Made};
use super::metadata;
use super::records::{self, InvoiceRecord, Records, Target, names};
use super::requests::ListInvoices;
use super::types::{CreateInvoice, EventName, Invoice, Invoices};
use super::webhooks::WebhookService;
use crate::desk::clock::unix_now;
use crate::desk::error::{ApiCode, ApiError, Result};
use crate::desk::payments::{self, InvoiceState};

/// Maximum length of a page.
const MAX_PAGE: u32 = 100;

/// Seconds after which an invoice that expired unpaid is forgotten: 90 days, longer than an idempotency key is known.
const FORGOTTEN_AFTER: u64 = 90 * 24 * 3600;

/// The service of invoices.
pub struct InvoiceService {
    ctx: Ctx,
    records: Records,
    idempotency: Rc<Idempotency>,
    webhooks: Rc<WebhookService>,
    /// Invoices of each account by their number, oldest first.
    by_account: RefCell<BTreeMap<String, BTreeMap<u64, PaymentId>>>,
    /// Account and number of each invoice, by its payment hash.
    by_hash: RefCell<HashMap<PaymentId, (String, u64)>>,
    next_number: Cell<u64>,
}

impl InvoiceService {
    /// Reads which invoices there are.
    pub(super) async fn open(
        ctx: Ctx,
        records: Records,
        idempotency: Rc<Idempotency>,
        webhooks: Rc<WebhookService>,
    ) -> std::result::Result<Self, StoreError> {
        let (by_account, by_hash) = (RefCell::default(), RefCell::default());
        let next_number = Cell::new(1);
        let service = Self { ctx, records, idempotency, webhooks, by_account, by_hash, next_number };
        for name in service.records.list(names::INVOICES).await? {
            if let Some((account, number, id)) = names::invoice_parts(&name) {
                service.index(account, number, id);
            }
        }
        Ok(service)
    }

    /// Indexes an invoice.
    fn index(&self, account: &str, number: u64, id: PaymentId) {
        self.by_account.borrow_mut().entry(account.to_owned()).or_default().insert(number, id);
        self.by_hash.borrow_mut().insert(id, (account.to_owned(), number));
        self.next_number.set(self.next_number.get().max(number.saturating_add(1)));
    }

    /// The next invoices after one, by account and number; from the first on at the end.
    fn after(&self, (account, number): &(String, u64), limit: usize) -> Vec<(String, u64, PaymentId)> {
        let all = self.by_account.borrow();
        let rest = all.range::<str, _>((Bound::Included(account.as_str()), Bound::Unbounded));
        let next = rest.flat_map(|(name, mine)| {
            let from = if name == account { number.saturating_add(1) } else { 0 };
            mine.range(from..).map(move |(number, id)| (name.clone(), *number, *id))
        });
        next.take(limit).collect()
    }

    /// Looks at some invoices after `last`, and forgets those that expired unpaid long ago: strangers make a shop make them. Returns the
    /// last one that it looked at.
    pub(super) async fn prune(&self, last: &(String, u64), limit: usize, now: u64) -> (String, u64) {
        let mut seen = (String::new(), 0);
        for (account, number, id) in self.after(last, limit) {
            let invoice = payments::invoice(&self.ctx, id).await;
            if invoice.is_ok_and(|invoice| is_forgotten(&invoice, now)) {
                self.by_hash.borrow_mut().remove(&id);
                if let Some(mine) = self.by_account.borrow_mut().get_mut(&account) {
                    mine.remove(&number);
                }
                let name = names::invoice(&account, number, id);
                self.records.stage(|batch| batch.remove(name));
            }
            seen = (account, number);
            tokio::task::yield_now().await;
        }
        seen
    }

    /// A number that no invoice had.
    fn number(&self) -> u64 {
        let number = self.next_number.get();
        self.next_number.set(number.saturating_add(1));
        number
    }

    /// Stages the calls to webhooks that a paid invoice is told to.
    pub(super) async fn paid(&self, event: &str, id: PaymentId) -> Result<()> {
        let Some((account, number)) = self.by_hash.borrow().get(&id).cloned() else { return Ok(()) };
        let name = names::invoice(&account, number, id);
        let record: InvoiceRecord = self.records.read(&name).await?;
        let invoice = self.get(&account, id).await?;
        let own = record.webhook_url.map(|url| Target::Key { id: record.key, url });
        self.webhooks.enqueue(event, EventName::InvoicePaid, &invoice, &account, own);
        Ok(())
    }

    /// Makes an invoice; durable together with its record and its idempotency key.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create(
        &self,
        key: &Key,
        idempotency: Option<IdempotencyKey>,
        request: CreateInvoice,
    ) -> Result<Made<Invoice>> {
        metadata::check(&request.metadata)?;
        if let Some(url) = &request.webhook_url {
            self.webhooks.check_url("webhookUrl", url)?;
        }
        let _guard = match &idempotency {
            None => None,
            Some(idempotency) => {
                let (guard, made) = self.idempotency.lock(idempotency).await?;
                if let Some(id) = made {
                    return Ok(Made { value: self.get(&key.account, id).await?, replayed: true });
                }
                Some(guard)
            }
        };
        let record = InvoiceRecord {
            key: key.id.clone(),
            created_at: unix_now(),
            metadata: request.metadata,
            webhook_url: request.webhook_url,
        };
        let order = InvoiceOrder {
            amount_msat: request.amount_msat.map(Into::into),
            description: request.description,
            expiry_secs: Some(request.expiry_secs),
            metadata: BTreeMap::new(),
        };
        let number = self.number();
        let made = payments::create_invoice(&self.ctx, order, |id, batch| {
            records::put(batch, names::invoice(&key.account, number, id), &record);
            if let Some(idempotency) = &idempotency {
                idempotency.record(batch, id);
            }
        });
        let invoice = made.await?;
        self.index(&key.account, number, invoice.payment_hash);
        Ok(Made { value: shown(invoice, record), replayed: false })
    }

    /// An invoice of an account, by its payment hash.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`].
    pub async fn get(&self, account: &str, id: PaymentId) -> Result<Invoice> {
        let found = self.by_hash.borrow().get(&id).cloned();
        let number = found.and_then(|(owner, number)| (owner == account).then_some(number));
        let Some(number) = number else { return Err(unknown()) };
        let name = names::invoice(account, number, id);
        let record = self.records.read(&name).await?;
        let invoice = payments::invoice(&self.ctx, id).await?;
        Ok(shown(invoice, record))
    }

    /// A page of an account's invoices, the newest first.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`].
    pub async fn list(&self, request: ListInvoices) -> Result<Invoices> {
        let ListInvoices { account, cursor, limit } = request;
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(ApiError::invalid(format!("limit: {limit} is not 1 to {MAX_PAGE}")));
        }
        let before = match &cursor {
            None => u64::MAX,
            Some(cursor) => u64::from_str_radix(cursor, 16).map_err(|_| {
                ApiError::invalid("cursor: is none of this list; give the nextCursor of a page, or none")
            })?,
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found: Vec<(u64, PaymentId)> = {
            let all = self.by_account.borrow();
            let newest =
                all.get(&account).map(|mine| mine.range(..before).rev().take(limit.saturating_add(1)));
            newest.into_iter().flatten().map(|(number, id)| (*number, *id)).collect()
        };
        let more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = found.last().filter(|_| more).map(|(number, _)| format!("{number:x}"));
        let mut invoices = Vec::with_capacity(found.len());
        for (_, id) in found {
            invoices.push(self.get(&account, id).await?);
        }
        Ok(Invoices { invoices, next_cursor })
    }
}

/// The refusal of a payment hash that is none of an account's invoices.
pub(crate) fn unknown() -> ApiError {
    ApiError::new(
        ApiCode::NotFound,
        "this account has no invoice with that payment hash; check the hash, or use a key of its account",
    )
}

fn is_forgotten(invoice: &payments::Invoice, now: u64) -> bool {
    invoice.state == InvoiceState::Expired && invoice.expires_at.saturating_add(FORGOTTEN_AFTER) < now
}

fn shown(invoice: payments::Invoice, record: InvoiceRecord) -> Invoice {
    Invoice {
        payment_hash: invoice.payment_hash,
        invoice: invoice.invoice,
        state: invoice.state,
        amount_msat: invoice.amount_msat,
        received_msat: invoice.received_msat,
        description: invoice.description,
        created_at: record.created_at,
        expires_at: invoice.expires_at,
        paid_at: invoice.paid_at,
        metadata: record.metadata,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invoices_that_were_paid_or_can_be_are_not_forgotten() {
        let expires_at = 1_800_000_000;
        let invoice = |state| payments::Invoice {
            payment_hash: PaymentId([1; 32]),
            invoice: String::new(),
            state,
            amount_msat: None,
            received_msat: None,
            description: String::new(),
            expires_at,
            paid_at: None,
        };
        let later = expires_at + FORGOTTEN_AFTER + 1;
        assert!(is_forgotten(&invoice(InvoiceState::Expired), later));
        assert!(!is_forgotten(&invoice(InvoiceState::Expired), later - 1));
        assert!(!is_forgotten(&invoice(InvoiceState::Paid), later));
        assert!(!is_forgotten(&invoice(InvoiceState::Open), later));
    }
}
