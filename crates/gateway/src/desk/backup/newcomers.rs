//! New stores of one address within a day: a stranger makes up as many keys as it likes, but addresses cost something.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::desk::clock::unix_now;
use crate::limits::client_of;

const DAY: u64 = 24 * 3600;

/// The stores that were begun today. A restart forgets them: the total of all wallets is the limit that holds.
pub(super) struct Newcomers {
    max_each: u64,
    today: Mutex<Today>,
}

#[derive(Default)]
struct Today {
    day: u64,
    by_address: HashMap<IpAddr, u64>,
}

impl Newcomers {
    pub(super) fn new(max_each: u64) -> Self {
        Self { max_each, today: Mutex::default() }
    }

    /// True if this address may begin another.
    pub(super) fn has_room(&self, address: IpAddr) -> bool {
        self.today().by_address.get(&client_of(address)).is_none_or(|count| *count < self.max_each)
    }

    /// Counts one.
    pub(super) fn count(&self, address: IpAddr) {
        let mut today = self.today();
        let count = today.by_address.entry(client_of(address)).or_default();
        *count = count.saturating_add(1);
    }

    fn today(&self) -> MutexGuard<'_, Today> {
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        let day = unix_now() / DAY;
        if today.day != day {
            *today = Today { day, ..Today::default() };
        }
        today
    }
}
