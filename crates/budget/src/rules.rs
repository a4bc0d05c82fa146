//! Rules of budgets.

use serde::{Deserialize, Serialize};

use crate::Msat;

/// Rules of a budget. Every limit is for amount and fee together. A rule that is not set does not limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rules {
    /// Maximum per payment.
    pub per_payment: Option<Msat>,
    /// Limits over time; each window once.
    pub windows: Vec<WindowLimit>,
    /// Maximum per second: streaming.
    pub rate: Option<Rate>,
    /// Maximum in total, top-ups included.
    pub total: Option<Msat>,
    /// Expiry: nothing is allowed from this time on, in milliseconds since the UNIX epoch.
    pub expires_ms: Option<u64>,
    /// Maximum that goes without asking: the user is asked about each payment that costs more; 0 asks about every one.
    pub ask_above: Option<Msat>,
    /// Purposes that are allowed; empty allows all.
    pub purposes: Vec<Purpose>,
}

/// A limit for a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowLimit {
    /// The window.
    pub window: Window,
    /// Maximum in it.
    pub limit: Msat,
}

/// A window of time that a limit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Begin of the window.
    pub kind: Kind,
    /// Length of the window.
    pub period: Period,
}

/// Begin of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// At the full hour, at midnight, at the week's or the month's first day, in the user's time zone.
    Calendar,
    /// At any moment: the limit holds in each stretch of this length.
    Rolling,
}

/// Length of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Period {
    /// 60 minutes.
    Hour,
    /// A calendar day has 23 or 25 hours when the clocks change; a rolling one has 24.
    Day,
    /// 7 days.
    Week,
    /// A calendar month; a rolling one has 30 days.
    Month,
}

/// A streaming rate: money becomes free evenly with time, and accumulates for a while when it is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rate {
    /// Amount that becomes free each second.
    pub per_second: Msat,
    /// Maximum number of unused seconds that accumulate, so that `per_second` times this is the maximum at once. It has to cover
    /// the time between two payments and the time for which one is in flight.
    pub keep_seconds: u32,
}

impl Rate {
    /// Maximum rate, in msat per second: 10 bitcoin.
    pub const MAX_PER_SECOND: u64 = 1_000_000_000_000;
    /// Maximum accumulation, in seconds: an hour.
    pub const MAX_KEEP_SECONDS: u32 = 3600;

    /// Returns the maximum that can be spent at once.
    #[must_use]
    pub fn max_at_once(self) -> Msat {
        let product = self.per_second.get().saturating_mul(u64::from(self.keep_seconds));
        Msat::new(product).unwrap_or(Msat::MAX)
    }
}

/// Purpose of a payment, in a word: `article`, `stream`, `game`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Purpose(String);

impl Purpose {
    /// Maximum length, in bytes.
    pub const MAX_BYTES: usize = 32;

    /// Reads a purpose.
    ///
    /// # Errors
    /// [`BadRules::Purpose`].
    pub fn parse(text: &str) -> Result<Self, BadRules> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(BadRules::Purpose) }
    }

    /// Returns the word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Purpose {
    /// `payment`: nothing in particular.
    fn default() -> Self {
        Self("payment".into())
    }
}

impl TryFrom<String> for Purpose {
    type Error = BadRules;

    fn try_from(text: String) -> Result<Self, BadRules> {
        Self::parse(&text)
    }
}

impl From<Purpose> for String {
    fn from(purpose: Purpose) -> String {
        purpose.0
    }
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One of a budget's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rule {
    /// [`Rules::per_payment`]
    PerPayment,
    /// One of [`Rules::windows`]
    Window(Window),
    /// [`Rules::rate`]
    Rate,
    /// [`Rules::total`]
    Total,
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let period = |period: Period| match period {
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
        };
        match self {
            Self::PerPayment => f.write_str("limit per payment"),
            Self::Window(Window { kind: Kind::Calendar, period: p }) => {
                write!(f, "limit for the {}", period(*p))
            }
            Self::Window(Window { kind: Kind::Rolling, period: Period::Month }) => {
                f.write_str("limit for any 30 days")
            }
            Self::Window(Window { kind: Kind::Rolling, period: p }) => {
                write!(f, "limit for any {} long", period(*p))
            }
            Self::Rate => f.write_str("limit per second"),
            Self::Total => f.write_str("limit in total"),
        }
    }
}

/// Rules that are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRules {
    /// A limit of nothing.
    #[error("the {0} is 0; leave it out, or close the budget to allow nothing")]
    Zero(Rule),
    /// A window twice.
    #[error("the {0} is given twice; give it once")]
    Twice(Rule),
    /// The rate is out of range.
    #[error(
        "a rate is 1 to {max} msat per second, kept for 1 to {keep} seconds",
        max = Rate::MAX_PER_SECOND,
        keep = Rate::MAX_KEEP_SECONDS
    )]
    Rate,
    /// Nothing bounds spending.
    #[error(
        "these rules bound nothing: give a limit for a time, per second or in total, or ask about every payment"
    )]
    Unbounded,
    /// Not a word.
    #[error("a purpose is a word of 1 to {max} characters of a-z, 0-9 and -", max = Purpose::MAX_BYTES)]
    Purpose,
    /// Too many words.
    #[error("a budget is for at most {max} purposes; leave the list empty to allow all", max = Rules::MAX_PURPOSES)]
    TooManyPurposes,
}

impl Rules {
    /// Maximum number of purposes.
    pub const MAX_PURPOSES: usize = 32;

    /// Checks that these rules make sense; `bounded`: they have to bound spending.
    ///
    /// # Errors
    /// [`BadRules`].
    pub fn check(&self, bounded: bool) -> Result<(), BadRules> {
        self.check_limits()?;
        if let Some(rate) = self.rate {
            let per_second = 1..=Rate::MAX_PER_SECOND;
            let keep = 1..=Rate::MAX_KEEP_SECONDS;
            if !per_second.contains(&rate.per_second.get()) || !keep.contains(&rate.keep_seconds) {
                return Err(BadRules::Rate);
            }
        }
        if self.purposes.len() > Self::MAX_PURPOSES {
            return Err(BadRules::TooManyPurposes);
        }
        let bound = !self.windows.is_empty() || self.rate.is_some() || self.total.is_some();
        if bounded && !bound && self.ask_above != Some(Msat::ZERO) {
            return Err(BadRules::Unbounded);
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), BadRules> {
        let windows = self.windows.iter().map(|w| (Rule::Window(w.window), Some(w.limit)));
        let single = [(Rule::PerPayment, self.per_payment), (Rule::Total, self.total)];
        let mut seen = std::collections::BTreeSet::new();
        for (rule, limit) in windows.chain(single) {
            if limit == Some(Msat::ZERO) {
                return Err(BadRules::Zero(rule));
            }
            if !seen.insert(rule) {
                return Err(BadRules::Twice(rule));
            }
        }
        Ok(())
    }
}
