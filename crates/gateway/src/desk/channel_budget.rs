//! Limits of what the operator's money does for strangers in a day: in all, and for one address. Pure.

use amplet_protocol::gateway::ChannelRefusal;
use serde::{Deserialize, Serialize};

use crate::config::DayLimits;

/// Seconds of the window that the limits hold in.
const DAY: u64 = 24 * 3600;

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
        limits: DayLimits,
        now: u64,
        address: &str,
        sat: u64,
    ) -> Result<(), ChannelRefusal> {
        // What a clock that was set back left in the future counts until it is past.
        self.opened.retain(|opened| opened.at.saturating_add(DAY) > now);
        let all = room_at(&self.opened, limits.total_sat, sat, |_| true);
        let own = room_at(&self.opened, limits.per_address_sat, sat, |opened| opened.address == address);
        match all.max(own) {
            0 => {
                self.opened.push(Opened { at: now, address: address.to_owned(), sat });
                Ok(())
            }
            at => Err(ChannelRefusal::LimitReached { retry_after_secs: at.saturating_sub(now).min(DAY) }),
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

/// The time at which `sat` more fit under `limit`; 0: now.
fn room_at(opened: &[Opened], limit: u64, sat: u64, counts: impl Fn(&Opened) -> bool) -> u64 {
    let mut counted: Vec<&Opened> = opened.iter().filter(|opened| counts(opened)).collect();
    counted.sort_unstable_by_key(|opened| opened.at);
    let mut sum = counted.iter().fold(sat, |sum, opened| sum.saturating_add(opened.sat));
    let mut at = 0;
    for oldest in counted {
        if sum <= limit {
            return at;
        }
        sum = sum.saturating_sub(oldest.sat);
        at = oldest.at.saturating_add(DAY);
    }
    // More than the limit by itself never fits.
    if sum <= limit { at } else { u64::MAX }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LIMITS: DayLimits = DayLimits { total_sat: 1_000_000, per_address_sat: 300_000 };

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
}
