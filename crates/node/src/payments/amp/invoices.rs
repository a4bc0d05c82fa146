//! AMP invoices of this node: whose payment addresses are known.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use amplet_amp::{Kept, PaymentAddress};
use amplet_instructions::to_amp;
use amplet_protocol::{Msat, PaymentId};
use amplet_storage::Store;
use lightning::chain::channelmonitor::HTLC_FAIL_BACK_BUFFER;
use lightning::sign::EntropySource;
use serde::{Deserialize, Serialize};

use super::super::bolt11::{self, NewInvoice};
use super::super::error::PayError;
use crate::config::HTLC_DELTA;
use crate::ldk::Ldk;
use crate::ledger::record::read;
use crate::ledger::{Ledger, LedgerError};

/// Records, by payment address.
const RECORDS: &str = "amp/invoice/";

/// Seconds for which parts are taken after the invoice has expired: of payments that were begun before.
const GRACE: u64 = 120;

/// Seconds for which an expired invoice is remembered: a payment of it is then refused, and not taken for one without an invoice.
const REMEMBERED: u64 = 30 * 24 * 3600;

/// Blocks that may come in between when a payer counts the time that the invoice asks for (BOLT 11, `c`).
const LATE_BLOCKS: u32 = 3;

/// An AMP invoice of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AmpInvoice {
    /// The invoice.
    pub text: String,
    /// Amount; `None`: the payer chooses.
    pub amount_msat: Option<Msat>,
    pub description: String,
    /// Seconds since the UNIX epoch.
    pub expires_at: u64,
}

/// Reason for which an invoice is not paid by a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvoiceFault {
    #[error("its invoice has expired")]
    Expired,
    #[error("its set's total is less than its invoice's amount, or more than twice as much")]
    Amount,
    #[error("it expires sooner than its invoice allows")]
    TooSoon,
}

impl AmpInvoice {
    /// Checks a part that names this invoice. `deadline`: height from which it is too late to claim it. `now`: seconds since the UNIX
    /// epoch.
    pub fn check(
        &self,
        kept: &Kept,
        deadline: Option<u32>,
        now: u64,
        height: u32,
    ) -> Result<(), InvoiceFault> {
        if self.expires_at.saturating_add(GRACE) <= now {
            return Err(InvoiceFault::Expired);
        }
        // BOLT 4, "Requirements" of the final node's checks.
        let (total_msat, amount_msat) = (kept.total.total_msat, self.amount_msat.unwrap_or(Msat::ZERO));
        let is_too_much = self.amount_msat.is_some() && total_msat > amount_msat.plus_up_to_max(amount_msat);
        if total_msat < amount_msat || is_too_much {
            return Err(InvoiceFault::Amount);
        }
        let expiry = deadline.map(|deadline| deadline.saturating_add(HTLC_FAIL_BACK_BUFFER));
        let least = height.saturating_add(HTLC_DELTA.into()).saturating_sub(LATE_BLOCKS);
        if expiry.is_some_and(|expiry| expiry < least) {
            return Err(InvoiceFault::TooSoon);
        }
        Ok(())
    }
}

/// All AMP invoices that have not expired long ago.
pub(super) struct AmpInvoices {
    ledger: Rc<Ledger>,
    known: RefCell<BTreeMap<PaymentAddress, AmpInvoice>>,
}

impl AmpInvoices {
    /// Those of earlier runs, as far as they can be read.
    ///
    /// # Errors
    /// The store's.
    pub async fn open(store: &dyn Store, ledger: Rc<Ledger>) -> Result<Self, LedgerError> {
        let mut known = BTreeMap::new();
        for name in store.list(RECORDS).await? {
            let hex = name.strip_prefix(RECORDS).unwrap_or_default();
            let Ok(PaymentId(address)) = hex.parse() else { continue };
            let invoice: Option<AmpInvoice> = ledger.pass_over(&name, read(store, &name).await)?;
            known.extend(invoice.map(|invoice| (PaymentAddress(address), invoice)));
        }
        Ok(Self { ledger, known: RefCell::new(known) })
    }

    /// Makes an invoice and its record. `now`: seconds since the UNIX epoch.
    pub fn make(&self, ldk: &Ldk, new: &NewInvoice, now: u64) -> Result<String, PayError> {
        let address = PaymentAddress(ldk.signer.get_secure_random_bytes());
        let raw = to_amp(bolt11::unsigned(ldk, new, now)?, address.0);
        let text = bolt11::sign(ldk, raw)?.to_string();
        let invoice = AmpInvoice {
            text: text.clone(),
            amount_msat: new.amount_msat,
            description: new.description.clone(),
            expires_at: now.saturating_add(new.expiry_secs.into()),
        };
        self.ledger.write(record_name(address), &invoice);
        self.known.borrow_mut().insert(address, invoice);
        Ok(text)
    }

    /// The invoice with this payment address.
    pub fn get(&self, address: PaymentAddress) -> Option<AmpInvoice> {
        self.known.borrow().get(&address).cloned()
    }

    /// Forgets those that expired long ago. `now`: seconds since the UNIX epoch.
    pub fn forget(&self, now: u64) {
        self.known.borrow_mut().retain(|address, invoice| {
            let is_over = invoice.expires_at.saturating_add(REMEMBERED) < now;
            if is_over {
                self.ledger.remove(record_name(*address));
            }
            !is_over
        });
    }
}

fn record_name(address: PaymentAddress) -> String {
    format!("{RECORDS}{}", PaymentId(address.0))
}
