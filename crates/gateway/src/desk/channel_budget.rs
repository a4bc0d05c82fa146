//! Limits of what the operator's money does for strangers within an hour and a day: in all, and for one address. Pure.

use amplet_protocol::gateway::ChannelRefusal;
use serde::{Deserialize, Serialize};

use crate::config::GivingLimits;

/// Seconds of the windows that limits hold in.
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// A channel that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Opened {
    /// Seconds since the UNIX epoch.
    at: u64,
    address: String,
    sat: u64,
}

/// Channels of the last day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelBudget {
    opened: Vec<Opened>,
}

impl ChannelBudget {
    /// Counts a channel of `sat` for `address`. `now`: seconds since the UNIX epoch.
    ///
    /// # Errors
    /// [`ChannelRefusal::LimitReached`], with the time after which there is room again; nothing is counted.
    pub fn take(
        &mut self,
        limits: GivingLimits,
        now: u64,
        address: &str,
        sat: u64,
    ) -> Result<(), ChannelRefusal> {
        // What a clock that was set back left in the future counts until it is past.
        self.opened.retain(|opened| opened.at.saturating_add(DAY) > now);
        let all = || self.opened.iter();
        let sats = || all().map(|opened| (opened.at, opened.sat));
        let own = all().filter(|opened| opened.address == address).map(|opened| (opened.at, opened.sat));
        let times = [
            room_at(now, sats(), DAY, limits.sat_per_day, sat),
            room_at(now, own, DAY, limits.sat_per_day_per_address, sat),
            room_at(now, sats(), HOUR, limits.sat_per_hour, sat),
            room_at(now, all().map(|opened| (opened.at, 1)), HOUR, limits.channels_per_hour, 1),
        ];
        match times.into_iter().max() {
            Some(at) if at > now => {
                Err(ChannelRefusal::LimitReached { retry_after_secs: at.saturating_sub(now).min(DAY) })
            }
            _ => {
                self.opened.push(Opened { at: now, address: address.to_owned(), sat });
                Ok(())
            }
        }
    }

    /// Counts a channel no more that came to nothing.
    pub fn give_back(&mut self, address: &str, sat: u64) {
        let last = self.opened.iter().rposition(|opened| opened.address == address && opened.sat == sat);
        if let Some(index) = last {
            self.opened.remove(index);
        }
    }
}

/// The time, `now` or later, from which on `more` fits under `limit` beside what counts for `window` seconds: times and weights.
fn room_at(now: u64, counted: impl Iterator<Item = (u64, u64)>, window: u64, limit: u64, more: u64) -> u64 {
    // By when each ends to count.
    let ends = counted.map(|(at, weight)| (at.saturating_add(window), weight));
    let mut ends: Vec<(u64, u64)> = ends.filter(|(end, _)| *end > now).collect();
    ends.sort_unstable();
    let mut sum = ends.iter().fold(more, |sum, (_, weight)| sum.saturating_add(*weight));
    let mut at = now;
    for (end, weight) in ends {
        if sum <= limit {
            return at;
        }
        sum = sum.saturating_sub(weight);
        at = end;
    }
    // More than the limit by itself never fits.
    if sum <= limit { at } else { u64::MAX }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LIMITS: GivingLimits = GivingLimits {
        open_channels: u64::MAX,
        open_sat: u64::MAX,
        channels_per_hour: u64::MAX,
        sat_per_hour: u64::MAX,
        sat_per_day: 1_000_000,
        sat_per_day_per_address: 300_000,
    };

    fn refused(result: Result<(), ChannelRefusal>) -> u64 {
        match result {
            Err(ChannelRefusal::LimitReached { retry_after_secs }) => retry_after_secs,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn many_identities_of_one_address_have_one_share() {
        let mut budget = ChannelBudget::default();
        for at in [0, 10, 20] {
            budget.take(LIMITS, at, "192.0.2.1", 100_000).unwrap();
        }
        assert_eq!(refused(budget.take(LIMITS, 30, "192.0.2.1", 100_000)), DAY - 30);
        budget.take(LIMITS, 30, "192.0.2.2", 100_000).unwrap();
        budget.take(LIMITS, DAY, "192.0.2.1", 100_000).unwrap();
        assert_eq!(refused(budget.take(LIMITS, DAY, "192.0.2.1", 100_000)), 10);
    }

    #[test]
    fn many_addresses_cannot_drain_the_gateway() {
        let mut budget = ChannelBudget::default();
        let mut given = 0;
        for stranger in 0..1_000_u64 {
            let address = format!("198.51.100.{stranger}");
            if budget.take(LIMITS, stranger, &address, 300_000).is_ok() {
                given += 300_000;
            }
        }
        assert_eq!(given, 900_000);
        assert!(budget.opened.len() < 4, "and what is kept does not grow with the requests");
    }

    #[test]
    fn what_came_to_nothing_does_not_count() {
        let mut budget = ChannelBudget::default();
        budget.take(LIMITS, 0, "192.0.2.1", 300_000).unwrap();
        budget.give_back("192.0.2.1", 300_000);
        budget.take(LIMITS, 1, "192.0.2.1", 300_000).unwrap();
        refused(budget.take(LIMITS, 2, "192.0.2.1", 1));
        // More than a day's limit at once is refused whatever the hour.
        refused(ChannelBudget::default().take(LIMITS, 0, "192.0.2.3", 300_001));
    }

    #[test]
    fn an_hour_has_its_own_limits_in_number_and_sat() {
        let limits = GivingLimits { channels_per_hour: 3, sat_per_hour: 250_000, ..LIMITS };
        let mut budget = ChannelBudget::default();
        for (at, address) in [(0, "a"), (100, "b")] {
            budget.take(limits, at, address, 100_000).unwrap();
        }
        assert_eq!(refused(budget.take(limits, 200, "c", 100_000)), HOUR - 200, "as much as there is");
        budget.take(limits, 200, "c", 50_000).unwrap();
        assert_eq!(refused(budget.take(limits, 300, "d", 1)), HOUR - 300, "and so many");
        // Stored and read again it is the same: what has been given is not forgotten at a restart.
        let stored = serde_json::to_string(&budget).unwrap();
        let mut budget: ChannelBudget = serde_json::from_str(&stored).unwrap();
        assert_eq!(refused(budget.take(limits, HOUR - 1, "d", 1)), 1);
        budget.take(limits, HOUR, "d", 100_000).unwrap();
        assert_eq!(refused(budget.take(limits, HOUR, "e", 1)), 100, "the second of them");
    }
}
