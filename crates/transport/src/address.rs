//! Addresses of peers: the endpoint and the node id expected there.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use amplet_protocol::{IdError, NodeId, relay};

/// Maximum length of an address, in bytes.
const MAX_LENGTH: usize = 2048;

/// A text that is not a peer's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@` between node id and URL.
    #[error(
        "a peer's address is a node id, an @ and a URL, as in 02ab…@wss://gateway.example/lightning/v1; the @ is missing"
    )]
    NoNodeId,
    /// The node id is not 33 bytes of hexadecimal.
    #[error("a node id has 66 hexadecimal digits; this one is wrong: {0}")]
    NodeIdForm(IdError),
    /// A compressed public key begins with 02 or 03.
    #[error("a node id begins with 02 or 03, this one with {0:02x}; copy it again from the gateway")]
    NodeIdPrefix(u8),
    /// None of `wss://`, `ws://`, `tcp://`.
    #[error("an address begins with wss://, ws:// or tcp://; this one does not")]
    Scheme,
    /// The host is missing or has a forbidden character.
    #[error("{0:?} is not a host: give a DNS name, an IPv4 address, or an IPv6 address in brackets")]
    Host(String),
    /// The port is not 1 to 65535.
    #[error("{0:?} is not a port: give a number from 1 to 65535")]
    Port(String),
    /// `tcp://` needs a port.
    #[error("a tcp:// address needs a port, as in tcp://{0}:9735")]
    NoPort(String),
    /// The path has a forbidden character, a fragment, or belongs to `tcp://`.
    #[error("the path {0:?} cannot be used: no spaces, no # part, only ASCII, and none at all after tcp://")]
    Path(String),
    /// Longer than 2,048 bytes.
    #[error("an address has at most {MAX_LENGTH} characters, this one has {0}")]
    TooLong(usize),
}

/// The transport of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// WebSocket over TLS; port 443 unless given.
    Wss,
    /// WebSocket in the clear; port 80 unless given.
    Ws,
    /// TCP (BOLT 8 directly); natively only.
    Tcp,
}

impl Scheme {
    fn prefix(self) -> &'static str {
        match self {
            Scheme::Wss => "wss://",
            Scheme::Ws => "ws://",
            Scheme::Tcp => "tcp://",
        }
    }

    fn default_port(self) -> Option<u16> {
        match self {
            Scheme::Wss => Some(443),
            Scheme::Ws => Some(80),
            Scheme::Tcp => None,
        }
    }
}

/// An endpoint at which a peer listens: `wss://host[:port][/path]`, `ws://host[:port][/path]` or `tcp://host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
    port: u16,
    path: String,
}

impl Endpoint {
    /// The transport of the bytes.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// DNS name in lower case, IPv4 address, or IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query of a WebSocket, `/` at least; empty for TCP.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// True if a gateway's relay is there, which waits for credit ([`relay::PATH`], possibly behind a prefix).
    pub fn is_relay(&self) -> bool {
        self.path.split('?').next().is_some_and(|path| path.ends_with(relay::PATH))
    }

    /// The `http(s)://` URL of the gateway's health; `None` when there is no relay.
    pub fn health_url(&self) -> Option<String> {
        let prefix = self.path.split('?').next()?.strip_suffix(relay::PATH)?;
        let scheme = match self.scheme {
            Scheme::Wss => "https",
            Scheme::Ws => "http",
            Scheme::Tcp => return None,
        };
        Some(format!("{scheme}://{}{prefix}{}", self.authority(), relay::HEALTH_PATH))
    }

    /// The address space of the host, as far as its name shows it.
    pub fn space(&self) -> AddressSpace {
        AddressSpace::of(&self.host)
    }

    /// `host`, or `host:port` when the port is not the scheme's own; IPv6 in brackets.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.scheme.default_port() == Some(self.port) { host } else { format!("{host}:{}", self.port) }
    }
}

impl FromStr for Endpoint {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_LENGTH {
            return Err(AddressError::TooLong(text.len()));
        }
        let (scheme, rest) = [Scheme::Wss, Scheme::Ws, Scheme::Tcp]
            .into_iter()
            .find_map(|scheme| strip_prefix_ignoring_case(text, scheme.prefix()).map(|rest| (scheme, rest)))
            .ok_or(AddressError::Scheme)?;
        let split = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(split);
        let (host, port) = parse_authority(authority)?;
        let port = port.or(scheme.default_port()).ok_or_else(|| AddressError::NoPort(host.clone()))?;
        Ok(Self { scheme, host, port, path: parse_path(scheme, path)? })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.scheme.prefix(), self.authority(), self.path)
    }
}

/// The address space of a host, ordered by its distance from the internet. Browsers guard requests from a page to an address of
/// a higher space by the Local Network Access permission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressSpace {
    /// On the internet, or a name that does not show it.
    #[default]
    Public,
    /// A private (RFC 1918, RFC 4193) or link-local address, or a `.local` name (RFC 6762).
    Local,
    /// This machine.
    Loopback,
}

impl AddressSpace {
    /// The space of a DNS name or an IP address; an IPv6 address may be in brackets.
    pub fn of(host: &str) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let (loopback, local) = if let Ok(ip) = host.parse::<Ipv4Addr>() {
            (ip.is_loopback(), ip.is_private() || ip.is_link_local())
        } else if let Ok(ip) = host.parse::<Ipv6Addr>() {
            (ip.is_loopback(), ip.is_unique_local() || ip.is_unicast_link_local())
        } else {
            (host == "localhost" || host.ends_with(".localhost"), host.ends_with(".local"))
        };
        match (loopback, local) {
            (true, _) => AddressSpace::Loopback,
            (false, true) => AddressSpace::Local,
            (false, false) => AddressSpace::Public,
        }
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn parse_authority(authority: &str) -> Result<(String, Option<u16>), AddressError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (ip, after) = rest.split_once(']').ok_or_else(|| AddressError::Host(authority.into()))?;
            let ip = ip.parse::<Ipv6Addr>().map_err(|_| AddressError::Host(authority.into()))?;
            match after.strip_prefix(':') {
                Some(port) => (ip.to_string(), Some(port)),
                None if after.is_empty() => (ip.to_string(), None),
                None => return Err(AddressError::Port(after.into())),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (parse_name(host)?, Some(port)),
            None => (parse_name(authority)?, None),
        },
    };
    Ok((host, port.map(parse_port).transpose()?))
}

/// A DNS name (letters, digits, hyphens; 63 per label, 253 in all: RFC 1123) or an IPv4 address in dotted form.
fn parse_name(host: &str) -> Result<String, AddressError> {
    let wrong = || AddressError::Host(host.into());
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(label_ok) {
        return Err(wrong());
    }
    // Browsers read a name whose last label is a number as IPv4, in shapes nobody means (010.1, 0x7f.1).
    let last = host.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.to_ascii_lowercase().starts_with("0x");
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return Err(wrong());
    }
    Ok(host.to_ascii_lowercase())
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    let wrong = || AddressError::Port(text.into());
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    text.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(wrong)
}

fn parse_path(scheme: Scheme, path: &str) -> Result<String, AddressError> {
    if scheme == Scheme::Tcp {
        return if path.is_empty() || path == "/" {
            Ok(String::new())
        } else {
            Err(AddressError::Path(path.into()))
        };
    }
    let allowed =
        |b: u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'"' | b'<' | b'>' | b'\\' | b'`' | b'{' | b'}');
    if !path.bytes().all(allowed) {
        return Err(AddressError::Path(path.into()));
    }
    Ok(if path.starts_with('/') { path.into() } else { format!("/{path}") })
}

/// A peer: who it should be and where it listens, as in `02ab…@wss://gateway.example/lightning/v1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddress {
    /// The key that the peer must prove to hold (BOLT 8); it begins with 02 or 03.
    pub node_id: NodeId,
    /// The endpoint at which it listens.
    pub endpoint: Endpoint,
}

impl FromStr for PeerAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(AddressError::TooLong(text.len()));
        }
        let (node_id, endpoint) = text.split_once('@').ok_or(AddressError::NoNodeId)?;
        let node_id = NodeId::from_hex(node_id).map_err(AddressError::NodeIdForm)?;
        match node_id.0 {
            [2 | 3, ..] => Ok(Self { node_id, endpoint: endpoint.parse()? }),
            [other, ..] => Err(AddressError::NodeIdPrefix(other)),
        }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.node_id, self.endpoint)
    }
}
