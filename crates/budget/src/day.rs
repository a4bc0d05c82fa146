//! The record of a day's spending.

use serde::{Deserialize, Serialize};

use crate::budget::BudgetId;
use crate::calendar::Date;
use crate::money::Cost;
use crate::record::DAYS;
use crate::rules::Purpose;

/// Sums of a day, or of a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Day {
    pub date: Date,
    #[serde(rename = "lines")] // in format 1
    pub entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(rename = "purse")] // in format 1
    pub budget: BudgetId,
    pub purpose: Purpose,
    pub sum: Sum,
}

/// Payments and what they cost together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Number of payments.
    pub payments: u32,
    /// Their cost.
    pub cost: Cost,
}

impl Sum {
    pub(crate) fn add(&mut self, other: Self) {
        self.payments = self.payments.saturating_add(other.payments);
        self.cost.amount = self.cost.amount.plus_up_to_max(other.cost.amount);
        self.cost.fee = self.cost.fee.plus_up_to_max(other.cost.fee);
    }
}

impl Day {
    /// Maximum number of entries of a record; a day that has more continues in another record.
    const MAX_ENTRIES: usize = 256;

    pub fn new(date: Date) -> Self {
        Self { date, entries: Vec::new() }
    }

    pub fn is_sound(&self) -> bool {
        self.entries.len() <= Self::MAX_ENTRIES
    }

    /// Returns true if a payment can still be counted here.
    pub fn has_room(&self, budget: BudgetId, purpose: &Purpose) -> bool {
        self.entries.len() < Self::MAX_ENTRIES
            || self.entries.iter().any(|entry| entry.budget == budget && entry.purpose == *purpose)
    }

    pub fn count(&mut self, budget: BudgetId, purpose: &Purpose, cost: Cost) {
        let sum = Sum { payments: 1, cost };
        match self.entries.iter_mut().find(|entry| entry.budget == budget && entry.purpose == *purpose) {
            Some(entry) => entry.sum.add(sum),
            None => self.entries.push(Entry { budget, purpose: purpose.clone(), sum }),
        }
    }
}

/// Name of a past day's record; a day may have several.
pub(crate) fn day_name(date: Date, number: u64) -> String {
    format!("{DAYS}{date}/{number:012}")
}
