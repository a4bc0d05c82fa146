//! Stored records: JSON with a version.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::PaymentId;
use crate::budget::BudgetId;
use crate::error::LoadError;
use crate::notice::Notice;

/// Version of the stored records.
const FORMAT: u32 = 1;

/// Prefix of the records that [`Policy::load`](crate::Policy::load) takes: all of them are its.
pub const STATE: &str = "policy/state/";
/// Prefix of past days' spending, which a [`Report`](crate::report::Report) reads; the date follows, `2026-11-22`.
pub const DAYS: &str = "policy/day/";

// The name of format 1, from when budgets were called purses.
const BUDGET: &str = "purse/";
const TALLY: &str = "tally/";
const RESERVATION: &str = "held/";
const CLOCK: &str = "clock";
const TODAY: &str = "today";

/// Changes that a call made. All of them go into ONE storage transaction, together with the payment's own state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "money is safe only when these are stored with the payment's state"]
pub struct Changes {
    /// Records to write; at most one for each name.
    pub records: Vec<Record>,
    /// Notices for the user.
    pub notices: Vec<Notice>,
}

/// A record to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Name in the store.
    pub name: String,
    /// New value; `None` removes the record.
    pub value: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    value: T,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

/// Subject of a record of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Budget(BudgetId),
    Tally(BudgetId),
    Reservation(PaymentId),
    Clock,
    Today,
}

impl Key {
    pub fn name(self) -> String {
        match self {
            Self::Budget(id) => format!("{STATE}{BUDGET}{:08}", id.0),
            Self::Tally(id) => format!("{STATE}{TALLY}{:08}", id.0),
            Self::Reservation(id) => format!("{STATE}{RESERVATION}{id}"),
            Self::Clock => format!("{STATE}{CLOCK}"),
            Self::Today => format!("{STATE}{TODAY}"),
        }
    }

    pub fn parse(name: &str) -> Result<Self, LoadError> {
        let number = |text: &str| text.parse().ok().map(BudgetId);
        let key = name.strip_prefix(STATE).and_then(|rest| match rest {
            CLOCK => Some(Self::Clock),
            TODAY => Some(Self::Today),
            _ if rest.starts_with(BUDGET) => rest.strip_prefix(BUDGET).and_then(number).map(Self::Budget),
            _ if rest.starts_with(TALLY) => rest.strip_prefix(TALLY).and_then(number).map(Self::Tally),
            _ => rest.strip_prefix(RESERVATION).and_then(|hex| hex.parse().ok()).map(Self::Reservation),
        });
        let known = key.filter(|key| key.name() == name);
        known.ok_or_else(|| corrupt(name, "there is no record of this name"))
    }
}

pub(crate) fn corrupt(name: &str, what: impl ToString) -> LoadError {
    LoadError::Corrupt { name: name.to_owned(), what: what.to_string() }
}

impl Changes {
    pub(crate) fn put<T: Serialize>(&mut self, name: String, value: &T) {
        // Plain data: its serialization has no failing case. An empty record would be refused when it is read.
        let bytes = serde_json::to_vec(&Versioned { v: FORMAT, value }).unwrap_or_default();
        self.records.push(Record { name, value: Some(bytes) });
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.records.push(Record { name: key.name(), value: None });
    }
}

pub(crate) fn read<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, LoadError> {
    let version: Version = serde_json::from_slice(bytes).map_err(|e| corrupt(name, e))?;
    if version.v > FORMAT {
        return Err(LoadError::NewerFormat { name: name.to_owned(), found: version.v, supported: FORMAT });
    }
    let record: Versioned<T> = serde_json::from_slice(bytes).map_err(|e| corrupt(name, e))?;
    Ok(record.value)
}
