//! The one door of outgoing money: what a payment may cost is reserved in a budget before it leaves, and settled with the
//! payment's own record, in the same transaction.

use std::cell::{Ref, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use amplet_budget::{
    BudgetId, Changes, Clock, CommitError, Cost, Denied, Held, Msat, Notice, NoticeKind, PaymentId, Policy,
    Purpose, Reason, Refusal, Request, STATE, TooMuch,
};
use amplet_protocol::page::{EventKind, Payment};
use amplet_storage::Store;
use amplet_transport::Platform;

use crate::journal::Journal;
use crate::ledger::LedgerError;

/// Who pays, and what for.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// From this budget.
    pub budget: BudgetId,
    /// What for, in the report.
    pub purpose: Purpose,
    /// The user was asked about exactly this payment and its greatest fee, and said yes.
    pub approved: bool,
}

impl Authorization {
    /// The user, by hand.
    #[must_use]
    pub fn user() -> Self {
        Self { budget: BudgetId::USER, purpose: Purpose::default(), approved: false }
    }
}

/// What a payment that succeeded cost; unknown counts as all that was reserved.
#[derive(Clone, Copy)]
pub struct Spent {
    /// What the payee got.
    pub amount_msat: Option<u64>,
    /// What it cost above that.
    pub fee_msat: Option<u64>,
}

/// The budgets of this wallet.
pub struct Budgets {
    policy: RefCell<Policy>,
    journal: Arc<Journal>,
    platform: Rc<dyn Platform>,
}

impl Budgets {
    /// Reads all budgets and what is reserved from them.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::Budgets`].
    pub async fn open(
        store: &dyn Store,
        journal: Arc<Journal>,
        platform: Rc<dyn Platform>,
    ) -> Result<Self, LedgerError> {
        let mut records = Vec::new();
        for name in store.list(STATE).await? {
            let value = store.get(&name).await?.unwrap_or_default();
            records.push((name, value));
        }
        let policy = RefCell::new(Policy::load(records)?);
        Ok(Self { policy, journal, platform })
    }

    /// Gives back what is reserved for payments that `is_known` does not know: the process ended after the reservation and
    /// before the payment was handed to LDK, which happens in one step with the payment's record.
    pub fn release_unknown(&self, is_known: impl Fn(&str) -> bool) {
        let all: Vec<PaymentId> = self.policy().all_held().map(|(id, _)| id).collect();
        for id in all.into_iter().filter(|id| !is_known(&id.to_string())) {
            log::info!("payment {id} was never handed over: its reservation is released");
            let Ok(_) = self.change(|policy, _| Ok::<_, Infallible>(policy.release(id)));
        }
    }

    /// As they stand.
    pub fn policy(&self) -> Ref<'_, Policy> {
        self.policy.borrow()
    }

    /// Looks at the budgets with the present time.
    pub fn read<T>(&self, read: impl FnOnce(&Policy, &Clock<'_>) -> T) -> T {
        let zone = |secs| self.platform.utc_offset_secs(secs);
        read(&self.policy.borrow(), &Clock::new(self.now_ms(), &zone))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.platform.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// Calls a method that answers with what it changed, and stages that.
    ///
    /// # Errors
    /// That method's.
    pub fn change<E>(
        &self,
        change: impl FnOnce(&mut Policy, &Clock<'_>) -> Result<Changes, E>,
    ) -> Result<Vec<Notice>, E> {
        let zone = |secs| self.platform.utc_offset_secs(secs);
        let changes = change(&mut self.policy.borrow_mut(), &Clock::new(self.now_ms(), &zone))?;
        for record in changes.records {
            match record.value {
                Some(value) => self.journal.put_later(record.name, value),
                None => self.journal.remove(record.name),
            }
        }
        Ok(changes.notices)
    }

    /// Reserves what a payment costs at most.
    ///
    /// # Errors
    /// [`Denied`]: nothing may leave.
    pub fn reserve(
        &self,
        payment: &Payment,
        max_fee_msat: u64,
        authorization: &Authorization,
    ) -> Result<(), Denied> {
        let refused = |reason| Denied::Refused(Refusal { budget: authorization.budget, reason });
        let amount = payment.amount_msat.ok_or_else(|| refused(Reason::Zero))?;
        let cost = cost(amount, max_fee_msat).map_err(|TooMuch(_)| refused(Reason::TooMuch))?;
        let id = PaymentId::from_hex(&payment.id).map_err(|_| refused(Reason::Unknown))?;
        let payee = payment.payee.clone().unwrap_or_default();
        let held = Held { budget: authorization.budget, cost, payee, purpose: authorization.purpose.clone() };
        let request = Request { payment: id, held };
        let reserved = self.change(|policy, clock| {
            if authorization.approved {
                policy.approve(request.clone(), clock);
            }
            policy.reserve(&request, clock)
        });
        if reserved.is_err() {
            // What was said of this attempt is not kept for another one.
            self.policy.borrow_mut().withdraw(id);
        }
        reserved.map(drop)
    }

    /// What is reserved for a payment.
    pub fn reserved(&self, id: &str) -> Option<Cost> {
        self.policy().held(id.parse().ok()?).map(|held| held.cost)
    }

    /// News of a budget, for the user.
    pub fn tell(&self, notice: &Notice) -> EventKind {
        let name = |id| self.policy().budget(id).map(|budget| budget.holder.to_string()).unwrap_or_default();
        let holder = name(notice.budget);
        match notice.kind {
            NoticeKind::Used { percent, spent, limit, until_ms, .. } => EventKind::BudgetUsed {
                holder,
                percent,
                spent_msat: spent.get(),
                limit_msat: limit.get(),
                until: until_ms.map(|ms| ms / 1000),
            },
            NoticeKind::LowParent { parent, left } => {
                EventKind::BudgetLow { holder, parent: name(parent), left_msat: left.get() }
            }
        }
    }

    /// Counts what a payment that has ended cost, or gives back what was reserved for it (`None`: no funds were sent); answers the
    /// news. A payment for which nothing is reserved (an inbound one, one made elsewhere) changes nothing.
    pub fn settle(&self, id: &str, spent: Option<Spent>) -> Vec<Notice> {
        let Ok(id) = PaymentId::from_hex(id) else { return Vec::new() };
        let Some(reserved) = self.policy().held(id).map(|held| held.cost) else { return Vec::new() };
        let settled = self.change(|policy, clock| match spent {
            None => Ok(policy.release(id)),
            Some(spent) => {
                // An unknown fee counts as the greatest one.
                let fee = spent.fee_msat.unwrap_or(reserved.fee.get());
                let actual = cost(spent.amount_msat.unwrap_or(reserved.amount.get()), fee);
                let counted = policy.commit(id, actual.unwrap_or(reserved), clock);
                counted.or_else(|error: CommitError| {
                    // The router was told that limit, so this is a defect; all that was reserved is counted as spent.
                    log::error!("{error}");
                    policy.commit(id, reserved, clock)
                })
            }
        });
        settled.unwrap_or_else(|error| {
            log::error!("{error}; the reservation stays");
            Vec::new()
        })
    }
}

fn cost(amount_msat: u64, fee_msat: u64) -> Result<Cost, TooMuch> {
    Ok(Cost { amount: Msat::new(amount_msat)?, fee: Msat::new(fee_msat)? })
}
