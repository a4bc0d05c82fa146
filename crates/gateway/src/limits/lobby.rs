//! The lobby: connections whose next request has not come yet. There is always room for one more: the oldest of the client that
//! has most has to go. A connection that sends its request leaves the lobby until its answer is taken.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::client_of;

/// Connections that wait for a request. Clones share them.
#[derive(Clone)]
pub struct Lobby(Arc<Shared>);

struct Shared {
    max: usize,
    max_per_client: usize,
    /// Clients without a limit of their own: reverse proxies, and this machine.
    exempt: Vec<IpAddr>,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    next: u64,
    count: usize,
    /// Connections of each client by when they came.
    by_client: HashMap<IpAddr, BTreeMap<u64, Arc<Notify>>>,
}

/// A connection's place.
pub struct Seat {
    lobby: Lobby,
    client: IpAddr,
    /// Connections that its client may have here.
    limit: usize,
    /// Notified when it has to go.
    evicted: Arc<Notify>,
    number: Mutex<Option<u64>>,
}

/// A request that is being answered; dropping it takes the connection back to the lobby.
pub struct Visit(Option<Arc<Seat>>);

impl Lobby {
    /// For `max` connections, and `max_per_client` of each client that is not `exempt`.
    pub fn new(max: usize, max_per_client: usize, exempt: Vec<IpAddr>) -> Self {
        Self(Arc::new(Shared { max, max_per_client, exempt, inside: Mutex::default() }))
    }

    /// Takes a connection in.
    pub fn enter(&self, ip: IpAddr) -> Arc<Seat> {
        let seat = Seat {
            lobby: self.clone(),
            client: client_of(ip),
            limit: self.limit_of(ip),
            evicted: Arc::default(),
            number: Mutex::default(),
        };
        seat.sit_down();
        Arc::new(seat)
    }

    /// Sends one out, if there is any.
    pub fn make_room(&self) {
        self.inside().evict_from_greatest();
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limit_of(&self, ip: IpAddr) -> usize {
        let ip = ip.to_canonical();
        let is_exempt = ip.is_loopback() || self.0.exempt.contains(&ip);
        if is_exempt { usize::MAX } else { self.0.max_per_client }
    }
}

impl Inside {
    fn evict_from_greatest(&mut self) {
        let greatest = self.by_client.iter().max_by_key(|(_, seats)| seats.len()).map(|(client, _)| *client);
        if let Some(client) = greatest {
            self.evict_oldest(client);
        }
    }

    fn evict_oldest(&mut self, client: IpAddr) {
        let oldest = self.by_client.get(&client).and_then(|seats| seats.keys().next().copied());
        if let Some(evicted) = oldest.and_then(|number| self.remove(client, number)) {
            evicted.notify_one();
        }
    }

    fn remove(&mut self, client: IpAddr, number: u64) -> Option<Arc<Notify>> {
        let seats = self.by_client.get_mut(&client)?;
        let found = seats.remove(&number)?;
        self.count = self.count.saturating_sub(1);
        if seats.is_empty() {
            self.by_client.remove(&client);
        }
        Some(found)
    }
}

impl Seat {
    fn sit_down(&self) {
        let mut inside = self.lobby.inside();
        let mine = inside.by_client.get(&self.client).map_or(0, BTreeMap::len);
        if mine >= self.limit {
            inside.evict_oldest(self.client);
        }
        if inside.count >= self.lobby.0.max {
            inside.evict_from_greatest();
        }
        let number = inside.next;
        inside.next = inside.next.saturating_add(1);
        inside.count = inside.count.saturating_add(1);
        inside.by_client.entry(self.client).or_default().insert(number, Arc::clone(&self.evicted));
        *self.number() = Some(number);
    }

    fn stand_up(&self) {
        let number = self.number().take();
        if let Some(number) = number {
            self.lobby.inside().remove(self.client, number);
        }
    }

    fn number(&self) -> MutexGuard<'_, Option<u64>> {
        self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when the connection has to make room.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Leaves the lobby for a request.
    pub fn begin(self: &Arc<Self>) -> Visit {
        self.stand_up();
        Visit(Some(Arc::clone(self)))
    }
}

impl Visit {
    /// Ends it without taking the connection back: it is no longer one for requests.
    pub fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(seat) = self.0.take() {
            seat.sit_down();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.stand_up();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn is_out(seat: &Seat) -> bool {
        seat.evicted().now_or_never().is_some()
    }

    #[test]
    fn who_has_most_makes_room() {
        let lobby = Lobby::new(4, 3, Vec::new());
        let quiet = lobby.enter(ip(1));
        let seats: Vec<_> = (0..3).map(|_| lobby.enter(ip(2))).collect();
        let more = lobby.enter(ip(3));
        assert!(is_out(&seats[0]) && !is_out(&quiet) && !is_out(&more));
        let again = lobby.enter(ip(2));
        assert!(is_out(&seats[1]) && !is_out(&seats[2]) && !is_out(&again) && !is_out(&quiet));
        lobby.make_room();
        assert!(is_out(&seats[2]), "the oldest of the client that has most");
    }

    #[test]
    fn a_client_has_its_share_unless_it_is_a_proxy() {
        let lobby = Lobby::new(100, 2, vec![ip(9)]);
        let seats: Vec<_> = (0..3).map(|_| lobby.enter(ip(1))).collect();
        assert!(is_out(&seats[0]) && !is_out(&seats[1]));
        let proxy: Vec<_> = (0..50).map(|_| lobby.enter(ip(9))).collect();
        assert!(!proxy.iter().any(|seat| is_out(seat)));
    }

    #[test]
    fn a_request_is_not_in_the_lobby() {
        let lobby = Lobby::new(1, 1, Vec::new());
        let busy = lobby.enter(ip(1));
        let visit = busy.begin();
        let other = lobby.enter(ip(2));
        assert!(!is_out(&busy) && !is_out(&other));
        drop(visit);
        assert!(is_out(&other), "the connection waits again");
        busy.begin().leave();
        let left = || {
            let inside = lobby.inside();
            (inside.count, inside.by_client.len())
        };
        assert_eq!(left(), (0, 0));
        drop((busy, other));
        assert_eq!(left(), (0, 0));
    }
}
