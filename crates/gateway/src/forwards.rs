//! `amplet-gateway forwards`: what the running gateway forwarded, and what it earned by that.

use crate::admin_client::{self, AdminError};
use crate::cli::ShowForwards;
use crate::config::Config;
use crate::desk::forwards::{Report, Sums};

const DAY_SECS: u64 = 24 * 3600;

/// Asks for the report; returns it as text or as CSV.
///
/// # Errors
/// [`AdminError`].
pub fn run(config: &Config, show: &ShowForwards) -> Result<String, AdminError> {
    let path = format!("forwards?days={}&detail={}", show.days, show.csv);
    let report: Report = admin_client::run(config, &path, async |admin| admin.list().await)?;
    Ok(if show.csv { csv(&report) } else { table(&report, show.days) })
}

fn csv(report: &Report) -> String {
    let mut lines = vec!["day,channel,payments,amount_msat,fee_msat".to_owned()];
    lines.extend(report.entries.iter().map(|entry| {
        let Sums { payments, amount_msat, fee_msat } = entry.sums;
        let (amount, fee) = (amount_msat.0.get(), fee_msat.0.get());
        format!("{},{},{payments},{amount},{fee}", date(entry.begins_at), entry.channel)
    }));
    lines.join("\n")
}

fn table(report: &Report, days: u32) -> String {
    if report.days.is_empty() {
        return format!("Nothing was forwarded in the last {days} days.");
    }
    let line = |sums: &Sums, of: &str| {
        let Sums { payments, amount_msat, fee_msat } = sums;
        format!("{payments:>10} {:>18} {:>14}  {of}", amount_msat.0.get(), fee_msat.0.get())
    };
    let mut lines = vec![format!("{:>10} {:>18} {:>14}", "payments", "amount (msat)", "fees (msat)")];
    lines.extend(report.days.iter().map(|day| line(&day.sums, &date(day.begins_at))));
    lines.extend(report.channels.iter().map(|it| line(&it.sums, &format!("by channel {}", it.channel))));
    lines.push(line(&report.total, "in all"));
    lines.join("\n")
}

/// The day (UTC) of a time in seconds since the UNIX epoch, as ISO 8601 has it.
fn date(secs: u64) -> String {
    // Days are counted from 1 March of the year 0, so that a leap day is the last of its year, in eras of 400 years.
    let days = (secs / DAY_SECS).saturating_add(719_468);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leaps = day_of_era / 36_524;
    let leaps = day_of_era.saturating_add(leaps).saturating_sub(day_of_era / 146_096);
    let year_of_era = leaps.saturating_sub(day_of_era / 1_460) / 365;
    let begins =
        year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(begins);
    let month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let day = day_of_year.saturating_sub(month.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let (month, later) = if month < 10 { (month.saturating_add(3), 0) } else { (month.saturating_sub(9), 1) };
    let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(later);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_512, "2026-02-28"),
            (20_513, "2026-03-01"),
            (20_787, "2026-11-30"),
            (20_819, "2027-01-01"),
            (21_243, "2028-02-29"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(date(days * DAY_SECS + 86_399), expected, "{days}");
        }
    }
}
