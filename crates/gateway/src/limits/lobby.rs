//! The lobby: connections whose next request has not come yet. There is always room for one more: the oldest of the client that
//! has most has to go. A connection that sends its request leaves the lobby until its answer is taken. The house has a limit, too, of
//! those that wait and those that do not.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::client_of;

/// Connections that wait for a request. Clones share them.
#[derive(Clone)]
pub struct Lobby(Arc<Shared>);

struct Shared {
    /// Connections in the house, with those that have left the lobby.
    house: usize,
    max: usize,
    max_per_client: usize,
    /// Clients without a limit of their own: reverse proxies, and this machine.
    exempt: Vec<IpAddr>,
    /// Notified when a connection has left the house.
    gone: Notify,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    next: u64,
    /// Connections in the house.
    present: usize,
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
    /// For `max` connections that wait, and `max_per_client` of each client that is not `exempt`; for `house` in all, those that do
    /// not wait included.
    pub fn new(house: usize, [max, max_per_client]: [usize; 2], exempt: Vec<IpAddr>) -> Self {
        let (gone, inside) = (Notify::new(), Mutex::default());
        Self(Arc::new(Shared { house, max, max_per_client, exempt, gone, inside }))
    }

    /// Takes a connection in, when the one that makes room for it in a full house is gone; `None`: nobody waits who could.
    pub async fn enter(&self, ip: IpAddr) -> Option<Arc<Seat>> {
        let mut has_asked = false;
        while !self.inside().come_in(self.0.house) {
            if !has_asked && !self.inside().evict_from_greatest() {
                return None;
            }
            has_asked = true;
            self.0.gone.notified().await;
        }
        let seat = Seat {
            lobby: self.clone(),
            client: client_of(ip),
            limit: self.limit_of(ip),
            evicted: Arc::default(),
            number: Mutex::default(),
        };
        seat.sit_down();
        Some(Arc::new(seat))
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
    /// Returns whether there was room in a house for so many.
    fn come_in(&mut self, house: usize) -> bool {
        let has_room = self.present < house;
        if has_room {
            self.present = self.present.saturating_add(1);
        }
        has_room
    }

    /// Returns whether there was one.
    fn evict_from_greatest(&mut self) -> bool {
        let greatest = self.by_client.iter().max_by_key(|(_, seats)| seats.len()).map(|(client, _)| *client);
        if let Some(client) = greatest {
            self.evict_oldest(client);
        }
        greatest.is_some()
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
        let mut inside = self.lobby.inside();
        inside.present = inside.present.saturating_sub(1);
        drop(inside);
        self.lobby.0.gone.notify_one();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::FutureExt;

    use super::*;

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn enter(lobby: &Lobby, ip: IpAddr) -> Arc<Seat> {
        lobby.enter(ip).now_or_never().unwrap().unwrap()
    }

    fn is_out(seat: &Seat) -> bool {
        seat.evicted().now_or_never().is_some()
    }

    #[test]
    fn who_has_most_makes_room() {
        let lobby = Lobby::new(100, [4, 3], Vec::new());
        let quiet = enter(&lobby, ip(1));
        let seats: Vec<_> = (0..3).map(|_| enter(&lobby, ip(2))).collect();
        let more = enter(&lobby, ip(3));
        assert!(is_out(&seats[0]) && !is_out(&quiet) && !is_out(&more));
        let again = enter(&lobby, ip(2));
        assert!(is_out(&seats[1]) && !is_out(&seats[2]) && !is_out(&again) && !is_out(&quiet));
        lobby.make_room();
        assert!(is_out(&seats[2]), "the oldest of the client that has most");
    }

    #[test]
    fn a_client_has_its_share_unless_it_is_a_proxy() {
        let lobby = Lobby::new(1000, [100, 2], vec![ip(9)]);
        let seats: Vec<_> = (0..3).map(|_| enter(&lobby, ip(1))).collect();
        assert!(is_out(&seats[0]) && !is_out(&seats[1]));
        let proxy: Vec<_> = (0..50).map(|_| enter(&lobby, ip(9))).collect();
        assert!(!proxy.iter().any(|seat| is_out(seat)));
    }

    #[test]
    fn a_request_is_not_in_the_lobby() {
        let lobby = Lobby::new(100, [1, 1], Vec::new());
        let busy = enter(&lobby, ip(1));
        let visit = busy.begin();
        let other = enter(&lobby, ip(2));
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

    #[tokio::test]
    async fn a_full_house_takes_one_in_when_another_is_gone() {
        let lobby = Lobby::new(2, [100, 100], Vec::new());
        let (busy, waits) = (enter(&lobby, ip(1)), enter(&lobby, ip(1)));
        let visit = busy.begin();
        let leaves = async {
            waits.evicted().await;
            assert_eq!(lobby.inside().present, 2, "nobody is in before it is gone");
            drop(waits);
        };
        let (next, ()) = tokio::join!(lobby.enter(ip(2)), leaves);
        let next = next.unwrap();
        assert!(!is_out(&busy));
        let other = next.begin();
        assert!(lobby.enter(ip(3)).await.is_none(), "all are busy");
        drop((visit, busy));
        assert!(lobby.enter(ip(3)).await.is_some());
        drop((other, next));
        assert_eq!(lobby.inside().present, 0);
    }
}
