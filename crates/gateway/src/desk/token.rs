//! Tokens: what is shown once and stored as a hash only. Pure.

use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::{DisplayHex, FromHex};
use subtle::ConstantTimeEq;

/// Use of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A site's key for the merchant API.
    ApiKey,
    /// A wallet's, for channels on request.
    Channel,
}

impl TokenKind {
    /// The prefix of every such token, so that a leaked one is recognised.
    fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "amplet_",
            Self::Channel => "channel_",
        }
    }
}

/// A token: `<prefix><id>_<secret>`.
pub struct Token {
    kind: TokenKind,
    /// 12 hexadecimal digits.
    pub id: String,
    secret: [u8; 32],
}

impl Token {
    /// Of fresh randomness.
    pub fn new(kind: TokenKind, id: [u8; 6], secret: [u8; 32]) -> Self {
        Self { kind, id: id.to_lower_hex_string(), secret }
    }

    /// Reads a token; `None` when it is none of this kind.
    pub fn parse(kind: TokenKind, text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(kind.prefix())?.split_once('_')?;
        let fits = id.len() == 12 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then_some(())?;
        Some(Self { kind, id: id.to_owned(), secret: <[u8; 32]>::from_hex(secret).ok()? })
    }

    /// As it is shown, once.
    pub fn show(&self) -> String {
        format!("{}{}_{}", self.kind.prefix(), self.id, self.secret.to_lower_hex_string())
    }

    /// Returns what is stored: SHA-256 of the secret, which has 256 bits, so nothing slower is needed.
    pub fn hash(&self) -> String {
        sha256::Hash::hash(&self.secret).to_string()
    }

    /// Returns whether it is the one that was stored, in a time that tells nothing of it.
    pub fn is(&self, hash: &str) -> bool {
        hash.as_bytes().ct_eq(self.hash().as_bytes()).unwrap_u8() == 1
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_shown() {
        let token = Token::new(TokenKind::ApiKey, [1; 6], [2; 32]);
        let shown = Token::parse(TokenKind::ApiKey, &token.show()).unwrap();
        assert!(shown.is(&token.hash()) && shown.id == token.id);
        assert!(!Token::new(TokenKind::ApiKey, [1; 6], [3; 32]).is(&token.hash()), "another secret");
        assert!(!token.is(""), "nor is nothing");
    }

    #[test]
    fn what_is_no_token_is_none() {
        let good = Token::new(TokenKind::ApiKey, [1; 6], [2; 32]).show();
        let upper = format!("amplet_0A0B0C0D0E0F_{}", "02".repeat(32));
        for bad in ["", "amplet_", "amplet_010101010101", &good[1..], &good[..good.len() - 1], &upper] {
            assert!(Token::parse(TokenKind::ApiKey, bad).is_none(), "{bad}");
        }
        assert!(Token::parse(TokenKind::Channel, &good).is_none(), "a site's key opens no channels");
    }
}
