//! Holders of budgets.

use serde::{Deserialize, Serialize};

/// A holder: may spend from a budget. Two holders that differ in anything are two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Holder {
    /// The wallet's owner, by hand.
    #[serde(rename = "person")] // in format 1
    User,
    /// A site, as the browser identifies it, never a message.
    Site {
        /// Origin of the frame that asks.
        origin: Origin,
        /// Origin of the page that the frame is in: a frame embedded elsewhere is another holder.
        top_level: Origin,
        /// The wallet's name.
        wallet: Name,
    },
    /// An app, by its connection's key or name.
    App {
        /// Key or name.
        id: Name,
    },
    /// A device.
    Device {
        /// Key or name.
        id: Name,
    },
    /// A member of the household, or a budget that others draw from.
    Child {
        /// Name.
        id: Name,
    },
}

impl Holder {
    /// Stands for the holder of a budget whose record cannot be read.
    pub(crate) fn unreadable(number: u32) -> Self {
        Self::App { id: Name(format!("unreadable budget {number}")) }
    }

    /// The kind, for reports.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Site { .. } => "site",
            Self::App { .. } => "app",
            Self::Device { .. } => "device",
            Self::Child { .. } => "child",
        }
    }

    /// Origin, key or name; empty for the user.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::User => "",
            Self::Site { origin, .. } => &origin.0,
            Self::App { id } | Self::Device { id } | Self::Child { id } => &id.0,
        }
    }

    /// A site's top-level origin; empty for others.
    #[must_use]
    pub fn top_level(&self) -> &str {
        match self {
            Self::Site { top_level, .. } => &top_level.0,
            _ => "",
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User => f.write_str("the user"),
            Self::Site { origin, top_level, .. } if origin == top_level => write!(f, "{origin}"),
            Self::Site { origin, top_level, .. } => write!(f, "{origin} in {top_level}"),
            other => write!(f, "{} {}", other.kind(), other.id()),
        }
    }
}

/// A text that names no holder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHolder {
    /// Not the serialization of a tuple origin.
    #[error(
        "\"{0}\" is not an origin; give scheme://host or scheme://host:port as the browser reports it (a page without an origin cannot hold a budget)"
    )]
    Origin(String),
    /// Not a name.
    #[error("a name has 1 to {max} characters, no control characters, and no space at its ends", max = Name::MAX_CHARS)]
    Name,
}

/// A tuple origin in its ASCII serialization (HTML standard, "Serialization of an origin"): `https://example.org:8443`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

impl Origin {
    /// Maximum length, in bytes: a DNS name has at most 253.
    pub const MAX_BYTES: usize = 300;

    /// Reads an origin. It is compared byte by byte, so only the form that browsers write is taken: lower case, no default
    /// port, no path, no user.
    ///
    /// # Errors
    /// [`BadHolder::Origin`].
    pub fn parse(text: &str) -> Result<Self, BadHolder> {
        if is_origin(text) { Ok(Self(text.to_owned())) } else { Err(BadHolder::Origin(shorten(text))) }
    }

    /// Returns the origin as browsers write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    let after_address = rest.rfind(']').map_or(0, |at| at.saturating_add(1));
    let tail = rest.get(after_address..).unwrap_or_default();
    let (host, port) = match tail.rfind(':') {
        Some(at) => rest.split_at(after_address.saturating_add(at)),
        None => (rest, ""),
    };
    text.len() <= Origin::MAX_BYTES && scheme_fits && is_host(host) && is_port(scheme, port)
}

fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        // The address in its one canonical form (RFC 5952), as browsers write it.
        return inside.parse::<std::net::Ipv6Addr>().is_ok_and(|address| address.to_string() == inside);
    }
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    !host.is_empty() && host.bytes().all(allowed)
}

fn is_port(scheme: &str, port: &str) -> bool {
    let Some(digits) = port.strip_prefix(':') else { return port.is_empty() };
    let default = matches!((scheme, digits), ("http" | "ws", "80") | ("https" | "wss", "443"));
    !default && digits.parse::<u16>().is_ok_and(|number| number.to_string() == digits)
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

impl TryFrom<String> for Origin {
    type Error = BadHolder;

    fn try_from(text: String) -> Result<Self, BadHolder> {
        Self::parse(&text)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> String {
        origin.0
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name or key: 1 to [`Name::MAX_CHARS`] characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Maximum length, in characters.
    pub const MAX_CHARS: usize = 80;

    /// Reads a name.
    ///
    /// # Errors
    /// [`BadHolder::Name`].
    pub fn parse(text: &str) -> Result<Self, BadHolder> {
        let fits = (1..=Self::MAX_CHARS).contains(&text.chars().count());
        let clean = text.trim() == text && !text.chars().any(char::is_control);
        if fits && clean { Ok(Self(text.to_owned())) } else { Err(BadHolder::Name) }
    }

    /// Returns the name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = BadHolder;

    fn try_from(text: String) -> Result<Self, BadHolder> {
        Self::parse(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_origin_is_taken_as_the_browser_writes_it() {
        for good in [
            "https://example.org",
            "http://localhost:8080",
            "https://xn--bcher-kva.example:8443",
            "http://192.168.1.7",
            "http://[::1]:3000",
            "https://[2001:db8::1]",
            "chrome-extension://abcdefghijklmnop",
        ] {
            assert_eq!(Origin::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn what_could_pass_for_another_origin_is_refused() {
        for bad in [
            "null",
            "",
            "https://",
            "example.org",
            "https://Example.org",
            "https://example.org/",
            "https://example.org:443",
            "http://example.org:80",
            "https://example.org:0443",
            "https://example.org:99999",
            "https://example.org:",
            "https://user@example.org",
            "https://example.org\n",
            "https://b\u{fc}cher.example",
            "https://[::0001]",
            "https://[::1",
            "https://a]:1",
            "1http://a",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
        assert!(Origin::parse(&format!("https://{}", "a".repeat(300))).is_err());
        assert!(serde_json::from_str::<Origin>("\"null\"").is_err());
    }

    #[test]
    fn names_are_bounded_and_clean() {
        assert!(Name::parse("Lea's tablet").is_ok());
        for bad in ["", " a", "a\u{7}", &"x".repeat(81)] {
            assert_eq!(Name::parse(bad), Err(BadHolder::Name));
        }
    }
}
