//! Ids that every crate shares: bytes inside, lower-case hex in JSON, in records' names and on screens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Too short or too long.
    #[error("it has {found} characters instead of {expected}; copy it again")]
    Length {
        /// Hexadecimal digits of an id of this kind.
        expected: usize,
        /// Bytes of the text.
        found: usize,
    },
    /// A character that is not a hexadecimal digit.
    #[error("{0:?} is not a hexadecimal digit; copy it again")]
    Digit(char),
}

/// A text that is not the id that belongs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a {kind}: {error}")]
pub struct WrongId {
    /// Kind of id that belongs there.
    pub kind: &'static str,
    /// Fault of the text.
    pub error: IdError,
}

fn digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

// Not generic over the length: one copy in the engine, whatever the number of ids.
fn read(text: &str, bytes: &mut [u8]) -> Result<(), IdError> {
    let expected = bytes.len() * 2;
    if let Some(wrong) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(IdError::Digit(wrong));
    }
    if text.len() != expected {
        return Err(IdError::Length { expected, found: text.len() });
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        for half in pair {
            *byte = *byte << 4 | digit(*half).unwrap_or_default();
        }
    }
    Ok(())
}

fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Reads hexadecimal digits, in either case.
            ///
            /// # Errors
            /// [`IdError`].
            pub fn from_hex(hex: &str) -> Result<Self, IdError> {
                let mut bytes = [0; $bytes];
                read(hex, &mut bytes).map(|()| Self(bytes))
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(hex: &str) -> Result<Self, IdError> {
                Self::from_hex(hex)
            }
        }

        impl TryFrom<String> for $name {
            type Error = WrongId;
            fn try_from(hex: String) -> Result<Self, WrongId> {
                Self::from_hex(&hex).map_err(|error| WrongId { kind: $kind, error })
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(&self.0, f)
            }
        }

        crate::ts::shown_as!($name, "string");
    };
}

id! {
    /// A payment of this wallet: a Lightning payment's hash, or another id of 32 bytes where payments have no hash in common
    /// (a stream, an offer); an on-chain payment's transaction id, its digits as they are shown.
    PaymentId, 32, "payment's id"
}

id! {
    /// A channel (BOLT 2, `channel_id`).
    ChannelId, 32, "channel id"
}

id! {
    /// A node's compressed public key (BOLT 7, `node_id`), as it came: not checked to be on the curve. A key that is not names a
    /// node that nobody can reach.
    NodeId, 33, "node id"
}

id! {
    /// An installation of a wallet: random, made with its storage ([`crate::copies`]).
    InstanceId, 16, "installation"
}

id! {
    /// A random value that a wallet stores and leaves with a gateway at each connection: whoever finds another one there was not the
    /// last to connect ([`crate::copies`]).
    Canary, 16, "canary"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_is_its_hex_and_nothing_else() {
        let id = NodeId(std::array::from_fn(|at| at as u8 * 7));
        let hex = id.to_string();
        assert_eq!((hex.len(), &hex[..8], format!("{id:?}")), (66, "00070e15", hex.clone()));
        assert_eq!(hex.parse(), Ok(id));
        assert_eq!(NodeId::from_hex(&hex.to_uppercase()), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{hex}\""));
        assert_eq!(serde_json::from_str::<NodeId>(&json).unwrap(), id);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let hex = "ab".repeat(32);
        assert!(PaymentId::from_hex(&hex).is_ok());
        let expected = 64;
        for found in [0, 63, 65, 66] {
            let text = "a".repeat(found);
            assert_eq!(PaymentId::from_hex(&text), Err(IdError::Length { expected, found }));
        }
        for wrong in ['g', '+', ' ', 'é', '\u{1d7d8}'] {
            let text: String = hex.chars().skip(wrong.len_utf8()).chain([wrong]).collect();
            assert_eq!((text.len(), PaymentId::from_hex(&text)), (64, Err(IdError::Digit(wrong))));
        }
        let error = serde_json::from_str::<ChannelId>("\"abc\"").unwrap_err().to_string();
        assert!(error.starts_with("this is not a channel id: it has 3 characters instead of 64"), "{error}");
        assert!(serde_json::from_str::<ChannelId>("7").is_err());
    }
}
