//! Time that never goes back, and what is read from the store.

use super::{MAX_BUDGETS, MAX_DEPTH, Policy};
use crate::budget::{Account, BudgetId, Held, Tally};
use crate::calendar::Clock;
use crate::error::LoadError;
use crate::holder::Holder;
use crate::record::{Changes, Key, corrupt, read};

impl Policy {
    /// Time never goes back; answers that were not used in time are void.
    pub(super) fn tick<'a>(&mut self, clock: &Clock<'a>) -> Clock<'a> {
        let clock = clock.not_before(self.mark.latest_ms);
        self.mark.latest_ms = clock.unix_ms;
        self.approvals.retain(|approval| clock.unix_ms < approval.until_ms);
        clock
    }

    /// How far the clock is behind the latest time that was seen, in ms. More than a few minutes: it was set back, or was
    /// wrong before; until it catches up, windows do not end. The user may say which, see [`Policy::set_clock`].
    #[must_use]
    pub fn clock_behind_ms(&self, clock: &Clock<'_>) -> u64 {
        self.mark.latest_ms.saturating_sub(clock.unix_ms)
    }

    /// The user says that the clock was ahead and is right now. What was spent in what is now the future counts as spent
    /// now: this frees nothing.
    pub fn set_clock(&mut self, clock: &Clock<'_>) -> Changes {
        let mut changes = Changes::default();
        let clock = clock.not_before(0);
        self.mark.latest_ms = clock.unix_ms;
        self.approvals.clear();
        for (id, account) in &mut self.accounts {
            account.tally.meters.iter_mut().for_each(|meter| meter.set_back(&clock));
            account.tally.leak.set_back(clock.unix_ms);
            account.tally.low_parent_told = Default::default();
            changes.put(Key::Tally(*id).name(), &account.tally);
        }
        if let Some(day) = self.today.take_if(|day| day.date > clock.date()) {
            self.archive(&day, &mut changes);
            changes.remove(Key::Today);
        }
        changes.put(Key::Clock.name(), &self.mark);
        changes
    }

    /// Puts together what was stored: all records whose names begin with [`STATE`](crate::STATE).
    ///
    /// # Errors
    /// [`LoadError`]: no payment may be made without knowing what was spent.
    pub fn load<N: AsRef<str>, V: AsRef<[u8]>>(
        records: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, LoadError> {
        let mut policy = Self::default();
        let (mut tallies, mut held) = (Vec::new(), Vec::new());
        for (name, bytes) in records {
            let (name, bytes) = (name.as_ref(), bytes.as_ref());
            match Key::parse(name)? {
                Key::Budget(id) => {
                    policy.accounts.insert(id, Account::new(read(name, bytes)?));
                }
                Key::Tally(id) => tallies.push((id, read::<Tally>(name, bytes)?)),
                Key::Held(id) => held.push((id, read::<Held>(name, bytes)?)),
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
        for (id, one) in held {
            policy.needed(&one).map_err(|reason| corrupt(&Key::Held(id).name(), reason))?;
            policy.hold(id, one);
        }
        Ok(policy)
    }

    /// Budgets are numbered without gaps, draw from earlier ones, and belong to different holders; the first is the user's.
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
