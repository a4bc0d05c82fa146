//! Rows that the driver prints per payment, and sums over them.

use anyhow::{Context, Result, bail};

/// One payment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// All of it arrived in the first round.
    pub first: bool,
    /// All of it arrived.
    pub ok: bool,
    /// Parts that arrived.
    pub parts: f64,
    /// Fee, ppm of the amount.
    pub fee_ppm: f64,
    /// CPU of the first plan, ms.
    pub first_ms: f64,
}

/// The rows of a log; other lines are passed over.
///
/// # Errors
/// When there are none, or a column is missing: the driver's format has changed.
pub fn read(log: &str) -> Result<Vec<Row>> {
    let head = log.lines().find(|line| line.starts_with("dist,")).context("the driver printed no table")?;
    let place = |name: &str| {
        head.split(',')
            .position(|column| column == name)
            .with_context(|| format!("the driver's table lacks {name}"))
    };
    let (first, ok, parts) = (place("first_ok")?, place("ok")?, place("parts")?);
    let (fee_ppm, first_ms) = (place("fee_ppm")?, place("ms_first")?);
    let width = head.split(',').count();
    let lines = log.lines().filter(|line| *line != head && line.split(',').count() == width);
    let rows = lines.map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok());
        let row = || {
            Some(Row {
                first: number(first)? == 1.0,
                ok: number(ok)? == 1.0,
                parts: number(parts)?,
                fee_ppm: number(fee_ppm)?,
                first_ms: number(first_ms)?,
            })
        };
        row().with_context(|| format!("not a row of the driver's table: {line}"))
    });
    let rows = rows.collect::<Result<Vec<Row>>>()?;
    if rows.is_empty() {
        bail!("the driver printed no row");
    }
    Ok(rows)
}

/// The middle value, or the mean of the two middle ones; NaN of nothing.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.get(half), half.checked_sub(1).and_then(|below| values.get(below))) {
        (Some(&upper), Some(&lower)) if values.len().is_multiple_of(2) => f64::midpoint(lower, upper),
        (Some(&middle), _) => middle,
        _ => f64::NAN,
    }
}

/// The value that a share of all do not exceed (nearest rank); NaN of nothing.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil().max(1.0) as usize;
    values.get(rank - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_drivers_rows_are_found_among_its_lines() {
        let log = "dist,amount_sat,pair,first_ok,ok,rounds,htlcs,parts,fee_ppm,ms_first,ms_total,why\n\
                   uniform,10000,0,1,1,1,1,1,86.5,2.50,2.50,ok\n\
                   uniform     10000 sat n=2 gateways=1: first 0.500  <= 10 rounds 0.500  fee ppm 86\n\
                   uniform,10000,1,0,0,10,10,0,0.0,3.00,9.00,rounds\n";
        let rows = read(log).unwrap();
        assert_eq!(rows[0], Row { first: true, ok: true, parts: 1.0, fee_ppm: 86.5, first_ms: 2.5 });
        assert_eq!((rows.len(), rows[1].ok), (2, false));
        assert!(read("Traceback").is_err());
        assert!(read(&log.replace("fee_ppm", "fee")).is_err());
        assert!(read(&log.replace("86.5", "?")).is_err());
    }

    #[test]
    fn middles_and_quantiles() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&mut []).is_nan() && quantile(&mut [], 0.5).is_nan());
        let mut hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((quantile(&mut hundred, 0.95), quantile(&mut hundred, 1.0)), (95.0, 100.0));
    }
}
