//! Budgets: what a payment may cost is reserved before it leaves, and closed with the payment's own record, in the same
//! transaction.

use std::cell::{Ref, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

use amplet_budget::calendar::Date;
use amplet_budget::report::Report;
use amplet_budget::{
    BudgetDenial, BudgetId, BudgetRefusal, Changes, Clock, CommitError, Cost, DAYS, LoadError, Msat, Notice,
    NoticeKind, Policy, Purpose, Reason, Request, Reservation, STATE,
};
use amplet_protocol::PaymentId;
use amplet_protocol::page::{EventKind, Payment};
use amplet_storage::Batch;

use super::LedgerError;
use super::damage::Damaged;
use crate::base::Base;
use crate::ldk::unsaved::Unsaved;

/// Damaged records of budgets, by their names.
const KEPT: &str = "damaged/";

/// Authorization of a payment: budget, purpose and approval.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// From this budget.
    pub budget: BudgetId,
    /// Purpose, in the report.
    pub purpose: Purpose,
    /// The user was asked about exactly this payment and its maximum fee, and approved.
    pub approved: bool,
    /// Records of the application, committed together with the payment's own; not when it is refused. Their names must not be
    /// the node's own.
    pub beside: Batch,
}

impl Authorization {
    /// The user, by hand.
    #[must_use]
    pub fn user() -> Self {
        Self { budget: BudgetId::USER, purpose: Purpose::default(), approved: false, beside: Batch::new() }
    }
}

/// Cost of a payment that succeeded; unknown counts as all that was reserved.
#[derive(Clone, Copy)]
pub struct Spent {
    /// Amount that the payee got.
    pub amount_msat: Option<Msat>,
    /// Fee above that.
    pub fee_msat: Option<Msat>,
}

/// A change of the budgets that was not made, or is not durable.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<E> {
    /// Refused: nothing changed.
    #[error(transparent)]
    Refused(E),
    /// Not durable. When commits began to fail while it was made, it is saved once they succeed again.
    #[error(transparent)]
    Unsaved(#[from] Unsaved),
}

/// Budgets that payments are made from.
pub struct Budgets {
    policy: RefCell<Policy>,
    base: Rc<Base>,
    damaged: Damaged,
}

impl Budgets {
    /// Reads all budgets and what is reserved from them. A budget that cannot be read denies; what is stored of it is kept under
    /// [`KEPT`] and its name, because budgets are written in its place.
    pub(crate) async fn open(base: Rc<Base>) -> Result<Self, LedgerError> {
        let damaged = Damaged::default();
        let mut records = Vec::new();
        for name in base.store.list(STATE).await? {
            let value = base.store.get(&name).await.map_err(LedgerError::from);
            // One that is not even authentic is empty, and so damaged, to the policy.
            let value = damaged.pass_over(&name, value)?.flatten().unwrap_or_default();
            records.push((name, value));
        }
        let (policy, errors) = Policy::load(records.iter().map(|(name, value)| (name, value)))?;
        for error in errors {
            let LoadError::Corrupt { name, .. } = &error else { continue };
            damaged.add(name, &error);
            let value = records.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                base.staged.put_deferred(format!("{KEPT}{name}"), value);
            }
        }
        Ok(Self { policy: RefCell::new(policy), base, damaged })
    }

    /// Names of records that cannot be read.
    pub(super) fn damaged(&self) -> Vec<String> {
        self.damaged.names()
    }

    /// Releases what is reserved for payments that `is_known` does not know: the process ended after the reservation and
    /// before the payment was submitted to LDK, which happens in one step with the payment's record.
    pub(crate) fn release_unknown(&self, is_known: impl Fn(PaymentId) -> bool) {
        let all: Vec<PaymentId> = self.policy().all_reserved().map(|(id, _)| id).collect();
        for id in all.into_iter().filter(|id| !is_known(*id)) {
            log::info!("payment {id} was never submitted: its reservation is released");
            let Ok(_) = self.apply(|policy, _| Ok::<_, Infallible>(policy.release(id)));
        }
    }

    /// The budgets now. Not to be held over an await.
    pub fn policy(&self) -> Ref<'_, Policy> {
        self.policy.borrow()
    }

    /// Reads the budgets with the present time and the user's zone.
    pub fn read<T>(&self, read: impl FnOnce(&Policy, &Clock<'_>) -> T) -> T {
        let zone = |secs| self.base.platform.utc_offset_secs(secs);
        read(&self.policy.borrow(), &Clock::new(self.now_ms(), &zone))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.base.platform.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// Changes the budgets; durable before it returns.
    ///
    /// # Errors
    /// Those of the methods called, and that nothing can be saved: nothing changed then.
    pub async fn change<E>(
        &self,
        change: impl FnOnce(&mut Policy, &Clock<'_>) -> Result<Changes, E>,
    ) -> Result<(), ChangeError<E>> {
        self.base.staged.check()?;
        self.apply(change).map_err(ChangeError::Refused)?;
        Ok(self.base.flushed().await?)
    }

    /// Changes the budgets; durable with, and no later than, what is staged next.
    ///
    /// # Errors
    /// Those of the methods called; nothing changed then.
    pub fn stage<E>(
        &self,
        change: impl FnOnce(&mut Policy, &Clock<'_>) -> Result<Changes, E>,
    ) -> Result<(), E> {
        self.apply(change).map(drop)
    }

    /// Calls a method that returns what it changed, stages that, and returns the notices.
    fn apply<E>(
        &self,
        change: impl FnOnce(&mut Policy, &Clock<'_>) -> Result<Changes, E>,
    ) -> Result<Vec<Notice>, E> {
        let zone = |secs| self.base.platform.utc_offset_secs(secs);
        let changes = change(&mut self.policy.borrow_mut(), &Clock::new(self.now_ms(), &zone))?;
        for record in changes.records {
            match record.value {
                Some(value) => self.base.staged.put_deferred(record.name, value),
                None => self.base.staged.remove(record.name),
            }
        }
        Ok(changes.notices)
    }

    /// Reserves the maximum cost of a payment.
    ///
    /// # Errors
    /// [`BudgetDenial`]: nothing may leave.
    pub(crate) fn reserve(
        &self,
        payment: &Payment,
        max_fee_msat: Msat,
        authorization: &Authorization,
    ) -> Result<(), BudgetDenial> {
        let refused = |reason| BudgetDenial::Refused(BudgetRefusal { budget: authorization.budget, reason });
        let amount = payment.amount_msat.ok_or_else(|| refused(Reason::Zero))?;
        let cost = Cost { amount, fee: max_fee_msat };
        let payee = payment.payee.clone().unwrap_or_default();
        let reservation =
            Reservation { budget: authorization.budget, cost, payee, purpose: authorization.purpose.clone() };
        let request = Request { payment: payment.id, reservation };
        let reserved = self.apply(|policy, clock| {
            if authorization.approved {
                policy.approve(request.clone(), clock);
            }
            policy.reserve(&request, clock)
        });
        if reserved.is_err() {
            // The approval of this attempt is not kept for another one.
            self.policy.borrow_mut().withdraw(payment.id);
        }
        reserved.map(drop)
    }

    /// Reserves another maximum fee for a payment that is not decided; without a reservation nothing changes.
    ///
    /// # Errors
    /// [`BudgetRefusal`]: its budget does not allow it; the reservation is as it was.
    pub(crate) fn amend(&self, id: PaymentId, max_fee: Msat) -> Result<(), BudgetRefusal> {
        let Some(reserved) = self.reserved(id) else { return Ok(()) };
        let cost = Cost { fee: max_fee, ..reserved };
        self.apply(|policy, clock| policy.amend(id, cost, clock)).map(drop)
    }

    /// The reservation of a payment.
    pub(crate) fn reserved(&self, id: PaymentId) -> Option<Cost> {
        self.policy().reserved(id).map(|reservation| reservation.cost)
    }

    /// A budget's notice as an event.
    pub(crate) fn describe(&self, notice: &Notice) -> EventKind {
        let name = |id| self.policy().budget(id).map(|budget| budget.holder.to_string()).unwrap_or_default();
        let holder = name(notice.budget);
        match notice.kind {
            NoticeKind::Used { percent, spent, limit, until_ms, .. } => EventKind::BudgetUsed {
                holder,
                percent,
                spent_msat: spent,
                limit_msat: limit,
                until: until_ms.map(|ms| ms / 1000),
            },
            NoticeKind::LowParent { parent, left } => {
                EventKind::BudgetLow { holder, parent: name(parent), left_msat: left }
            }
        }
    }

    /// Commits what an ended payment cost, or releases its reservation (`None`: no funds were sent); returns the notices. A
    /// payment without a reservation (one made elsewhere) changes nothing.
    pub(super) fn close(&self, id: PaymentId, spent: Option<Spent>) -> Vec<Notice> {
        let Some(reserved) = self.reserved(id) else { return Vec::new() };
        let closed = self.apply(|policy, clock| match spent {
            None => Ok(policy.release(id)),
            Some(spent) => {
                // An unknown fee counts as the maximum reserved.
                let fee = spent.fee_msat.unwrap_or(reserved.fee);
                let actual = Cost { amount: spent.amount_msat.unwrap_or(reserved.amount), fee };
                let counted = policy.commit(id, actual, clock);
                counted.or_else(|error: CommitError| {
                    // The router was given that limit, so this is a defect; all that was reserved is counted as spent.
                    log::error!("{error}");
                    policy.commit(id, reserved, clock)
                })
            }
        });
        closed.unwrap_or_else(|error| {
            log::error!("{error}; the reservation stays");
            Vec::new()
        })
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
            self.base.flushed().await?;
            let stored = self.policy().days_stored();
            let mut records = Vec::new();
            for name in self.base.store.list(DAYS).await? {
                if name >= begins && name <= ends {
                    let value = self.base.store.get(&name).await?.unwrap_or_default();
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
