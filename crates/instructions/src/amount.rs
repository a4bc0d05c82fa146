//! Amounts as invoices and links write them.
#![deny(clippy::arithmetic_side_effects)]

use amplet_protocol::Msat;

/// Fault of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountFault {
    /// Not a number as the format writes it.
    #[error("is not a number of bitcoins, written with digits and one point")]
    Form,
    /// Begins with a zero (BOLT 11).
    #[error("begins with a zero, so it may have been tampered with")]
    LeadingZero,
    /// Nothing is asked for, which is not the same as no amount.
    #[error("is zero")]
    Zero,
    /// A fraction of the smallest unit.
    #[error("has a fraction that cannot be paid")]
    TooPrecise,
    /// More than all bitcoin.
    #[error("is more than all bitcoin there will be")]
    TooMuch,
}

/// Reads an amount of BOLT 11: digits and a multiplier, in the human-readable part. `None`: it has none.
///
/// # Errors
/// [`AmountFault`]; a multiplier that is unknown or stands alone is [`AmountFault::Form`].
pub(crate) fn of_invoice(text: &str) -> Result<Option<Msat>, AmountFault> {
    if text.is_empty() {
        return Ok(None);
    }
    let (digits, tenth_msat) = match text.chars().last() {
        Some('m') => (text.strip_suffix('m'), 1_000_000_000),
        Some('u') => (text.strip_suffix('u'), 1_000_000),
        Some('n') => (text.strip_suffix('n'), 1_000),
        Some('p') => (text.strip_suffix('p'), 1),
        _ => (Some(text), 1_000_000_000_000),
    };
    let digits = digits.unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AmountFault::Form);
    }
    if digits.bytes().all(|byte| byte == b'0') {
        return Err(AmountFault::Zero);
    }
    if digits.starts_with('0') {
        return Err(AmountFault::LeadingZero);
    }
    // More digits than 21 million BTC in 0.1 msat have are too much anyway.
    let number: u128 = if digits.len() > 30 { u128::MAX } else { digits.parse().unwrap_or(u128::MAX) };
    let tenths = number.saturating_mul(tenth_msat);
    if tenths > u128::from(Msat::MAX.get()).saturating_mul(10) {
        return Err(AmountFault::TooMuch);
    }
    if tenths.checked_rem(10) != Some(0) {
        return Err(AmountFault::TooPrecise);
    }
    let msat = tenths.checked_div(10).and_then(|msat| u64::try_from(msat).ok());
    msat.and_then(|msat| Msat::new(msat).ok()).map(Some).ok_or(AmountFault::TooMuch)
}

/// Reads an amount of BIP 321: bitcoins, with a point; in sat.
///
/// # Errors
/// [`AmountFault`].
pub(crate) fn of_link(text: &str) -> Result<u64, AmountFault> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len().saturating_add(fraction.len()) == 0 {
        return Err(AmountFault::Form);
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if whole.len() > 8 {
        return Err(AmountFault::TooMuch);
    }
    if fraction.len() > 8 {
        return Err(AmountFault::TooPrecise);
    }
    let number = |part: &str| -> u64 { part.parse().unwrap_or_default() };
    let scale = 10u64.saturating_pow(8u32.saturating_sub(u32::try_from(fraction.len()).unwrap_or(8)));
    let sat =
        number(whole).saturating_mul(100_000_000).saturating_add(number(fraction).saturating_mul(scale));
    match Msat::from_sat(sat) {
        Err(_) => Err(AmountFault::TooMuch),
        Ok(Msat::ZERO) => Err(AmountFault::Zero),
        Ok(_) => Ok(sat),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_invoices() {
        let msat = |msat| Ok(Some(Msat::up_to_max(msat)));
        assert_eq!(of_invoice(""), Ok(None));
        assert_eq!(of_invoice("8500p"), msat(850));
        assert_eq!(of_invoice("10p"), msat(1));
        assert_eq!(of_invoice("2500u"), msat(250_000_000));
        assert_eq!(of_invoice("9678785340p"), msat(967_878_534));
        assert_eq!(of_invoice("21000000"), msat(Msat::MAX.get()));
        assert_eq!(of_invoice("21000001"), Err(AmountFault::TooMuch));
        assert_eq!(of_invoice("99999999999999999999999999999999999999999999"), Err(AmountFault::TooMuch));
        for (text, fault) in [
            ("0", AmountFault::Zero),
            ("00u", AmountFault::Zero),
            ("010u", AmountFault::LeadingZero),
            ("8505p", AmountFault::TooPrecise),
            ("2500x", AmountFault::Form),
            ("u", AmountFault::Form),
            ("1u0", AmountFault::Form),
            ("1.5u", AmountFault::Form),
        ] {
            assert_eq!(of_invoice(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn amounts_of_links() {
        for (text, sat) in [
            ("20.3", 2_030_000_000),
            ("50", 5_000_000_000),
            ("50.00", 5_000_000_000),
            (".00000001", 1),
            ("0.1000000000", 10_000_000),
            ("21000000", 2_100_000_000_000_000),
            ("1.", 100_000_000),
        ] {
            assert_eq!(of_link(text), Ok(sat), "{text}");
        }
        for (text, fault) in [
            ("", AmountFault::Form),
            (".", AmountFault::Form),
            ("50,000.00", AmountFault::Form),
            ("1e8", AmountFault::Form),
            ("-1", AmountFault::Form),
            ("1 000", AmountFault::Form),
            ("0x10", AmountFault::Form),
            ("٥", AmountFault::Form),
            ("0.00", AmountFault::Zero),
            ("0.000000001", AmountFault::TooPrecise),
            ("21000000.00000001", AmountFault::TooMuch),
            ("99999999999999999999", AmountFault::TooMuch),
        ] {
            assert_eq!(of_link(text), Err(fault), "{text}");
        }
    }
}
