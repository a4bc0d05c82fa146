//! Texts signed by nodes, as lnd and Core Lightning sign them.

use amplet_node::lightning::util::message_signing;
use amplet_protocol::page::{ErrorCode, MAX_TEXT, SignedMessage, VerifiedMessage, WalletError};

use crate::wallet::Inner;

/// Longest signature read: 65 bytes are 104 characters of zbase32.
const MAX_SIGNATURE: usize = 104;

pub(crate) fn sign(inner: &Inner, message: String) -> Result<SignedMessage, WalletError> {
    check(&message)?;
    let signature = inner.node.sign_message(&message);
    let signature = signature
        .ok_or_else(|| WalletError::new(ErrorCode::Internal, "the text could not be signed; try again"))?;
    Ok(SignedMessage { message, signature })
}

pub(crate) fn verify(message: &str, signature: &str) -> Result<VerifiedMessage, WalletError> {
    check(message)?;
    if signature.len() > MAX_SIGNATURE {
        return Ok(VerifiedMessage { valid: false, node_id: None });
    }
    let signer = message_signing::recover_pk(message.as_bytes(), signature).ok();
    Ok(VerifiedMessage { valid: signer.is_some(), node_id: signer.map(|key| key.to_string()) })
}

fn check(message: &str) -> Result<(), WalletError> {
    if message.len() <= MAX_TEXT {
        return Ok(());
    }
    let message =
        format!("a text to sign or verify has at most {MAX_TEXT} bytes; shorten it, or sign its hash");
    Err(WalletError::new(ErrorCode::InvalidInput, message))
}
