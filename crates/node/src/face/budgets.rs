//! Budgets, and what is signed in the node's name.

use std::cell::Ref;

use amplet_budget::calendar::Date;
use amplet_budget::report::Report;
use amplet_budget::{Changes, Clock, DAYS, Policy};
use bitcoin::secp256k1::PublicKey;
use bitcoin::secp256k1::ecdsa::Signature;
use lightning::sign::NodeSigner;

use super::Node;
use crate::ledger::LedgerError;

impl Node {
    /// The budgets, as they stand. Not to be kept over an await.
    pub fn budgets(&self) -> Ref<'_, Policy> {
        self.inner.ledger.budgets.policy()
    }

    /// Looks at the budgets with the present time and the user's zone.
    pub fn read_budgets<T>(&self, read: impl FnOnce(&Policy, &Clock<'_>) -> T) -> T {
        self.inner.ledger.budgets.read(read)
    }

    /// Changes the budgets; durable before it is answered.
    ///
    /// # Errors
    /// Those of the methods called; nothing changed then.
    pub async fn change_budgets<E>(
        &self,
        change: impl FnOnce(&mut Policy, &Clock<'_>) -> Result<Changes, E>,
    ) -> Result<(), E> {
        self.stage_budgets(change)?;
        self.inner.settled().await;
        Ok(())
    }

    /// Changes the budgets; durable with, and no later than, what is staged next.
    ///
    /// # Errors
    /// Those of the methods called; nothing changed then.
    pub fn stage_budgets<E>(
        &self,
        change: impl FnOnce(&mut Policy, &Clock<'_>) -> Result<Changes, E>,
    ) -> Result<(), E> {
        self.inner.ledger.budgets.change(change).map(drop)
    }

    /// What was spent from day `from` to day `to`, both included; `None` leaves that end open.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn spending<T>(
        &self,
        from: Option<Date>,
        to: Option<Date>,
        read: impl FnOnce(&Report<'_>) -> T,
    ) -> Result<T, LedgerError> {
        let begins = from.map(|day| format!("{DAYS}{day}")).unwrap_or_default();
        // '~' sorts after what follows a date in a name.
        let ends = to.map_or_else(|| format!("{DAYS}~"), |day| format!("{DAYS}{day}~"));
        let records = loop {
            self.inner.settled().await;
            let stored = self.budgets().days_stored();
            let mut records = Vec::new();
            for name in self.inner.store.list(DAYS).await? {
                if name >= begins && name <= ends {
                    let value = self.inner.store.get(&name).await?.unwrap_or_default();
                    records.push((name, value));
                }
            }
            // Otherwise a day ended while the records were read: it is neither in them nor today any more.
            if self.budgets().days_stored() == stored {
                break records;
            }
        };
        let policy = self.budgets();
        let mut report = Report::new(&policy);
        for (name, value) in records {
            report.add(&name, &value)?;
        }
        report.retain(|key| from.is_none_or(|from| key.date >= from) && to.is_none_or(|to| key.date <= to));
        Ok(read(&report))
    }

    /// Signs a text as lnd and Core Lightning do: zbase32 of a recoverable signature over the double SHA-256 of
    /// `Lightning Signed Message:` and the text. `None`: the signer refused.
    pub fn sign_message(&self, text: &str) -> Option<String> {
        self.inner.ldk.signer.sign_message(text.as_bytes()).ok()
    }

    /// Logs in (LUD-04): 32 bytes signed with the key that stands for the user at `domain`, and that key. Not the node's: it is the
    /// same for every node of one mnemonic (LUD-05). `None`: a derivation is out of range.
    pub fn log_in(&self, domain: &str, challenge: [u8; 32]) -> Option<(PublicKey, Signature)> {
        self.inner.onchain.log_in(domain, challenge)
    }
}
