//! Hours, days, weeks and months of a user's time zone.
//!
//! No time zone data here: a browser knows its zone and keeps it current (`Date.prototype.getTimezoneOffset`), so the caller
//! returns the offset at an instant, and the page loads no copy of the tz database.
#![allow(clippy::arithmetic_side_effects, reason = "all times are clamped to the years 1970 to 9999")]

use serde::{Deserialize, Serialize};

use crate::rules::Period;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// 9999-01-01.
const LATEST_MS: u64 = 253_370_764_800_000;
/// Maximum offset of a zone from UTC, in seconds.
const MAX_OFFSET: i32 = 24 * 3600;

/// A time zone.
pub trait Zone {
    /// Returns local time minus UTC, in seconds, at an instant (seconds since the UNIX epoch).
    fn offset_secs(&self, unix_secs: i64) -> i32;
}

impl<F: Fn(i64) -> i32> Zone for F {
    fn offset_secs(&self, unix_secs: i64) -> i32 {
        self(unix_secs)
    }
}

/// UTC.
#[derive(Clone, Copy, Debug)]
pub struct Utc;

impl Zone for Utc {
    fn offset_secs(&self, _: i64) -> i32 {
        0
    }
}

/// The first day of a week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weekday {
    /// Monday, as in ISO 8601.
    #[default]
    Monday,
    /// Saturday, as in much of the Middle East.
    Saturday,
    /// Sunday, as in North America.
    Sunday,
}

/// A clock: the time, and the user's time zone.
#[derive(Clone, Copy)]
pub struct Clock<'a> {
    /// Time in milliseconds since the UNIX epoch.
    pub unix_ms: u64,
    /// The user's time zone. When it changes, current windows end as they would have.
    pub zone: &'a dyn Zone,
    /// First day of the user's weeks.
    pub week_starts: Weekday,
}

impl<'a> Clock<'a> {
    /// A clock with weeks that begin on Monday.
    #[must_use]
    pub fn new(unix_ms: u64, zone: &'a dyn Zone) -> Self {
        Self { unix_ms, zone, week_starts: Weekday::Monday }
    }

    /// The same, but no earlier than `ms`.
    pub(crate) fn not_before(self, ms: u64) -> Self {
        Self { unix_ms: self.unix_ms.max(ms).min(LATEST_MS), ..self }
    }

    fn secs(&self) -> i64 {
        i64::try_from(self.unix_ms.min(LATEST_MS) / 1000).unwrap_or(0)
    }

    fn offset(&self, secs: i64) -> i64 {
        i64::from(self.zone.offset_secs(secs.max(0)).clamp(-MAX_OFFSET, MAX_OFFSET))
    }

    /// Returns the local date.
    #[must_use]
    pub fn date(&self) -> Date {
        Date::from_days(self.day())
    }

    /// Returns the current calendar window.
    #[must_use]
    pub fn span(&self, period: Period) -> Span {
        if period == Period::Hour {
            let now = self.secs();
            let start = now - (now + self.offset(now)).rem_euclid(HOUR);
            return Span::of(start, start + HOUR);
        }
        let day = self.day();
        let (first, last) = match period {
            Period::Hour | Period::Day => (day, day + 1),
            Period::Week => {
                let first = day - (weekday(day) - number(self.week_starts)).rem_euclid(7);
                (first, first + 7)
            }
            Period::Month => {
                let date = Date::from_days(day);
                let first = day - i64::from(date.day) + 1;
                (first, first + i64::from(month_length(date.year, date.month)))
            }
        };
        Span::of(self.start_of_day(first), self.start_of_day(last))
    }

    /// The local day, counted from 1970-01-01. A day lasts from its first instant to the next day's, also where clocks are
    /// set back over midnight.
    fn day(&self) -> i64 {
        let now = self.secs();
        let day = (now + self.offset(now)).div_euclid(DAY);
        if now < self.start_of_day(day) {
            day - 1
        } else if now >= self.start_of_day(day + 1) {
            day + 1
        } else {
            day
        }
    }

    /// The first instant of a local day, in seconds since the UNIX epoch: midnight, or where clocks jump over midnight the
    /// instant of the jump.
    fn start_of_day(&self, day: i64) -> i64 {
        let midnight = day * DAY;
        let (mut before, mut after) = (midnight - DAY, midnight + DAY);
        let (old, new) = (self.offset(before), self.offset(after));
        if old == new {
            return midnight - old;
        }
        // The instant from which the new offset holds; zones change at most once in two days.
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.offset(middle) == old {
                before = middle;
            } else {
                after = middle;
            }
        }
        let change = after;
        if midnight - old < change { midnight - old } else { change.max(midnight - new) }
    }
}

/// A calendar window, in milliseconds since the UNIX epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first millisecond.
    pub start_ms: u64,
    /// The first millisecond after it.
    pub end_ms: u64,
}

impl Span {
    fn of(start: i64, end: i64) -> Self {
        let ms = |secs: i64| u64::try_from(secs).unwrap_or(0).saturating_mul(1000);
        Self { start_ms: ms(start), end_ms: ms(end) }
    }
}

/// A date of the Gregorian calendar, from 1970 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Date {
    /// 1970 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// Reads ISO 8601, `2026-11-22`; `None`: there is no such day from 1970 on.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('-').map(|part| {
            let digits = part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        });
        let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let date = Self { year, month: u8::try_from(month).ok()?, day: u8::try_from(day).ok()? };
        let known = year >= 1970
            && (1..=12).contains(&date.month)
            && (1..=month_length(year, date.month)).contains(&date.day);
        (known && date.to_string() == text).then_some(date)
    }

    fn from_days(days: i64) -> Self {
        let days = days.max(0);
        let mut year = 1970 + days / 366;
        while days_before(year + 1) <= days {
            year += 1;
        }
        let year_number = u16::try_from(year).unwrap_or(u16::MAX);
        let mut left = days - days_before(year);
        let mut month = 1;
        while left >= i64::from(month_length(year_number, month)) {
            left -= i64::from(month_length(year_number, month));
            month += 1;
        }
        Self { year: year_number, month, day: u8::try_from(left + 1).unwrap_or(1) }
    }
}

impl std::fmt::Display for Date {
    /// ISO 8601.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Days from 1970-01-01 to a year's first day.
fn days_before(year: i64) -> i64 {
    let leap_years_to = |year: i64| year / 4 - year / 100 + year / 400;
    365 * (year - 1970) + leap_years_to(year - 1) - leap_years_to(1969)
}

fn month_length(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 0 is Monday; 1970-01-01 was a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

fn number(weekday: Weekday) -> i64 {
    match weekday {
        Weekday::Monday => 0,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    }
}
