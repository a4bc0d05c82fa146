//! Boxes of sealed letters, through which holders of budgets ask the wallets that pay for them, and are answered. A box is there while
//! letters are in it: who knows its name puts them, and only who knows the key behind the name takes them, oldest first, each
//! once. In memory only; the gateway reads nothing. Pure.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bitcoin::hashes::{Hash, sha256};

/// Maximum letter, in bytes: a BOLT 11 invoice may have 7089 characters.
pub const MAX_LETTER: usize = 8192;

/// Time after which a letter that nobody has taken is forgotten. It is short, so that what is asked of a wallet that is not open does not
/// happen later, when nobody waits for it any more.
pub const LIFE: Duration = Duration::from_secs(60);

/// Letters at a time, in all.
const MAX_ALL: usize = 1024;

/// Letters at a time of one client.
const MAX_EACH: usize = 64;

/// Letters at a time in one box.
const MAX_IN_BOX: usize = 32;

/// Name of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BoxName(pub [u8; 16]);

impl BoxName {
    /// The box that `key` opens: named by the first half of the key's SHA-256.
    pub fn of_key(key: &[u8; 16]) -> Self {
        let mut name = [0; 16];
        name.copy_from_slice(&sha256::Hash::hash(key).to_byte_array()[..16]);
        Self(name)
    }
}

/// Refusals of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The box is full: nobody takes its letters.
    #[error("the box is full; its letters are forgotten after a minute")]
    Box,
    /// The client has put too many.
    #[error("too many letters wait; they are forgotten after a minute")]
    Mine,
    /// All clients together have.
    #[error("all boxes together are full; try again in a minute")]
    All,
}

struct Letter {
    client: IpAddr,
    at: Instant,
    body: Vec<u8>,
}

/// See the head of this file.
#[derive(Default)]
pub struct Boxes(HashMap<BoxName, VecDeque<Letter>>);

impl Boxes {
    /// Puts a letter of `client` (as `limits` names clients), at the time `now`. The caller has bounded it by [`MAX_LETTER`].
    ///
    /// # Errors
    /// [`Refused`]: nothing was kept.
    pub fn put(&mut self, name: BoxName, body: Vec<u8>, client: IpAddr, now: Instant) -> Result<(), Refused> {
        self.forget(now);
        let letters = || self.0.values().flatten();
        if self.0.get(&name).is_some_and(|found| found.len() >= MAX_IN_BOX) {
            return Err(Refused::Box);
        }
        if letters().filter(|letter| letter.client == client).count() >= MAX_EACH {
            return Err(Refused::Mine);
        }
        if letters().count() >= MAX_ALL {
            return Err(Refused::All);
        }
        self.0.entry(name).or_default().push_back(Letter { client, at: now, body });
        Ok(())
    }

    /// Takes the oldest letter out of a box, at the time `now`; `None`: there is none.
    pub fn take(&mut self, name: BoxName, now: Instant) -> Option<Vec<u8>> {
        self.forget(now);
        let letters = self.0.get_mut(&name)?;
        let letter = letters.pop_front();
        if letters.is_empty() {
            self.0.remove(&name);
        }
        letter.map(|letter| letter.body)
    }

    fn forget(&mut self, now: Instant) {
        self.0.retain(|_, letters| {
            letters.retain(|letter| now.saturating_duration_since(letter.at) < LIFE);
            !letters.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn name(number: usize) -> BoxName {
        BoxName((number as u128).to_be_bytes())
    }

    #[test]
    fn letters_are_taken_in_their_order_each_once() {
        let (mut boxes, now) = (Boxes::default(), Instant::now());
        assert_eq!(boxes.take(name(1), now), None);
        assert_eq!(boxes.put(name(1), b"one".to_vec(), client(1), now), Ok(()));
        assert_eq!(boxes.put(name(1), b"two".to_vec(), client(2), now), Ok(()));
        assert_eq!(boxes.put(name(2), b"other".to_vec(), client(2), now), Ok(()));
        assert_eq!(boxes.take(name(1), now), Some(b"one".to_vec()));
        assert_eq!(boxes.take(name(1), now), Some(b"two".to_vec()));
        assert_eq!(boxes.take(name(1), now), None);
        assert_eq!(boxes.take(name(2), now), Some(b"other".to_vec()));
    }

    #[test]
    fn after_a_minute_a_letter_is_forgotten() {
        let (mut boxes, now) = (Boxes::default(), Instant::now());
        assert_eq!(boxes.put(name(1), b"old".to_vec(), client(1), now), Ok(()));
        assert_eq!(boxes.put(name(1), b"young".to_vec(), client(1), now + LIFE / 2), Ok(()));
        assert_eq!(boxes.take(name(1), now + LIFE), Some(b"young".to_vec()));
        assert_eq!(boxes.take(name(1), now + LIFE), None);
    }

    #[test]
    fn a_box_a_client_and_all_together_have_their_limits() {
        let (mut boxes, now) = (Boxes::default(), Instant::now());
        for _ in 0..MAX_IN_BOX {
            assert_eq!(boxes.put(name(0), Vec::new(), client(0), now), Ok(()));
        }
        assert_eq!(boxes.put(name(0), Vec::new(), client(1), now), Err(Refused::Box));
        for number in MAX_IN_BOX..MAX_EACH {
            assert_eq!(boxes.put(name(number), Vec::new(), client(0), now), Ok(()));
        }
        assert_eq!(boxes.put(name(MAX_EACH), Vec::new(), client(0), now), Err(Refused::Mine));
        for number in MAX_EACH..MAX_ALL {
            let from = client(u8::try_from(number / MAX_EACH).unwrap_or(u8::MAX));
            assert_eq!(boxes.put(name(number), Vec::new(), from, now), Ok(()));
        }
        assert_eq!(boxes.put(name(MAX_ALL), Vec::new(), client(200), now), Err(Refused::All));
        assert_eq!(
            boxes.put(name(0), Vec::new(), client(0), now + LIFE),
            Ok(()),
            "what is forgotten makes room"
        );
    }
}
