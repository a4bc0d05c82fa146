//! LNURLs: in bech32 (LUD-01), or with a scheme that says what they are for (LUD-17).

use alloc::format;
use alloc::string::String;

use bech32::primitives::decode::CheckedHrpstring;
use lightning_invoice::Bolt11Bech32;

use crate::name;
use crate::reader::Reader;
use crate::text::{Quoted, after_scheme};

/// Schemes of LUD-17.
const SCHEMES: [(&str, Purpose); 4] = [
    ("lnurlp", Purpose::Pay),
    ("lnurlw", Purpose::Withdraw),
    ("lnurlc", Purpose::Channel),
    ("keyauth", Purpose::Login),
];

/// What an LNURL is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Only its service knows.
    Unknown,
    /// To pay (LUD-06).
    Pay,
    /// To be paid (LUD-03).
    Withdraw,
    /// To get a channel (LUD-02).
    Channel,
    /// To log in (LUD-04).
    Login,
}

/// An LNURL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lnurl {
    /// The address of its service, with `http` or `https`.
    pub url: String,
    /// What it is for.
    pub purpose: Purpose,
}

impl Lnurl {
    /// The host of its service, with the port if there is one.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.url.split_once("://")?.1.split(['/', '?', '#']).next()
    }
}

/// Fault of an LNURL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LnurlFault {
    /// Not bech32, or with a wrong checksum.
    #[error("the LNURL is not complete or has a wrong character: its checksum does not match; copy it again")]
    Checksum,
    /// What it holds is no address on the web.
    #[error("the LNURL holds {0}, which is no address on the web; ask for another")]
    Url(Quoted),
    /// A service on the Internet over plain HTTP (LUD-01).
    #[error(
        "the LNURL leads to {0} without encryption, where others can answer in its place; ask for another"
    )]
    Plain(Quoted),
}

/// Reads an LNURL with a scheme of LUD-17, in any case; `None` when there is none.
pub(crate) fn with_scheme(text: &str, reader: Reader<'_>) -> Option<Result<Lnurl, LnurlFault>> {
    let (rest, purpose) =
        SCHEMES.iter().find_map(|(scheme, purpose)| Some((after_scheme(text, scheme)?, *purpose)))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let scheme = if needs_no_tls(host) { "http" } else { "https" };
    Some(checked(&format!("{scheme}://{rest}"), purpose, reader))
}

/// Reads `lnurl1…`.
pub(crate) fn bech32(text: &str, reader: Reader<'_>) -> Result<Lnurl, LnurlFault> {
    // The parameters of bech32, without its limit of length, as invoices have them.
    let parsed = CheckedHrpstring::new::<Bolt11Bech32>(text).map_err(|_| LnurlFault::Checksum)?;
    let bytes = parsed.byte_iter().collect();
    let url = String::from_utf8(bytes)
        .map_err(|error| LnurlFault::Url(Quoted::new(&String::from_utf8_lossy(error.as_bytes()))))?;
    // LUD-04: a login says so in the address itself.
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let login = query.split('&').any(|pair| pair.eq_ignore_ascii_case("tag=login"));
    checked(&url, if login { Purpose::Login } else { Purpose::Unknown }, reader)
}

/// Onion services have no certificates, and this machine needs none. The host may have its port.
fn needs_no_tls(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let is_loopback = name.starts_with("127.") && name.split('.').all(|part| part.parse::<u8>().is_ok());
    name.ends_with(".onion") || name == "localhost" || name.ends_with(".localhost") || is_loopback
}

fn checked(url: &str, purpose: Purpose, reader: Reader<'_>) -> Result<Lnurl, LnurlFault> {
    let scheme = ["https", "http"].into_iter().find(|scheme| after_scheme(url, scheme).is_some());
    let rest = scheme.and_then(|scheme| after_scheme(url, scheme)).unwrap_or_default();
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    match (scheme, name::host(host, reader)) {
        (Some("http"), Some(host)) if !needs_no_tls(&host) => Err(LnurlFault::Plain(Quoted::new(&host))),
        (Some(scheme), Some(host)) if plain => Ok(Lnurl { url: format!("{scheme}://{host}{path}"), purpose }),
        _ => Err(LnurlFault::Url(Quoted::new(url))),
    }
}
