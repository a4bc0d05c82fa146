//! Time that never goes back, and loading from the store.

use super::Policy;
use crate::account::{Account, Tally};
use crate::budget::BudgetId;
use crate::calendar::Clock;
use crate::error::LoadError;
use crate::holder::Holder;
use crate::limits::{MAX_BUDGETS, MAX_DEPTH};
use crate::record::{Changes, Key, corrupt, read};
use crate::reservation::Reservation;

impl Policy {
    /// Advances the time, which never goes back; approvals that were not used in time are void.
    pub(super) fn tick<'a>(&mut self, clock: &Clock<'a>) -> Clock<'a> {
        let clock = clock.not_before(self.mark.latest_ms);
        self.mark.latest_ms = clock.unix_ms;
        self.approvals.retain(|approval| clock.unix_ms < approval.until_ms);
        clock
    }

    /// Delay of the clock behind the latest time that was seen, in ms. More than a few minutes: it was set back, or was wrong
    /// before; until it catches up, windows do not end. The user may say which, see [`Policy::set_clock`].
    #[must_use]
    pub fn clock_behind_ms(&self, clock: &Clock<'_>) -> u64 {
        self.mark.latest_ms.saturating_sub(clock.unix_ms)
    }

    /// Sets the clock back for the user, who says that it was ahead and is right now. Amounts spent in the time that is now the
    /// future count as spent now: this frees nothing.
    pub fn set_clock(&mut self, clock: &Clock<'_>) -> Changes {
        let mut changes = Changes::default();
        let clock = clock.not_before(0);
        self.mark.latest_ms = clock.unix_ms;
        self.approvals.clear();
        for (id, account) in &mut self.accounts {
            account.tally.meters.iter_mut().for_each(|meter| meter.set_back(&clock));
            account.tally.leak.set_back(clock.unix_ms);
            account.tally.low_parent_notified = Default::default();
            changes.put(Key::Tally(*id).name(), &account.tally);
        }
        if let Some(day) = self.today.take_if(|day| day.date > clock.date()) {
            self.archive(&day, &mut changes);
            changes.remove(Key::Today);
        }
        changes.put(Key::Clock.name(), &self.mark);
        changes
    }

    /// Loads the stored records: all whose names begin with [`STATE`](crate::STATE).
    ///
    /// # Errors
    /// [`LoadError`]: no payment may be made without knowing what was spent.
    pub fn load<N: AsRef<str>, V: AsRef<[u8]>>(
        records: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, LoadError> {
        let mut policy = Self::default();
        let (mut tallies, mut reservations) = (Vec::new(), Vec::new());
        for (name, bytes) in records {
            let (name, bytes) = (name.as_ref(), bytes.as_ref());
            match Key::parse(name)? {
                Key::Budget(id) => {
                    policy.accounts.insert(id, Account::new(read(name, bytes)?));
                }
                Key::Tally(id) => tallies.push((id, read::<Tally>(name, bytes)?)),
                Key::Reservation(id) => reservations.push((id, read::<Reservation>(name, bytes)?)),
                Key::Clock => policy.mark = read(name, bytes)?,
                Key::Today => policy.today = Some(read(name, bytes)?),
            }
        }
        policy.check()?;
        for (id, tally) in tallies {
            let account = policy.accounts.get_mut(&id).filter(|_| tally.meters.iter().all(|m| m.is_sound()));
            account.ok_or_else(|| corrupt(&Key::Tally(id).name(), "it does not fit its budget"))?.tally =
                tally;
        }
        for (id, reservation) in reservations {
            policy.needed(&reservation).map_err(|reason| corrupt(&Key::Reservation(id).name(), reason))?;
            policy.insert(id, reservation);
        }
        Ok(policy)
    }

    /// Checks that budgets are numbered without gaps, draw from earlier ones, and belong to different holders; the first is the
    /// user's.
    fn check(&self) -> Result<(), LoadError> {
        let mut holders = std::collections::BTreeSet::new();
        for ((id, account), number) in self.accounts.iter().zip(0..) {
            let name = Key::Budget(*id).name();
            let wrong = |what: &str| Err(corrupt(&name, what));
            let budget = &account.budget;
            if id.0 != number || self.accounts.len() > MAX_BUDGETS {
                return wrong("budgets are missing before it, or there are too many");
            }
            if budget.parent.is_some_and(|parent| parent >= *id) || self.chain(*id).count() > MAX_DEPTH {
                return wrong("it draws from a budget that it cannot draw from");
            }
            if (*id == BudgetId::USER) != (budget.holder == Holder::User) || !holders.insert(&budget.holder) {
                return wrong("its holder has another budget");
            }
            budget.rules.check(*id != BudgetId::USER).map_err(|e| corrupt(&name, e))?;
        }
        match &self.today {
            Some(day) if !day.is_sound() => Err(corrupt(&Key::Today.name(), "it has too many lines")),
            _ => Ok(()),
        }
    }
}
