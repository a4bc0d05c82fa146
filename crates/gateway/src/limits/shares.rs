//! Shares: how much of something there is in all, and of each who takes from it.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::client_of;

/// What is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The share of this one.
    Mine,
    /// Everybody's.
    All,
}

/// Counts and limits what each `K` holds at a time. Clones share the count.
pub struct Shares<K>(Arc<Inner<K>>);

impl<K> Clone for Shares<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<K> {
    held: Mutex<HashMap<K, usize>>,
    total: watch::Sender<usize>,
    max: usize,
    max_each: usize,
}

/// One that is counted; dropping it ends the count.
pub struct Share<K: Eq + Hash> {
    shares: Arc<Inner<K>>,
    holder: K,
}

impl<K: Clone + Eq + Hash> Shares<K> {
    /// Limits: `max` in all and `max_each` of each.
    pub fn new(max: usize, max_each: usize) -> Self {
        let total = watch::Sender::new(0);
        Self(Arc::new(Inner { held: Mutex::default(), total, max, max_each }))
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`Full`]: it is refused.
    pub fn take(&self, holder: K) -> Result<Share<K>, Full> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        let total = *self.0.total.borrow();
        let mine = held.get(&holder).copied().unwrap_or(0);
        if mine >= self.0.max_each {
            return Err(Full::Mine);
        }
        if total >= self.0.max {
            return Err(Full::All);
        }
        held.insert(holder.clone(), mine.saturating_add(1));
        self.0.total.send_replace(total.saturating_add(1));
        drop(held);
        Ok(Share { shares: Arc::clone(&self.0), holder })
    }

    /// Returns how many there are.
    pub fn count(&self) -> usize {
        *self.0.total.borrow()
    }

    /// Resolves when there is none.
    pub async fn none_left(&self) {
        let mut total = self.0.total.subscribe();
        // The sender lives as long as `self`, so waiting ends by reaching zero only.
        let _ = total.wait_for(|total| *total == 0).await;
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&self.holder) {
            Some(mine) if *mine > 1 => *mine = mine.saturating_sub(1),
            _ => {
                held.remove(&self.holder);
            }
        }
        self.shares.total.send_modify(|total| *total = total.saturating_sub(1));
    }
}

/// Shares of clients: of an IPv4 address, or an IPv6 network of 64 bits.
pub type Connections = Shares<IpAddr>;

/// A client's one connection, or request.
pub type Guard = Share<IpAddr>;

impl Connections {
    /// Counts one more of the client with this address.
    ///
    /// # Errors
    /// [`Full`]: it is refused.
    pub fn enter(&self, ip: IpAddr) -> Result<Guard, Full> {
        self.take(client_of(ip))
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
        assert_eq!(connections.enter(ip("192.0.2.1")).err(), Some(Full::Mine));
        let _other = connections.enter(ip("192.0.2.2")).unwrap();
        drop(first);
        assert_eq!(connections.count(), 2);
        assert!(connections.enter(ip("192.0.2.1")).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_addresses_is_one_client() {
        let connections = Connections::new(10, 1);
        let _guard = connections.enter(ip("2001:db8::1")).unwrap();
        assert!(connections.enter(ip("2001:db8::ffff:2")).is_err());
        assert!(connections.enter(ip("2001:db8:0:1::1")).is_ok());
    }

    #[tokio::test]
    async fn all_clients_share_the_total() {
        let connections = Connections::new(2, 2);
        let one = connections.enter(ip("192.0.2.1")).unwrap();
        let two = connections.enter(ip("192.0.2.2")).unwrap();
        assert_eq!(connections.enter(ip("192.0.2.3")).err(), Some(Full::All));
        drop((one, two));
        connections.none_left().await;
    }
}
