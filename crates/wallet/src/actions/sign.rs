//! Texts signed by nodes, as lnd and Core Lightning sign them, and logins.

use amplet_node::lightning::util::message_signing;
use amplet_protocol::page::{ErrorCode, Login, MAX_TEXT, SignedMessage, VerifiedMessage, WalletError};
use hex_conservative::{DisplayHex, FromHex};

use crate::convert::node_id;
use crate::ctx::Ctx;

/// Maximum length of a signature read: 65 bytes are 104 characters of zbase32.
const MAX_SIGNATURE: usize = 104;

/// Maximum length of a host's name (RFC 1035).
const MAX_DOMAIN: usize = 253;

/// Signs a text with the node's key.
///
/// # Errors
/// [`ErrorCode::InvalidInput`]: the text is too long.
pub fn sign(ctx: &Ctx, message: String) -> Result<SignedMessage, WalletError> {
    check(&message)?;
    let signature = ctx.node.sign_message(&message);
    let signature = signature
        .ok_or_else(|| WalletError::new(ErrorCode::Internal, "the text could not be signed; try again"))?;
    Ok(SignedMessage { message, signature })
}

/// Verifies a signature of a text, and recovers the node that made it.
///
/// # Errors
/// [`ErrorCode::InvalidInput`]: the text is too long.
pub fn verify(message: &str, signature: &str) -> Result<VerifiedMessage, WalletError> {
    check(message)?;
    if signature.len() > MAX_SIGNATURE {
        return Ok(VerifiedMessage { valid: false, node_id: None });
    }
    let signer = message_signing::recover_pk(message.as_bytes(), signature).ok();
    Ok(VerifiedMessage { valid: signer.is_some(), node_id: signer.as_ref().map(node_id) })
}

/// Logs in at a domain (LUD-04).
///
/// # Errors
/// [`ErrorCode::InvalidInput`]: not a domain, or not a challenge of 32 bytes.
pub fn log_in(ctx: &Ctx, domain: &str, challenge: &str) -> Result<Login, WalletError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    if !(1..=MAX_DOMAIN).contains(&domain.len()) || !domain.bytes().all(plain) || domain.ends_with('.') {
        let message = "a login is at a domain such as `site.com`, in lower case and without a dot at its end";
        return Err(WalletError::new(ErrorCode::InvalidInput, message));
    }
    let bytes = <[u8; 32]>::from_hex(challenge).map_err(|_| {
        WalletError::new(
            ErrorCode::InvalidInput,
            "what a login signs is 64 hex digits; take the `k1` of its link",
        )
    })?;
    let (key, signature) = ctx.node.log_in(domain, bytes).ok_or_else(|| {
        WalletError::new(ErrorCode::Internal, "the key of this domain could not be derived")
    })?;
    Ok(Login { key: key.to_string(), signature: signature.serialize_der().to_lower_hex_string() })
}

fn check(message: &str) -> Result<(), WalletError> {
    if message.len() <= MAX_TEXT {
        return Ok(());
    }
    let message =
        format!("a text to sign or verify has at most {MAX_TEXT} bytes; shorten it, or sign its hash");
    Err(WalletError::new(ErrorCode::InvalidInput, message))
}
