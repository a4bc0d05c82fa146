//! Limits of connections, in all and of each client: for WebSockets, TCP and HTTP.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Counts and limits open connections. Clones share the count.
#[derive(Clone)]
pub struct Connections {
    shared: Arc<Shared>,
}

struct Shared {
    by_client: Mutex<HashMap<IpAddr, usize>>,
    total: watch::Sender<usize>,
    max: usize,
    max_per_client: usize,
}

/// One counted connection; dropping it ends the count.
pub struct Guard {
    shared: Arc<Shared>,
    client: IpAddr,
}

impl Connections {
    /// Limits: `max` in all and `max_per_client` of one client: an IPv4 address, or an IPv6 network of 64 bits.
    pub fn new(max: usize, max_per_client: usize) -> Self {
        let total = watch::Sender::new(0);
        Self { shared: Arc::new(Shared { by_client: Mutex::default(), total, max, max_per_client }) }
    }

    /// Counts one more connection, or refuses it: `None`.
    pub fn enter(&self, ip: IpAddr) -> Option<Guard> {
        let client = client_of(ip);
        let mut by_client = self.shared.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        let total = *self.shared.total.borrow();
        let mine = by_client.get(&client).copied().unwrap_or(0);
        if total >= self.shared.max || mine >= self.shared.max_per_client {
            return None;
        }
        by_client.insert(client, mine.saturating_add(1));
        self.shared.total.send_replace(total.saturating_add(1));
        drop(by_client);
        Some(Guard { shared: Arc::clone(&self.shared), client })
    }

    /// Returns the number of open connections.
    pub fn count(&self) -> usize {
        *self.shared.total.borrow()
    }

    /// Resolves when none is open.
    pub async fn none_left(&self) {
        let mut total = self.shared.total.subscribe();
        // The sender lives as long as `self`, so waiting ends by reaching zero only.
        let _ = total.wait_for(|total| *total == 0).await;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut by_client = self.shared.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        match by_client.get_mut(&self.client) {
            Some(mine) if *mine > 1 => *mine = mine.saturating_sub(1),
            _ => {
                by_client.remove(&self.client);
            }
        }
        self.shared.total.send_modify(|total| *total = total.saturating_sub(1));
    }
}

/// A client with one IPv6 address has a network of 64 bits of them.
pub(crate) fn client_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_has_its_share_and_gets_it_back() {
        let connections = Connections::new(10, 2);
        let first = connections.enter(ip("192.0.2.1")).unwrap();
        let _second = connections.enter(ip("::ffff:192.0.2.1")).unwrap();
        assert!(connections.enter(ip("192.0.2.1")).is_none());
        let _other = connections.enter(ip("192.0.2.2")).unwrap();
        drop(first);
        assert_eq!(connections.count(), 2);
        assert!(connections.enter(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn a_network_of_ipv6_addresses_is_one_client() {
        let connections = Connections::new(10, 1);
        let _guard = connections.enter(ip("2001:db8::1")).unwrap();
        assert!(connections.enter(ip("2001:db8::ffff:2")).is_none());
        assert!(connections.enter(ip("2001:db8:0:1::1")).is_some());
    }

    #[tokio::test]
    async fn all_clients_share_the_total() {
        let connections = Connections::new(2, 2);
        let one = connections.enter(ip("192.0.2.1")).unwrap();
        let two = connections.enter(ip("192.0.2.2")).unwrap();
        assert!(connections.enter(ip("192.0.2.3")).is_none());
        drop((one, two));
        connections.none_left().await;
    }
}
