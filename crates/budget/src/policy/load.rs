//! Loading from the store: what can be read of it, and denial of what cannot.

use std::collections::BTreeSet;

use super::Policy;
use crate::PaymentId;
use crate::account::{Account, Tally};
use crate::budget::{Budget, BudgetId};
use crate::error::LoadError;
use crate::holder::Holder;
use crate::limits::{MAX_BUDGETS, MAX_DEPTH};
use crate::record::{Key, corrupt, read};
use crate::reservation::Reservation;
use crate::rules::Rules;

impl Policy {
    /// Loads the stored records: all whose names begin with [`STATE`](crate::STATE). What is damaged is returned beside. A budget
    /// of which not all can be read denies every payment, also of budgets that draw from it, until it is given rules.
    ///
    /// # Errors
    /// [`LoadError::NewerFormat`].
    pub fn load<N: AsRef<str>, V: AsRef<[u8]>>(
        records: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(Self, Vec<LoadError>), LoadError> {
        let mut loading = Loading::default();
        for (name, bytes) in records {
            loading.read(name.as_ref(), bytes.as_ref())?;
        }
        loading.check_budgets();
        loading.count();
        loading.deny();
        Ok((loading.policy, loading.damaged))
    }
}

/// A policy that is being loaded.
#[derive(Default)]
struct Loading {
    policy: Policy,
    tallies: Vec<(BudgetId, Tally)>,
    reservations: Vec<(PaymentId, Reservation)>,
    /// Budgets of which not all can be read.
    unreadable: BTreeSet<BudgetId>,
    /// True if something cannot be read that may have been spent or reserved from any budget.
    any_unreadable: bool,
    damaged: Vec<LoadError>,
}

impl Loading {
    fn read(&mut self, name: &str, bytes: &[u8]) -> Result<(), LoadError> {
        let key = match Key::parse(name) {
            Ok(key) => key,
            Err(error) => {
                self.damage(error, None);
                return Ok(());
            }
        };
        let policy = &mut self.policy;
        let done = match key {
            Key::Budget(id) => {
                read(name, bytes).map(|budget| drop(policy.accounts.insert(id, Account::new(budget))))
            }
            Key::Tally(id) => read(name, bytes).map(|tally| self.tallies.push((id, tally))),
            Key::Reservation(id) => {
                read(name, bytes).map(|reservation| self.reservations.push((id, reservation)))
            }
            Key::Clock => read(name, bytes).map(|mark| policy.mark = mark),
            Key::Today => read(name, bytes).map(|day| policy.today = Some(day)),
        };
        match (done, key) {
            (Ok(()), _) => {}
            (Err(error @ LoadError::NewerFormat { .. }), _) => return Err(error),
            (Err(error), Key::Budget(id) | Key::Tally(id)) => self.damage(error, Some(id)),
            (Err(error), Key::Reservation(_) | Key::Clock) => self.damage(error, None),
            // Only the report of that day is the poorer for it.
            (Err(error), Key::Today) => self.damaged.push(error),
        }
        Ok(())
    }

    /// Notes a damaged record, of one budget or of any.
    fn damage(&mut self, error: LoadError, budget: Option<BudgetId>) {
        self.damaged.push(error);
        match budget.filter(|id| is_possible(*id)) {
            Some(id) => drop(self.unreadable.insert(id)),
            None => self.any_unreadable = true,
        }
    }

    /// Puts budgets that deny in the place of those that cannot be read, so that they stay numbered without gaps.
    fn check_budgets(&mut self) {
        let accounts = &self.policy.accounts;
        let impossible: Vec<BudgetId> = accounts.keys().copied().filter(|id| !is_possible(*id)).collect();
        for id in impossible {
            self.policy.accounts.remove(&id);
            self.damage(corrupt(&Key::Budget(id).name(), "there are too many before it"), None);
        }
        let last = self.policy.accounts.keys().chain(&self.unreadable).max().copied();
        let mut holders = BTreeSet::new();
        for id in (0..=last.unwrap_or(BudgetId::USER).0).map(BudgetId) {
            if let Some(what) = self.fault(id, &holders) {
                if !self.unreadable.contains(&id) {
                    self.damage(corrupt(&Key::Budget(id).name(), what), Some(id));
                }
                self.policy.accounts.insert(id, Account::new(unknown(id)));
            }
            holders.extend(self.policy.budget(id).map(|budget| budget.holder.clone()));
        }
        if self.policy.today.take_if(|day| !day.is_sound()).is_some() {
            self.damaged.push(corrupt(&Key::Today.name(), "it has too many lines"));
        }
    }

    /// The defect of a budget, given the holders of earlier ones.
    fn fault(&self, id: BudgetId, holders: &BTreeSet<Holder>) -> Option<String> {
        let Some(budget) = self.policy.budget(id) else { return Some("it is missing".into()) };
        if budget.parent.is_some_and(|parent| parent >= id) || self.policy.chain(id).count() > MAX_DEPTH {
            return Some("it draws from a budget that it cannot draw from".into());
        }
        if (id == BudgetId::USER) != (budget.holder == Holder::User) || holders.contains(&budget.holder) {
            return Some("its holder has another budget".into());
        }
        budget.rules.check(id != BudgetId::USER).err().map(|error| error.to_string())
    }

    /// Counts what was spent and what is reserved.
    fn count(&mut self) {
        for (id, tally) in std::mem::take(&mut self.tallies) {
            let account = self.policy.accounts.get_mut(&id);
            match account.filter(|_| tally.meters.iter().all(|meter| meter.is_sound())) {
                Some(account) => account.tally = tally,
                None => self.damage(corrupt(&Key::Tally(id).name(), "it does not fit its budget"), Some(id)),
            }
        }
        for (id, reservation) in std::mem::take(&mut self.reservations) {
            match self.policy.needed(&reservation) {
                Ok(_) => self.policy.insert(id, reservation),
                Err(reason) => self.damage(corrupt(&Key::Reservation(id).name(), reason), None),
            }
        }
    }

    /// Marks the budgets that deny: those of which not all can be read, and all with limits over time when it is not known whose
    /// the unreadable amounts are.
    fn deny(&mut self) {
        for (id, account) in &mut self.policy.accounts {
            let Rules { windows, rate, total, .. } = &account.budget.rules;
            let is_limited = !windows.is_empty() || rate.is_some() || total.is_some();
            account.is_unreadable = self.unreadable.contains(id) || (self.any_unreadable && is_limited);
        }
    }
}

fn is_possible(id: BudgetId) -> bool {
    usize::try_from(id.0).is_ok_and(|number| number < MAX_BUDGETS)
}

/// A budget of which only the number is known.
fn unknown(id: BudgetId) -> Budget {
    let is_user = id == BudgetId::USER;
    let holder = if is_user { Holder::User } else { Holder::unreadable(id.0) };
    Budget { holder, parent: None, rules: Rules::default(), closed: !is_user }
}
