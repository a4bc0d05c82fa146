//! All budgets of a wallet, and the reservations in them.

mod load;
mod payments;
mod time;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::budget::{Budget, BudgetId, LimitUsage};
use crate::calendar::Clock;
use crate::day::Day;
use crate::error::BudgetError;
use crate::holder::Holder;
use crate::limits::{MAX_BUDGETS, MAX_DEPTH};
use crate::record::{Changes, Key};
use crate::reservation::{Request, Reservation};
use crate::rules::Rules;
use crate::{Msat, PaymentId};

/// The latest time seen, in ms since the UNIX epoch, and the number of day records.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Mark {
    latest_ms: u64,
    days: u64,
}

#[derive(Clone, Debug)]
struct Approval {
    request: Request,
    until_ms: u64,
}

/// The spending policy of a wallet: all its budgets, and the reservations in them.
#[derive(Clone, Debug)]
pub struct Policy {
    accounts: BTreeMap<BudgetId, Account>,
    reservations: BTreeMap<PaymentId, Reservation>,
    mark: Mark,
    today: Option<Day>,
    approvals: VecDeque<Approval>,
}

impl Default for Policy {
    fn default() -> Self {
        let user = Budget { holder: Holder::User, parent: None, rules: Rules::default(), closed: false };
        Self {
            accounts: BTreeMap::from([(BudgetId::USER, Account::new(user))]),
            reservations: BTreeMap::new(),
            mark: Mark::default(),
            today: None,
            approvals: VecDeque::new(),
        }
    }
}

/// Budgets.
impl Policy {
    /// Returns a budget.
    #[must_use]
    pub fn budget(&self, id: BudgetId) -> Option<&Budget> {
        self.accounts.get(&id).map(|account| &account.budget)
    }

    /// Returns all budgets, closed ones included.
    pub fn budgets(&self) -> impl Iterator<Item = (BudgetId, &Budget)> {
        self.accounts.iter().map(|(id, account)| (*id, &account.budget))
    }

    /// Returns the holder's open budget.
    #[must_use]
    pub fn budget_of(&self, holder: &Holder) -> Option<BudgetId> {
        self.budgets().find(|(_, budget)| budget.holder == *holder && !budget.closed).map(|(id, _)| id)
    }

    /// Usage of each of a budget's limits over time; those of the budgets that it draws from hold as well.
    #[must_use]
    pub fn usage(&self, id: BudgetId, clock: &Clock<'_>) -> Vec<LimitUsage> {
        let clock = clock.not_before(self.mark.latest_ms);
        self.accounts.get(&id).map(|account| account.usage(&clock)).unwrap_or_default()
    }

    /// Opens a budget for a holder; it draws from `parent` if there is one. A holder's closed budget is opened again and keeps
    /// what it spent in windows that stay; its total begins again at zero.
    ///
    /// # Errors
    /// [`BudgetError`].
    pub fn open(
        &mut self,
        holder: Holder,
        parent: Option<BudgetId>,
        rules: Rules,
    ) -> Result<(BudgetId, Changes), BudgetError> {
        rules.check(true)?;
        let had = self.budgets().find(|(_, budget)| budget.holder == holder);
        if let Some((budget, Budget { closed, parent: before, .. })) = had {
            let holder = Box::new(holder);
            if !closed {
                return Err(BudgetError::Exists { holder, budget });
            }
            if *before != parent {
                return Err(BudgetError::OtherParent { holder, budget });
            }
            return self.change(budget, |account| {
                account.budget.closed = false;
                account.tally.total = Msat::ZERO;
                account.set_rules(rules);
                account.is_unreadable = false;
            });
        }
        if let Some(parent) = parent {
            self.account(parent)?;
            if self.chain(parent).count() >= MAX_DEPTH {
                return Err(BudgetError::TooDeep);
            }
        }
        let id = u32::try_from(self.accounts.len()).ok().filter(|_| self.accounts.len() < MAX_BUDGETS);
        let id = BudgetId(id.ok_or(BudgetError::TooMany)?);
        self.accounts.insert(id, Account::new(Budget { holder, parent, rules, closed: false }));
        self.change(id, |_| ())
    }

    /// Changes a budget's rules; one of which not all could be read allows payments again. Windows that stay keep what was spent in them; a new window begins empty.
    ///
    /// # Errors
    /// [`BudgetError::Unknown`], [`BudgetError::Rules`].
    pub fn set_rules(&mut self, id: BudgetId, rules: Rules) -> Result<Changes, BudgetError> {
        rules.check(id != BudgetId::USER)?;
        let (_, changes) = self.change(id, |account| {
            account.set_rules(rules);
            account.is_unreadable = false;
        })?;
        Ok(changes)
    }

    /// Adds to a budget's total, at most the amount that the budget it draws from has left.
    ///
    /// # Errors
    /// [`BudgetError::Unknown`], [`BudgetError::NoTotal`], [`BudgetError::ParentLow`], [`BudgetError::TooMuch`].
    pub fn top_up(&mut self, id: BudgetId, more: Msat, clock: &Clock<'_>) -> Result<Changes, BudgetError> {
        let clock = clock.not_before(self.mark.latest_ms);
        let total = self.account(id)?.budget.rules.total.ok_or(BudgetError::NoTotal(id))?;
        for parent in self.chain(id).skip(1) {
            let left = self.account(parent)?.left(&clock).map(|(left, _)| left);
            if let Some(left) = left.filter(|left| more > *left) {
                return Err(BudgetError::ParentLow { parent, left });
            }
        }
        let total = total.plus(more).ok_or(BudgetError::TooMuch)?;
        let rules = Rules { total: Some(total), ..self.account(id)?.budget.rules.clone() };
        rules.check(id != BudgetId::USER)?;
        self.change(id, |account| account.set_rules(rules)).map(|(_, changes)| changes)
    }

    /// Closes a budget: nothing more is reserved in it, or in budgets that draw from it. Payments in flight continue.
    ///
    /// # Errors
    /// [`BudgetError::Unknown`], [`BudgetError::User`].
    pub fn close(&mut self, id: BudgetId) -> Result<Changes, BudgetError> {
        if id == BudgetId::USER {
            return Err(BudgetError::User);
        }
        self.change(id, |account| account.budget.closed = true).map(|(_, changes)| changes)
    }

    fn account(&self, id: BudgetId) -> Result<&Account, BudgetError> {
        self.accounts.get(&id).ok_or(BudgetError::Unknown(id))
    }

    fn change(
        &mut self,
        id: BudgetId,
        change: impl FnOnce(&mut Account),
    ) -> Result<(BudgetId, Changes), BudgetError> {
        let account = self.accounts.get_mut(&id).ok_or(BudgetError::Unknown(id))?;
        change(account);
        let mut changes = Changes::default();
        changes.put(Key::Budget(id).name(), &account.budget);
        changes.put(Key::Tally(id).name(), &account.tally);
        Ok((id, changes))
    }

    /// A budget and those that it draws from, upwards. Parents have smaller numbers, so it ends.
    fn chain(&self, id: BudgetId) -> impl Iterator<Item = BudgetId> {
        std::iter::successors(Some(id), |id| self.accounts.get(id).and_then(|account| account.budget.parent))
    }
}
