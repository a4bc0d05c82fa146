//! Meters: the amount spent in a window, and the one that streaming has in use.

use serde::{Deserialize, Serialize};

use crate::Msat;
use crate::calendar::Clock;
use crate::rules::{Kind, Period, Rate, Window};

/// The amount spent in one of a budget's windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Meter {
    pub window: Window,
    spent: Spent,
    #[serde(rename = "told")] // in format 1
    pub notified: Notified,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Spent {
    /// The amount up to the window's end, in ms, which is stored so that a change of zone neither cuts a window short nor
    /// lengthens it.
    Calendar { end_ms: u64, amount: Msat },
    /// Amounts by slots of the time since the epoch, oldest first. A slot counts until its last moment is a period ago, so money
    /// becomes free a little late (at most a slot), never early, and what is stored is bounded.
    Rolling { slots: Vec<(u64, Msat)> },
}

/// The last notice of a window, and the time until which it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Notified {
    pub percent: u8,
    pub until_ms: u64,
}

impl Notified {
    /// Returns true if `percent` is news, and then remembers it until `until_ms`.
    pub fn update(&mut self, percent: u8, now_ms: u64, until_ms: u64) -> bool {
        let known = if now_ms < self.until_ms { self.percent } else { 0 };
        let news = percent > known;
        if news {
            *self = Self { percent, until_ms };
        }
        news
    }
}

/// Length of a rolling window, and of its slots, in ms.
const fn rolling(period: Period) -> (u64, u64) {
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    match period {
        Period::Hour => (HOUR, MINUTE),
        Period::Day => (24 * HOUR, 30 * MINUTE),
        Period::Week => (7 * 24 * HOUR, 3 * HOUR),
        Period::Month => (30 * 24 * HOUR, 12 * HOUR),
    }
}

/// Maximum number of slots that count at one time.
const MAX_SLOTS: usize = 64;

impl Meter {
    pub fn new(window: Window) -> Self {
        let spent = match window.kind {
            Kind::Calendar => Spent::Calendar { end_ms: 0, amount: Msat::ZERO },
            Kind::Rolling => Spent::Rolling { slots: Vec::new() },
        };
        Self { window, spent, notified: Notified::default() }
    }

    /// Returns true if [`Meter`] itself could have written it.
    pub fn is_sound(&self) -> bool {
        match (&self.spent, self.window.kind) {
            (Spent::Calendar { .. }, Kind::Calendar) => true,
            (Spent::Rolling { slots }, Kind::Rolling) => {
                slots.len() <= MAX_SLOTS && slots.is_sorted_by(|(a, _), (b, _)| a < b)
            }
            _ => false,
        }
    }

    /// Returns the amount that counts now.
    pub fn spent(&self, now_ms: u64) -> Msat {
        match &self.spent {
            Spent::Calendar { end_ms, amount } if now_ms < *end_ms => *amount,
            Spent::Calendar { .. } => Msat::ZERO,
            Spent::Rolling { slots } => {
                let counting = slots.iter().filter(|(slot, _)| now_ms < self.frees(*slot));
                counting.fold(Msat::ZERO, |sum, (_, amount)| sum.plus_up_to_max(*amount))
            }
        }
    }

    pub fn add(&mut self, cost: Msat, clock: &Clock<'_>) {
        let now_ms = clock.unix_ms;
        let (period, slot_ms) = rolling(self.window.period);
        match &mut self.spent {
            Spent::Calendar { end_ms, amount } => {
                if now_ms >= *end_ms {
                    *end_ms = clock.span(self.window.period).end_ms;
                    *amount = Msat::ZERO;
                }
                *amount = amount.plus_up_to_max(cost);
            }
            Spent::Rolling { slots } => {
                let now = now_ms.checked_div(slot_ms).unwrap_or(0);
                slots.retain(|(slot, _)| now_ms < end_of(*slot, slot_ms).saturating_add(period));
                match slots.last_mut() {
                    Some((slot, amount)) if *slot >= now => *amount = amount.plus_up_to_max(cost),
                    _ => slots.push((now, cost)),
                }
            }
        }
    }

    /// Time at which at most `max` will count, if nothing more is spent.
    pub fn until(&self, max: Msat, clock: &Clock<'_>) -> u64 {
        match &self.spent {
            Spent::Calendar { .. } => self.ends(clock),
            Spent::Rolling { slots } => {
                let mut left = self.spent(clock.unix_ms);
                let mut until = clock.unix_ms;
                for (slot, amount) in slots.iter().filter(|(slot, _)| clock.unix_ms < self.frees(*slot)) {
                    if left <= max {
                        break;
                    }
                    left = left.less(*amount);
                    until = self.frees(*slot);
                }
                until
            }
        }
    }

    /// End of a calendar window; of a rolling one, the time at which an amount spent now is free again.
    pub fn ends(&self, clock: &Clock<'_>) -> u64 {
        match &self.spent {
            Spent::Calendar { end_ms, .. } if clock.unix_ms < *end_ms => *end_ms,
            Spent::Calendar { .. } => clock.span(self.window.period).end_ms,
            Spent::Rolling { .. } => {
                let (_, slot_ms) = rolling(self.window.period);
                self.frees(clock.unix_ms.checked_div(slot_ms).unwrap_or(0))
            }
        }
    }

    /// Corrects a clock that was ahead of `clock`: amounts spent in its future count from now on.
    pub fn set_back(&mut self, clock: &Clock<'_>) {
        let now_ms = clock.unix_ms;
        let (_, slot_ms) = rolling(self.window.period);
        match &mut self.spent {
            Spent::Calendar { end_ms, .. } => {
                let end = clock.span(self.window.period).end_ms;
                *end_ms = (*end_ms).min(end);
            }
            Spent::Rolling { slots } => {
                let now = now_ms.checked_div(slot_ms).unwrap_or(0);
                let (mut past, future): (Vec<_>, Vec<_>) = slots.drain(..).partition(|(slot, _)| *slot < now);
                let sum = future.iter().fold(Msat::ZERO, |sum, (_, amount)| sum.plus_up_to_max(*amount));
                if sum > Msat::ZERO {
                    past.push((now, sum));
                }
                *slots = past;
            }
        }
        self.notified.until_ms = self.notified.until_ms.min(self.ends(clock));
    }

    fn frees(&self, slot: u64) -> u64 {
        let (period, slot_ms) = rolling(self.window.period);
        end_of(slot, slot_ms).saturating_add(period)
    }
}

const fn end_of(slot: u64, slot_ms: u64) -> u64 {
    slot.saturating_add(1).saturating_mul(slot_ms)
}

/// The amount that streaming has used and time has not given back yet (a leaky bucket).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Leak {
    /// In thousandths of a msat, so that a rate per second is exact by the millisecond. Bounded by [`Rate`]'s bounds.
    used: u64,
    at_ms: u64,
}

impl Leak {
    fn used_at(self, rate: Rate, now_ms: u64) -> u64 {
        let elapsed = now_ms.saturating_sub(self.at_ms);
        self.used.saturating_sub(elapsed.saturating_mul(rate.per_second.get()))
    }

    /// Returns the amount in use now, rounded up.
    pub fn spent(self, rate: Rate, now_ms: u64) -> Msat {
        Msat::new(self.used_at(rate, now_ms).div_ceil(1000)).unwrap_or(Msat::MAX)
    }

    pub fn add(&mut self, cost: Msat, rate: Rate, now_ms: u64) {
        let used = self.used_at(rate, now_ms).saturating_add(cost.get().saturating_mul(1000));
        *self = Self { used, at_ms: now_ms };
    }

    /// Time at which at most `max` will be in use.
    pub fn until(self, max: Msat, rate: Rate, now_ms: u64) -> u64 {
        let over = self.used_at(rate, now_ms).saturating_sub(max.get().saturating_mul(1000));
        let wait = over.div_ceil(rate.per_second.get().max(1));
        now_ms.saturating_add(wait)
    }

    pub fn set_back(&mut self, now_ms: u64) {
        self.at_ms = self.at_ms.min(now_ms);
    }
}
