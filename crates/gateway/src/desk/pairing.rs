//! The mailbox through which a wallet's new device gets what it needs from an old one: sealed letters that are put once, taken once,
//! and forgotten after ten minutes. In memory only; who has the code reads and writes, the gateway reads nothing. Pure.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Maximum letter, in bytes.
pub const MAX_LETTER: usize = 4096;

/// Time after which a letter is forgotten, taken or not.
pub const LIFE: Duration = Duration::from_secs(600);

/// Letters at a time, in all.
const MAX_ALL: usize = 1024;

/// Letters at a time of one client: two for each device that is added.
const MAX_EACH: usize = 32;

/// Name of a letter: 16 bytes that only the two devices know.
pub type LetterId = [u8; 16];

/// Refusals of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is, or was, one of this name.
    #[error("there was a letter of this name already: begin again with a new code")]
    Used,
    /// The client has put too many.
    #[error("too many letters wait; they are forgotten after ten minutes")]
    Mine,
    /// All clients together have.
    #[error("the mailbox is full; try again in some minutes")]
    All,
}

/// What is found under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing was put yet, or it is forgotten.
    Nothing,
    /// The letter: nobody gets it again.
    Letter(Vec<u8>),
    /// Somebody took it.
    Taken,
}

struct Letter {
    client: IpAddr,
    at: Instant,
    /// `None`: taken. The name stays used, so that whoever takes a letter cannot put another in its place.
    body: Option<Vec<u8>>,
}

/// See the head of this file.
#[derive(Default)]
pub struct Mailbox(HashMap<LetterId, Letter>);

impl Mailbox {
    /// Keeps a letter of `client` (as `limits` names clients), at the time `now`. The caller has bounded it by [`MAX_LETTER`].
    ///
    /// # Errors
    /// [`Refused`]: nothing was kept.
    pub fn put(&mut self, id: LetterId, body: Vec<u8>, client: IpAddr, now: Instant) -> Result<(), Refused> {
        self.forget(now);
        if self.0.contains_key(&id) {
            return Err(Refused::Used);
        }
        if self.0.values().filter(|letter| letter.client == client).count() >= MAX_EACH {
            return Err(Refused::Mine);
        }
        if self.0.len() >= MAX_ALL {
            return Err(Refused::All);
        }
        self.0.insert(id, Letter { client, at: now, body: Some(body) });
        Ok(())
    }

    /// Takes the letter of this name, at the time `now`.
    pub fn take(&mut self, id: &LetterId, now: Instant) -> Found {
        self.forget(now);
        match self.0.get_mut(id) {
            None => Found::Nothing,
            Some(letter) => letter.body.take().map_or(Found::Taken, Found::Letter),
        }
    }

    fn forget(&mut self, now: Instant) {
        self.0.retain(|_, letter| now.saturating_duration_since(letter.at) < LIFE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn id(number: usize) -> LetterId {
        (number as u128).to_be_bytes()
    }

    #[test]
    fn a_letter_is_put_once_and_taken_once() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        assert_eq!(mailbox.take(&id(1), now), Found::Nothing);
        assert_eq!(mailbox.put(id(1), b"sealed".to_vec(), client(1), now), Ok(()));
        assert_eq!(mailbox.put(id(1), b"other".to_vec(), client(2), now), Err(Refused::Used));
        assert_eq!(mailbox.take(&id(1), now), Found::Letter(b"sealed".to_vec()));
        assert_eq!(mailbox.take(&id(1), now), Found::Taken);
        assert_eq!(mailbox.put(id(1), b"other".to_vec(), client(1), now), Err(Refused::Used));
    }

    #[test]
    fn after_ten_minutes_it_is_forgotten() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        assert_eq!(mailbox.put(id(1), Vec::new(), client(1), now), Ok(()));
        assert_eq!(mailbox.take(&id(1), now + LIFE), Found::Nothing);
        assert_eq!(mailbox.put(id(1), Vec::new(), client(1), now + LIFE), Ok(()));
    }

    #[test]
    fn a_client_has_its_share_and_all_together_theirs() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        for number in 0..MAX_EACH {
            assert_eq!(mailbox.put(id(number), Vec::new(), client(0), now), Ok(()));
        }
        assert_eq!(mailbox.take(&id(0), now), Found::Letter(Vec::new()));
        let refused = mailbox.put(id(MAX_EACH), Vec::new(), client(0), now);
        assert_eq!(refused, Err(Refused::Mine), "taken letters count: their names are kept");
        for number in MAX_EACH..MAX_ALL {
            let from = client(u8::try_from(number / MAX_EACH).unwrap_or(u8::MAX));
            assert_eq!(mailbox.put(id(number), Vec::new(), from, now), Ok(()));
        }
        assert_eq!(mailbox.put(id(MAX_ALL), Vec::new(), client(200), now), Err(Refused::All));
        assert_eq!(mailbox.put(id(MAX_ALL), Vec::new(), client(200), now + LIFE), Ok(()));
    }
}
