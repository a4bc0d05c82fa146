//! Invoices of an account.

use amplet_node::bitcoin::hex::DisplayHex;

use super::once::{Made, Once};
use super::records::{self, InvoiceRecord, names};
use super::{Desk, Result};
use crate::admin::types as admin;
use crate::merchant::error::{ApiCode, ApiError};
use crate::merchant::keys::Key;
use crate::merchant::types::{CreateInvoice, Invoice, Invoices, Metadata, Page};
use crate::node_thread::unix_now;

/// Limits of metadata: names, characters of a name, characters of a value.
const METADATA: [usize; 3] = [20, 40, 500];

/// Longest page of a list.
const MAX_PAGE: u32 = 100;

impl Desk {
    /// Makes an invoice; durable together with its record and its idempotency key.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_invoice(
        &self,
        key: &Key,
        once: Option<Once>,
        request: CreateInvoice,
    ) -> Result<Made<Invoice>> {
        check_metadata(&request.metadata)?;
        if let Some(url) = &request.webhook_url {
            self.check_url("webhookUrl", url)?;
        }
        let _turn = match &once {
            None => None,
            Some(once) => {
                let (turn, made) = self.begin(once).await?;
                if let Some(hash) = made {
                    return Ok(Made { value: self.invoice(&key.account, &hash).await?, replayed: true });
                }
                Some(turn)
            }
        };
        let record = InvoiceRecord {
            key: key.id.clone(),
            created_at: unix_now(),
            metadata: request.metadata,
            webhook_url: request.webhook_url,
        };
        let new = admin::CreateInvoice {
            amount_msat: request.amount_msat,
            description: request.description,
            expiry_secs: Some(request.expiry_secs),
        };
        let number = self.number();
        let made = self.office.create_invoice(new, |invoice, batch| {
            let hash = invoice.payment_hash().0.to_lower_hex_string();
            records::put(batch, names::invoice(&key.account, number, &hash), &record);
            if let Some(once) = &once {
                once.note(batch, &hash);
            }
        });
        let line = made.await?;
        self.shelve(&key.account, number, &line.payment_hash);
        Ok(Made { value: shown(line, record), replayed: false })
    }

    /// An invoice of an account, by its payment hash.
    ///
    /// # Errors
    /// [`ApiCode::NotFound`].
    pub async fn invoice(&self, account: &str, hash: &str) -> Result<Invoice> {
        let found = self.by_hash.borrow().get(hash).cloned();
        let number = found.and_then(|(owner, number)| (owner == account).then_some(number));
        let Some(number) = number else { return Err(unknown()) };
        let name = names::invoice(account, number, hash);
        let record = self.read(&name).await?;
        let line = self.office.invoice(parse_hash(hash)?).await?;
        Ok(shown(line, record))
    }

    /// A page of an account's invoices, the newest first.
    ///
    /// # Errors
    /// [`ApiCode::InvalidInput`].
    pub async fn invoices(&self, account: &str, page: &Page) -> Result<Invoices> {
        if !(1..=MAX_PAGE).contains(&page.limit) {
            return Err(ApiError::invalid(format!("limit: {} is not 1 to {MAX_PAGE}", page.limit)));
        }
        let before = match &page.cursor {
            None => u64::MAX,
            Some(cursor) => u64::from_str_radix(cursor, 16).map_err(|_| {
                ApiError::invalid("cursor: is none of this list; give the nextCursor of a page, or none")
            })?,
        };
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let mut found: Vec<(u64, String)> = {
            let all = self.by_account.borrow();
            let newest =
                all.get(account).map(|mine| mine.range(..before).rev().take(limit.saturating_add(1)));
            newest.into_iter().flatten().map(|(number, hash)| (*number, hash.clone())).collect()
        };
        let more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = found.last().filter(|_| more).map(|(number, _)| format!("{number:x}"));
        let mut invoices = Vec::with_capacity(found.len());
        for (_, hash) in found {
            invoices.push(self.invoice(account, &hash).await?);
        }
        Ok(Invoices { invoices, next_cursor })
    }
}

fn unknown() -> ApiError {
    ApiError::new(
        ApiCode::NotFound,
        "this account has no invoice with that payment hash; check the hash, or use a key of its account",
    )
}

pub(super) fn parse_hash(hash: &str) -> Result<[u8; 32]> {
    use amplet_node::bitcoin::hex::FromHex;
    <[u8; 32]>::from_hex(hash)
        .map_err(|_| ApiError::invalid(format!("{hash:?} is no payment hash; it has 64 hexadecimal digits")))
}

fn shown(line: admin::Invoice, record: InvoiceRecord) -> Invoice {
    Invoice {
        payment_hash: line.payment_hash,
        invoice: line.invoice,
        state: line.state,
        amount_msat: line.amount_msat,
        received_msat: line.received_msat,
        description: line.description,
        created_at: record.created_at,
        expires_at: line.expires_at,
        paid_at: line.paid_at,
        metadata: record.metadata,
    }
}

pub(super) fn check_metadata(metadata: &Metadata) -> Result<()> {
    let [most, longest_name, longest_value] = METADATA;
    let fits = metadata.len() <= most
        && metadata.iter().all(|(name, value)| {
            (1..=longest_name).contains(&name.chars().count()) && value.chars().count() <= longest_value
        });
    if fits {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "metadata: is too large; at most {most} names of 1 to {longest_name} characters, values of {longest_value}"
    )))
}
