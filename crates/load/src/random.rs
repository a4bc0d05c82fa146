//! Chance.

/// A random number below `limit`.
pub fn random(limit: u64) -> u64 {
    let mut bytes = [0; 8];
    // Without randomness all wait for the same time.
    let _ = getrandom::getrandom(&mut bytes);
    u64::from_le_bytes(bytes).checked_rem(limit).unwrap_or(0)
}
