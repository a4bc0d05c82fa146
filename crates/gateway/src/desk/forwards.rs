//! What the node forwards, and what it earns by that: sums for each day and channel, written with the payments themselves.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use amplet_node::{Forward, RecordForward};
use amplet_protocol::{ChannelId, Msat};
use amplet_storage::{Store, StoreError};
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::amount::MsatText;
use super::clock::unix_now;
use super::upkeep;

/// Records, by day.
const RECORDS: &str = "gateway/forwards/";

const DAY_SECS: u64 = 24 * 3600;

/// Number of days that a report can go back.
pub const MAX_DAYS: u32 = 400;

/// Payments that were forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sums {
    /// Their number.
    pub payments: u64,
    /// Amounts that left, in all.
    pub amount_msat: MsatText,
    /// Fees that they brought, in all; of what is claimed on the chain none is known.
    pub fee_msat: MsatText,
}

/// Those of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DaySums {
    /// Its beginning, UTC, in seconds since the UNIX epoch.
    pub begins_at: u64,
    /// Its payments.
    #[serde(flatten)]
    pub sums: Sums,
}

/// Those that left by one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelSums {
    /// The channel, which may be closed by now.
    pub channel: ChannelId,
    /// Its payments.
    #[serde(flatten)]
    pub sums: Sums,
}

/// Those of a day that left by one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The day's beginning, UTC, in seconds since the UNIX epoch.
    pub begins_at: u64,
    /// The channel.
    pub channel: ChannelId,
    /// Its payments.
    #[serde(flatten)]
    pub sums: Sums,
}

/// What was forwarded in some days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// All of it.
    pub total: Sums,
    /// By day, the newest first; days without payments are left out.
    pub days: Vec<DaySums>,
    /// By the channel that payments left by, the one that earned most first.
    pub channels: Vec<ChannelSums>,
    /// By day and channel, the newest first, if they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
}

/// Sums of one day, by the channel that payments left by.
type Day = BTreeMap<ChannelId, Sums>;

/// All days, by their number since the UNIX epoch.
#[derive(Default)]
pub struct Forwards(RefCell<BTreeMap<u64, Day>>);

impl Sums {
    fn add(&mut self, other: Self) {
        let sum = |one: MsatText, two: MsatText| MsatText(one.0.plus_up_to_max(two.0));
        self.payments = self.payments.saturating_add(other.payments);
        self.amount_msat = sum(self.amount_msat, other.amount_msat);
        self.fee_msat = sum(self.fee_msat, other.fee_msat);
    }
}

impl Forwards {
    /// Reads the days that a report can go back; one that cannot be read is passed over.
    ///
    /// # Errors
    /// The store's.
    pub async fn load(store: &dyn Store) -> Result<Rc<Self>, StoreError> {
        let first = today().saturating_sub(MAX_DAYS.into());
        let mut days = BTreeMap::new();
        for name in store.list(RECORDS).await? {
            let Some(Ok(number)) = name.strip_prefix(RECORDS).map(str::parse) else { continue };
            if number >= first {
                days.insert(number, upkeep::read(store, &name).await);
            }
        }
        Ok(Rc::new(Self(RefCell::new(days))))
    }

    /// Counts each forward from now on.
    pub fn recording(self: &Rc<Self>) -> RecordForward {
        let forwards = Rc::clone(self);
        Rc::new(move |forward: &Forward| forwards.count(forward, today()))
    }

    /// Counts a forward; the record of its day is returned.
    fn count(&self, forward: &Forward, today: u64) -> Option<(String, Vec<u8>)> {
        let mut days = self.0.borrow_mut();
        let day = days.entry(today).or_default();
        let (amount_msat, fee_msat) = (forward.amount_msat, forward.fee_msat.unwrap_or(Msat::ZERO));
        let one = Sums { payments: 1, amount_msat: MsatText(amount_msat), fee_msat: MsatText(fee_msat) };
        day.entry(forward.channel).or_default().add(one);
        match serde_json::to_vec(day) {
            Ok(bytes) => Some((format!("{RECORDS}{today}"), bytes)),
            Err(error) => {
                warn!(%error, "what was forwarded is not recorded");
                None
            }
        }
    }

    /// Sums of so many days, today among them; in `detail` by day and channel, too.
    #[must_use]
    pub fn report(&self, days: u32, detail: bool) -> Report {
        let mut report = self.report_at(today(), days);
        if !detail {
            report.entries.clear();
        }
        report
    }

    fn report_at(&self, today: u64, days: u32) -> Report {
        let first = today.saturating_add(1).saturating_sub(days.into());
        let mut report = Report::default();
        let mut channels = Day::new();
        for (number, day) in self.0.borrow().range(first..).rev() {
            let (begins_at, mut sums) = (number.saturating_mul(DAY_SECS), Sums::default());
            for (channel, one) in day {
                sums.add(*one);
                channels.entry(*channel).or_default().add(*one);
                report.entries.push(Entry { begins_at, channel: *channel, sums: *one });
            }
            report.total.add(sums);
            report.days.push(DaySums { begins_at, sums });
        }
        report.channels = channels.into_iter().map(|(channel, sums)| ChannelSums { channel, sums }).collect();
        report.channels.sort_by_key(|channel| std::cmp::Reverse(channel.sums.fee_msat.0));
        report
    }
}

/// Days since the UNIX epoch.
fn today() -> u64 {
    unix_now() / DAY_SECS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(forwards: &Forwards, channel: u8, today: u64, [amount, fee]: [u64; 2]) {
        let forward = Forward {
            channel: ChannelId([channel; 32]),
            amount_msat: Msat::up_to_max(amount),
            fee_msat: Some(Msat::up_to_max(fee)),
        };
        assert_eq!(forwards.count(&forward, today).map(|(name, _)| name), Some(format!("{RECORDS}{today}")));
    }

    fn sums(payments: u64, amount: u64, fee: u64) -> Sums {
        let text = |msat| MsatText(Msat::up_to_max(msat));
        Sums { payments, amount_msat: text(amount), fee_msat: text(fee) }
    }

    #[test]
    fn days_and_channels_are_summed_and_older_days_left_out() {
        let forwards = Forwards::default();
        forwarded(&forwards, 1, 99, [1_000_000, 9_000]);
        forwarded(&forwards, 1, 100, [10_000, 10]);
        forwarded(&forwards, 2, 101, [20_000, 20]);
        forwarded(&forwards, 1, 101, [30_000, 3]);
        let report = forwards.report_at(101, 2);
        assert_eq!(report.total, sums(3, 60_000, 33));
        let days: Vec<(u64, Sums)> = report.days.iter().map(|day| (day.begins_at, day.sums)).collect();
        assert_eq!(days, [(101 * DAY_SECS, sums(2, 50_000, 23)), (100 * DAY_SECS, sums(1, 10_000, 10))]);
        let channels: Vec<(u8, Sums)> =
            report.channels.iter().map(|channel| (channel.channel.0[0], channel.sums)).collect();
        assert_eq!(channels, [(2, sums(1, 20_000, 20)), (1, sums(2, 40_000, 13))]);
        assert_eq!(forwards.report_at(101, 3).total.payments, 4);
    }

    #[test]
    fn a_day_is_read_as_it_was_written() {
        let forwards = Forwards::default();
        forwarded(&forwards, 1, 7, [10_000, 10]);
        let forward =
            Forward { channel: ChannelId([1; 32]), amount_msat: Msat::up_to_max(5), fee_msat: None };
        let (_, bytes) = forwards.count(&forward, 7).unwrap_or_default();
        let day: Day = serde_json::from_slice(&bytes).unwrap_or_default();
        assert_eq!(day.get(&ChannelId([1; 32])), Some(&sums(2, 10_005, 10)));
    }
}
