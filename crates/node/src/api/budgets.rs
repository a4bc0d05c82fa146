//! Budgets that payments are made from.

use std::cell::Ref;
use std::rc::Rc;

use amplet_budget::calendar::Date;
use amplet_budget::report::Report;
use amplet_budget::{Changes, Clock, DAYS, Policy};

use crate::inner::Inner;
use crate::ledger::LedgerError;

/// Budgets that payments are made from.
#[derive(Clone)]
pub struct Budgets(pub(crate) Rc<Inner>);

impl Budgets {
    /// The budgets now. Not to be held over an await.
    pub fn policy(&self) -> Ref<'_, Policy> {
        self.0.ledger.budgets.policy()
    }

    /// Reads the budgets with the present time and the user's zone.
    pub fn read<T>(&self, read: impl FnOnce(&Policy, &Clock<'_>) -> T) -> T {
        self.0.ledger.budgets.read(read)
    }

    /// Changes the budgets; durable before it returns.
    ///
    /// # Errors
    /// Those of the methods called; nothing changed then.
    pub async fn change<E>(
        &self,
        change: impl FnOnce(&mut Policy, &Clock<'_>) -> Result<Changes, E>,
    ) -> Result<(), E> {
        self.stage(change)?;
        self.0.settled().await;
        Ok(())
    }

    /// Changes the budgets; durable with, and no later than, what is staged next.
    ///
    /// # Errors
    /// Those of the methods called; nothing changed then.
    pub fn stage<E>(
        &self,
        change: impl FnOnce(&mut Policy, &Clock<'_>) -> Result<Changes, E>,
    ) -> Result<(), E> {
        self.0.ledger.budgets.change(change).map(drop)
    }

    /// Reads what was spent from day `from` to day `to`, both included; `None` leaves that end open.
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
            self.0.settled().await;
            let stored = self.policy().days_stored();
            let mut records = Vec::new();
            for name in self.0.store.list(DAYS).await? {
                if name >= begins && name <= ends {
                    let value = self.0.store.get(&name).await?.unwrap_or_default();
                    records.push((name, value));
                }
            }
            // Otherwise a day ended while the records were read: it is neither in them nor today any more.
            if self.policy().days_stored() == stored {
                break records;
            }
        };
        let policy = self.policy();
        let mut report = Report::new(&policy);
        for (name, value) in records {
            report.add(&name, &value)?;
        }
        report.retain(|key| from.is_none_or(|from| key.date >= from) && to.is_none_or(|to| key.date <= to));
        Ok(read(&report))
    }
}
