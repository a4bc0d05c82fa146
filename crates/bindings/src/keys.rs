//! Derivation of the key that seals a wallet, from a passphrase.

use amplet_protocol::page::{ErrorCode, WalletError};
use amplet_storage::kdf::{self, KdfError, KdfParams};
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use crate::convert::thrown;

/// Fresh parameters for the key of a new passphrase, encoded.
///
/// # Errors
/// `storage` when the system returns no randomness.
#[wasm_bindgen(js_name = newKdfParams)]
pub fn new_kdf_params() -> Result<Vec<u8>, JsValue> {
    let params = KdfParams::generate().map_err(|error| thrown(&error.into()))?;
    Ok(params.to_bytes().to_vec())
}

/// The 32-byte key of a passphrase. Takes a third of a second and 64 MiB that are never freed: run it in a throwaway worker.
///
/// # Errors
/// `invalidInput` for an empty passphrase or parameters of another kind, `corrupt` for unreadable parameters.
#[wasm_bindgen(js_name = deriveKey)]
pub fn derive_key(passphrase: String, params: &[u8]) -> Result<Vec<u8>, JsValue> {
    let passphrase = Zeroizing::new(passphrase);
    let derived = KdfParams::from_bytes(params).and_then(|params| kdf::derive(&passphrase, &params));
    let key = derived.map_err(|error| {
        let code = match error {
            KdfError::EmptyPassphrase | KdfError::ExternalKey => ErrorCode::InvalidInput,
            KdfError::OutOfMemory { .. } => ErrorCode::Internal,
            _ => ErrorCode::Corrupt,
        };
        thrown(&WalletError::new(code, error.to_string()).caused_by(&error))
    })?;
    Ok(key.to_bytes().to_vec())
}
