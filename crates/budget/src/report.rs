//! Reports of spending, by holder, day and purpose.

use std::collections::BTreeMap;

use crate::Msat;
use crate::calendar::Date;
use crate::day::Day;
use crate::error::LoadError;
use crate::holder::Holder;
use crate::policy::Policy;
use crate::record::{DAYS, corrupt, read};
use crate::rules::Purpose;

pub use crate::day::Sum;

/// Key of a report's row: a day, a holder and a purpose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Day on which the payments were decided, in the user's time zone.
    pub date: Date,
    /// Holder of the budget that paid.
    pub holder: Holder,
    /// Purpose of the payments.
    pub purpose: Purpose,
}

/// A report of spending. Add the records of past days, named [`DAYS`] and a date; today is in it from the beginning.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    policy: &'a Policy,
    rows: BTreeMap<Key, Sum>,
}

impl<'a> Report<'a> {
    /// A report of today.
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
        if let Some(entry) = day.entries.iter().find(|entry| self.policy.budget(entry.budget).is_none()) {
            return Err(corrupt(name, format!("there is no budget {}", entry.budget)));
        }
        self.count(&day);
        Ok(())
    }

    fn count(&mut self, day: &Day) {
        for entry in &day.entries {
            let Some(budget) = self.policy.budget(entry.budget) else { continue };
            let key = Key { date: day.date, holder: budget.holder.clone(), purpose: entry.purpose.clone() };
            self.rows.entry(key).or_default().add(entry.sum);
        }
    }

    /// Removes the rows for which `keep` returns false.
    pub fn retain(&mut self, keep: impl Fn(&Key) -> bool) {
        self.rows.retain(|key, _| keep(key));
    }

    /// Rows by day, holder and purpose.
    pub fn rows(&self) -> impl Iterator<Item = (&Key, &Sum)> {
        self.rows.iter()
    }

    /// Sums of all rows for which `what` returns the same.
    pub fn by<K: Ord>(&self, what: impl Fn(&Key) -> K) -> BTreeMap<K, Sum> {
        let mut sums = BTreeMap::new();
        for (key, sum) in &self.rows {
            sums.entry(what(key)).or_insert_with(Sum::default).add(*sum);
        }
        sums
    }

    /// CSV for a spreadsheet (RFC 4180); amounts in msat.
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

/// A cell that a spreadsheet takes for text: a character that could begin a formula is preceded by an apostrophe.
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
