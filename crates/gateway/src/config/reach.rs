//! Addresses that are legal and probably not meant.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::document::Section;
use super::{PublicAddress, PublicUrl, Severity};

/// Warns of plain HTTP for others than this machine.
pub(super) fn warn_of_plain_http(
    section: &Section<'_, '_>,
    listen: Option<SocketAddr>,
    public: Option<&PublicUrl>,
) {
    let is_plain = public.is_none_or(|public| !public.base.starts_with("https://"));
    if let Some(listen) = listen.filter(|listen| is_plain && !listen.ip().is_loopback()) {
        let what =
            format!("{listen} is open to others in plain HTTP, which pages elsewhere may not connect to");
        let remedy = "put a reverse proxy with TLS before it, and set public_url";
        section.report(Severity::Warning, "listen", what, remedy);
    }
}

/// Warns of announced addresses that lead nobody here.
pub(super) fn warn_of_announced(section: &Section<'_, '_>, announced: &[PublicAddress]) {
    if announced.iter().any(leads_nowhere) {
        let what = "has an address of this machine or of a private network, which leads nobody here";
        let remedy = "announce the address by which the internet reaches [node] listen";
        section.report(Severity::Warning, "announce", what, remedy);
    }
}

fn leads_nowhere(address: &PublicAddress) -> bool {
    match address {
        PublicAddress::TcpIpV4 { addr, .. } => {
            let ip = Ipv4Addr::from(*addr);
            ip.is_loopback() || ip.is_private() || ip.is_unspecified() || ip.is_link_local()
        }
        PublicAddress::TcpIpV6 { addr, .. } => {
            let ip = Ipv6Addr::from(*addr);
            ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local()
        }
        _ => false,
    }
}
