//! What was spent, by holder, day and purpose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Msat;
use crate::budget::BudgetId;
use crate::calendar::Date;
use crate::error::LoadError;
use crate::holder::Holder;
use crate::money::Cost;
use crate::policy::Policy;
use crate::record::{DAYS, corrupt, read};
use crate::rules::Purpose;

/// Sums of a day, or of a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Day {
    pub date: Date,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    #[serde(rename = "purse")] // in format 1
    budget: BudgetId,
    purpose: Purpose,
    sum: Sum,
}

/// Payments and what they cost together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// So many payments.
    pub payments: u32,
    /// What they cost.
    pub cost: Cost,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.payments = self.payments.saturating_add(other.payments);
        self.cost.amount = self.cost.amount.plus_up_to_max(other.cost.amount);
        self.cost.fee = self.cost.fee.plus_up_to_max(other.cost.fee);
    }
}

impl Day {
    /// A record holds so many lines; a day that has more goes on in another record.
    const MAX_LINES: usize = 256;

    pub fn new(date: Date) -> Self {
        Self { date, lines: Vec::new() }
    }

    pub fn is_sound(&self) -> bool {
        self.lines.len() <= Self::MAX_LINES
    }

    /// Whether a payment can still be counted here.
    pub fn has_room(&self, budget: BudgetId, purpose: &Purpose) -> bool {
        self.lines.len() < Self::MAX_LINES
            || self.lines.iter().any(|line| line.budget == budget && line.purpose == *purpose)
    }

    pub fn count(&mut self, budget: BudgetId, purpose: &Purpose, cost: Cost) {
        let sum = Sum { payments: 1, cost };
        match self.lines.iter_mut().find(|line| line.budget == budget && line.purpose == *purpose) {
            Some(line) => line.sum.add(sum),
            None => self.lines.push(Line { budget, purpose: purpose.clone(), sum }),
        }
    }
}

/// The name of a past day's record; a day may have several.
pub(crate) fn day_name(date: Date, number: u64) -> String {
    format!("{DAYS}{date}/{number:012}")
}

/// What one holder spent on one day for one purpose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// When it was decided, in the user's time zone.
    pub date: Date,
    /// Who.
    pub holder: Holder,
    /// What for.
    pub purpose: Purpose,
}

/// What was spent. Add the records of past days, named [`DAYS`] and a date; today is known already.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    policy: &'a Policy,
    rows: BTreeMap<Key, Sum>,
}

impl<'a> Report<'a> {
    /// Today.
    #[must_use]
    pub fn new(policy: &'a Policy) -> Self {
        let mut report = Self { policy, rows: BTreeMap::new() };
        if let Some(today) = policy.today() {
            report.count(today);
        }
        report
    }

    /// Adds a past day's record.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), LoadError> {
        let day: Day = read(name, bytes)?;
        if !name.strip_prefix(DAYS).is_some_and(|rest| rest.starts_with(&day.date.to_string())) {
            return Err(corrupt(name, "it is of another day"));
        }
        if let Some(line) = day.lines.iter().find(|line| self.policy.budget(line.budget).is_none()) {
            return Err(corrupt(name, format!("there is no budget {}", line.budget)));
        }
        self.count(&day);
        Ok(())
    }

    fn count(&mut self, day: &Day) {
        for line in &day.lines {
            let Some(budget) = self.policy.budget(line.budget) else { continue };
            let key = Key { date: day.date, holder: budget.holder.clone(), purpose: line.purpose.clone() };
            self.rows.entry(key).or_default().add(line.sum);
        }
    }

    /// Leaves out what `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&Key) -> bool) {
        self.rows.retain(|key, _| keep(key));
    }

    /// By day, holder and purpose.
    pub fn rows(&self) -> impl Iterator<Item = (&Key, &Sum)> {
        self.rows.iter()
    }

    /// Summed up by whatever of a row matters.
    pub fn by<K: Ord>(&self, what: impl Fn(&Key) -> K) -> BTreeMap<K, Sum> {
        let mut sums = BTreeMap::new();
        for (key, sum) in &self.rows {
            sums.entry(what(key)).or_insert_with(Sum::default).add(*sum);
        }
        sums
    }

    /// As a spreadsheet reads it (RFC 4180); amounts in msat.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut csv =
            "date,holder_kind,holder,top_level,purpose,payments,amount_msat,fee_msat\r\n".to_owned();
        for (Key { date, holder, purpose }, sum) in &self.rows {
            let text = [&date.to_string(), holder.kind(), holder.id(), holder.top_level(), purpose.as_str()];
            let cells = text.map(cell).join(",");
            let amount = |amount: Msat| amount.get();
            let Sum { payments, cost } = sum;
            csv.push_str(&format!("{cells},{payments},{},{}\r\n", amount(cost.amount), amount(cost.fee)));
        }
        csv
    }
}

/// A cell that a spreadsheet takes for text: what could begin a formula is preceded by an apostrophe.
fn cell(text: &str) -> String {
    let formula = text
        .starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n', ';']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_never_a_formula_and_never_two_cells() {
        for (text, written) in [
            ("Lea", "Lea"),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=\"a\"", "\"'=\"\"a\"\"\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
