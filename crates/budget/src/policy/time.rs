//! Time that never goes back.

use super::Policy;
use crate::calendar::Clock;
use crate::record::{Changes, Key};

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
}
