//! Names of people: `user@domain`, as LUD-16 (Lightning Address) and BIP 353 have them.

use alloc::string::{String, ToString};
use core::fmt;

use crate::reader::Reader;
use crate::text::Quoted;

/// A name. The domain is what is asked for: in lower case and ASCII, letters beyond it in Punycode, so that no letter can be
/// mistaken for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Before the `@`, in lower case.
    pub user: String,
    /// After it, with the port if there is one.
    pub domain: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.domain)
    }
}

/// The sign before a name, which says how it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `₿`: in DNS, BIP 353.
    Bitcoin,
    /// `⚡` or none: over HTTPS, LUD-16. BIP 353 allows names without a sign too.
    Lightning,
}

/// Fault of a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// Not one `@`.
    #[error("{0} has more than one @; copy the address again")]
    Ats(Quoted),
    /// Before the `@`.
    #[error(
        "the part before the @ of {0} is empty, too long or has characters other than a-z, 0-9, - _ . +; copy the address again"
    )]
    User(Quoted),
    /// After the `@`.
    #[error("{0} is no domain, so nobody can be asked there; check the part after the @")]
    Domain(Quoted),
    /// A node's key before the `@`: where it is reached, not what is to be paid.
    #[error("this is the address of a Lightning node, which asks for no payment; ask for an invoice")]
    Node,
}

/// Reads a name, with or without a sign before it; `None` when there is no `@`.
pub(crate) fn read(text: &str, reader: Reader<'_>) -> Option<Result<(Sign, Name), NameFault>> {
    let (sign, bare) = match (text.strip_prefix('₿'), text.strip_prefix('⚡')) {
        (Some(rest), _) => (Sign::Bitcoin, rest),
        (_, Some(rest)) => (Sign::Lightning, rest),
        _ => (Sign::Lightning, text),
    };
    let (user, domain) = bare.trim().split_once('@')?;
    Some(name(user, domain, bare, reader).map(|name| (sign, name)))
}

fn name(user: &str, domain: &str, whole: &str, reader: Reader<'_>) -> Result<Name, NameFault> {
    if domain.contains('@') {
        return Err(NameFault::Ats(Quoted::new(whole)));
    }
    if user.len() == 66 && user.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(NameFault::Node);
    }
    let user = user.to_ascii_lowercase();
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    if user.is_empty() || user.len() > 64 || !user.bytes().all(known) {
        return Err(NameFault::User(Quoted::new(whole)));
    }
    match host(domain, reader) {
        Some(domain) => Ok(Name { user, domain }),
        None => Err(NameFault::Domain(Quoted::new(domain))),
    }
}

/// A host as DNS and URLs have it, with its port; `None`: it is none.
pub(crate) fn host(text: &str, reader: Reader<'_>) -> Option<String> {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    // A domain has at most 253 characters; more is not even mapped.
    if host.len() > 1024 || !host.chars().all(|c| !c.is_ascii() || plain(c)) {
        return None;
    }
    let mut domain = if host.is_ascii() { host.to_ascii_lowercase() } else { (reader.to_ascii)(host)? };
    if domain.len() > 253
        || !domain.split('.').all(is_label)
        || !(domain.contains('.') || domain == "localhost")
    {
        return None;
    }
    if let Some(port) = port {
        let number: u16 = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok())??;
        domain.push(':');
        domain.push_str(&number.to_string());
    }
    Some(domain)
}

fn is_label(label: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(known)
}
