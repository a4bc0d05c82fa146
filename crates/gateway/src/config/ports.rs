//! Addresses that the gateway listens on: distinct from one another, and free.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use super::document::Section;
use super::{AdminSection, Config, HttpSection, NodeSection, Severity};

/// Reports addresses that exclude one another.
pub(super) fn distinct(root: &Section<'_, '_>, node: &NodeSection, http: &HttpSection, admin: &AdminSection) {
    let mut taken = vec![("http.listen", http.listen)];
    let mut claim = |section: &'static str, name: &'static str, address: SocketAddr| {
        if let Some((other, _)) = taken.iter().find(|(_, other)| clash(*other, address)) {
            root.section(section).error(
                "listen",
                format!("{address} is already taken by {other}"),
                "give each its own port",
            );
        }
        taken.push((name, address));
    };
    claim("admin", "admin.listen", admin.listen);
    for address in &node.listen {
        claim("node", "node.listen", *address);
    }
}

/// True if two sockets cannot be had together. Port 0 is any free port.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let same_ip = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && same_ip
}

/// Binds every address for a moment.
pub(super) fn try_all(config: &Config) -> Vec<(Severity, String)> {
    let mut addresses = vec![("http.listen", config.http.listen), ("admin.listen", config.admin.listen)];
    addresses.extend(config.node.listen.iter().map(|address| ("node.listen", *address)));
    let try_one = |(key, address): (&str, SocketAddr)| {
        let error = TcpListener::bind(address).err()?;
        let severity = if error.kind() == ErrorKind::AddrInUse { Severity::Warning } else { Severity::Error };
        Some((severity, format!("{key}: {}", explain(address, &error))))
    };
    addresses.into_iter().filter_map(try_one).collect()
}

/// Explains why nothing can listen there, with the remedy.
pub(crate) fn explain(address: SocketAddr, error: &std::io::Error) -> String {
    let remedy = match error.kind() {
        ErrorKind::AddrInUse => {
            "another program listens there (this gateway, if it runs); stop it, or give another port"
        }
        ErrorKind::AddrNotAvailable => "this machine has no such address; give one of its own, or 0.0.0.0",
        ErrorKind::PermissionDenied => "ports below 1024 need a permission; give a higher one",
        _ => "give another address",
    };
    format!("cannot listen on {address} ({error}); {remedy}")
}
