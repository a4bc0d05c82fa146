//! Memory that answers take up until their client has taken them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::client_of;
use super::kept::kept;

/// Unit of the count, in bytes.
const UNIT: usize = 1 << 10;

/// Number of clients from which on those that hold nothing are forgotten.
const PRUNE_FROM: usize = 256;

/// Limits the memory of answers: in all, and of each client. Clones share the count.
#[derive(Clone)]
pub struct Memory {
    all: Arc<Semaphore>,
    bytes_each: usize,
    clients: Arc<Mutex<Clients>>,
}

#[derive(Default)]
struct Clients {
    by_address: HashMap<IpAddr, Weak<Semaphore>>,
    prune_at: usize,
}

/// A client's part of the memory.
#[derive(Clone)]
pub struct ClientMemory {
    all: Arc<Semaphore>,
    mine: Arc<Semaphore>,
    bytes_each: usize,
}

/// Memory that is set aside; dropping it gives it back.
pub struct Reservation {
    mine: OwnedSemaphorePermit,
    all: OwnedSemaphorePermit,
}

impl Memory {
    /// Limits in bytes: `bytes` in all and `bytes_each` of one client.
    pub fn new(bytes: usize, bytes_each: usize) -> Self {
        let all = Arc::new(Semaphore::new(usize::try_from(units(bytes)).unwrap_or(1)));
        Self { all, bytes_each: bytes_each.min(bytes), clients: Arc::default() }
    }

    /// The part of the client with this address.
    pub fn of(&self, ip: IpAddr) -> ClientMemory {
        let client = client_of(ip);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clients.by_address.get(&client).and_then(Weak::upgrade);
        let mine = known.unwrap_or_else(|| {
            let units = usize::try_from(units(self.bytes_each)).unwrap_or(1);
            let mine = Arc::new(Semaphore::new(units));
            clients.by_address.insert(client, Arc::downgrade(&mine));
            mine
        });
        if clients.by_address.len() > clients.prune_at.max(PRUNE_FROM) {
            clients.by_address.retain(|_, part| part.strong_count() > 0);
            clients.prune_at = clients.by_address.len().saturating_mul(2);
        }
        ClientMemory { all: Arc::clone(&self.all), mine, bytes_each: self.bytes_each }
    }
}

impl ClientMemory {
    /// Sets so many bytes aside, all of the client's part at most; waits while others hold them.
    pub async fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let units = units(bytes.min(self.bytes_each));
        // A client waits for itself first, and holds nothing of everybody's meanwhile. Neither is ever closed.
        let mine = Arc::clone(&self.mine).acquire_many_owned(units).await.ok()?;
        let all = Arc::clone(&self.all).acquire_many_owned(units).await.ok()?;
        Some(Reservation { mine, all })
    }
}

impl Reservation {
    /// Ties the memory to these bytes: it is given back when the last of them is dropped. What they do not need is given back now.
    pub fn hold(mut self, bytes: Bytes) -> Bytes {
        let needed = usize::try_from(units(bytes.len())).unwrap_or(usize::MAX);
        for permit in [&mut self.mine, &mut self.all] {
            drop(permit.split(permit.num_permits().saturating_sub(needed)));
        }
        kept(bytes, self)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::FutureExt;

    use super::*;

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[tokio::test]
    async fn a_client_waits_for_its_own_answers_and_others_do_not() {
        let memory = Memory::new(100 * UNIT, 10 * UNIT);
        let first = memory.of(ip(1)).reserve(usize::MAX).await.unwrap();
        assert!(memory.of(ip(1)).reserve(1).now_or_never().is_none(), "all of its part is taken");
        assert!(memory.of(ip(2)).reserve(1).now_or_never().is_some());
        let sent = first.hold(Bytes::from(vec![0; 4 * UNIT]));
        let second = memory.of(ip(1)).reserve(6 * UNIT).now_or_never().flatten().unwrap();
        assert!(memory.of(ip(1)).reserve(1).now_or_never().is_none());
        let copy = sent.slice(1..2);
        drop((sent, second));
        assert!(
            memory.of(ip(1)).reserve(7 * UNIT).now_or_never().is_none(),
            "a part of it is still to be sent"
        );
        drop(copy);
        assert!(memory.of(ip(1)).reserve(10 * UNIT).now_or_never().is_some());
    }

    #[tokio::test]
    async fn all_clients_share_the_total_and_are_forgotten() {
        let memory = Memory::new(20 * UNIT, 15 * UNIT);
        let held = memory.of(ip(1)).reserve(15 * UNIT).await.unwrap();
        assert!(memory.of(ip(2)).reserve(6 * UNIT).now_or_never().is_none());
        assert!(memory.of(ip(2)).reserve(5 * UNIT).now_or_never().is_some());
        for client in 0..10_000_u32 {
            drop(memory.of(IpAddr::from(client.to_be_bytes())));
        }
        assert!(memory.clients.lock().unwrap().by_address.len() <= 2 * PRUNE_FROM);
        drop(held);
    }
}
