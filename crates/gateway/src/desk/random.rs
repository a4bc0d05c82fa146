//! Random bytes for ids and secrets.

use crate::desk::error::{ApiCode, ApiError, Result};

/// Returns bytes of the system's randomness.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::getrandom(&mut bytes).map_err(|error| {
        ApiError::new(ApiCode::Internal, format!("the system gave no randomness ({error}); try again"))
    })?;
    Ok(bytes)
}
