//! Calls that wait to be made: a queue for each account, and turns in between. Whatever one account's sites do, the others' are called.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::records::DeliveryRecord;

/// Maximum number of calls in flight: of all accounts, and of one.
const MAX_IN_FLIGHT: [usize; 2] = [64, 4];

/// Maximum number of calls of an account that wait. Beyond it none is added: a site that was away so long lists its invoices.
pub(super) const MAX_WAITING: usize = 10_000;

/// A call's account and the name of its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallName {
    pub account: String,
    pub name: String,
}

/// The calls of all accounts.
#[derive(Default)]
pub(super) struct Queues {
    by_account: BTreeMap<String, Queue>,
    in_flight: usize,
    /// The account that had its turn last.
    last: String,
}

#[derive(Default)]
struct Queue {
    calls: BTreeMap<String, DeliveryRecord>,
    /// Calls that are being made.
    in_flight: BTreeSet<String>,
}

impl Queue {
    fn idle(&self) -> impl Iterator<Item = (&String, &DeliveryRecord)> {
        self.calls.iter().filter(|(name, _)| !self.in_flight.contains(*name))
    }

    fn has_room(&self) -> bool {
        let [_, each] = MAX_IN_FLIGHT;
        self.in_flight.len() < each
    }
}

impl Queues {
    /// Returns whether another call of this account may wait.
    pub(super) fn has_room(&self, account: &str) -> bool {
        self.by_account.get(account).is_none_or(|queue| queue.calls.len() < MAX_WAITING)
    }

    /// Adds a call, or replaces it.
    pub(super) fn put(&mut self, call: CallName, record: DeliveryRecord) {
        self.by_account.entry(call.account).or_default().calls.insert(call.name, record);
    }

    /// Returns a call.
    pub(super) fn get(&self, call: &CallName) -> Option<&DeliveryRecord> {
        self.by_account.get(&call.account)?.calls.get(&call.name)
    }

    /// Removes a call.
    pub(super) fn remove(&mut self, call: &CallName) {
        if let Some(queue) = self.by_account.get_mut(&call.account) {
            queue.calls.remove(&call.name);
        }
    }

    /// Removes what waits for a webhook; returns the names of its records.
    pub(super) fn remove_all_of(&mut self, account: &str, webhook: &str) -> Vec<String> {
        let Some(queue) = self.by_account.get_mut(account) else { return Vec::new() };
        let gone = queue.calls.iter().filter(|(_, call)| call.target.is(webhook));
        let gone: Vec<String> = gone.map(|(name, _)| name.clone()).collect();
        gone.iter().for_each(|name| drop(queue.calls.remove(name)));
        gone
    }

    /// Returns how many wait for a webhook.
    pub(super) fn count_of(&self, account: &str, webhook: &str) -> usize {
        let queue = self.by_account.get(account);
        queue.map_or(0, |queue| queue.calls.values().filter(|call| call.target.is(webhook)).count())
    }

    /// Takes the next call whose time has come: of the next account that has one, the one that is due longest. It is in flight until
    /// it is [done](Self::done).
    pub(super) fn take_due(&mut self, now: u64) -> Option<CallName> {
        let [all, _] = MAX_IN_FLIGHT;
        if self.in_flight >= all {
            return None;
        }
        let later = self.by_account.range::<String, _>((Bound::Excluded(&self.last), Bound::Unbounded));
        let others = self.by_account.range::<String, _>((Bound::Unbounded, Bound::Included(&self.last)));
        let due = |queue: &Queue| {
            let due = queue.idle().filter(|(_, call)| call.next_at <= now);
            due.min_by_key(|(_, call)| call.next_at).map(|(name, _)| name.clone())
        };
        let mut turns = later.chain(others).filter(|(_, queue)| queue.has_room());
        let (account, name) = turns.find_map(|(account, queue)| Some((account.clone(), due(queue)?)))?;
        self.in_flight = self.in_flight.saturating_add(1);
        self.last.clone_from(&account);
        if let Some(queue) = self.by_account.get_mut(&account) {
            queue.in_flight.insert(name.clone());
        }
        Some(CallName { account, name })
    }

    /// Ends a call's flight.
    pub(super) fn done(&mut self, call: &CallName) {
        let Some(queue) = self.by_account.get_mut(&call.account) else { return };
        if queue.in_flight.remove(&call.name) {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        if queue.calls.is_empty() && queue.in_flight.is_empty() {
            self.by_account.remove(&call.account);
        }
    }

    /// Returns when the next one is due that has room.
    pub(super) fn next_at(&self) -> Option<u64> {
        let open = self.by_account.values().filter(|queue| queue.has_room());
        open.flat_map(|queue| queue.idle().map(|(_, call)| call.next_at)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::super::records::Target;
    use super::*;

    fn call(account: &str, name: &str) -> CallName {
        CallName { account: account.into(), name: name.into() }
    }

    fn record(next_at: u64) -> DeliveryRecord {
        let target = Target::Webhook { id: "0b".into() };
        DeliveryRecord {
            event: "evt".into(),
            target,
            body: String::new(),
            created_at: 0,
            attempts: 0,
            next_at,
        }
    }

    #[test]
    fn accounts_take_turns_and_none_takes_all() {
        let mut queues = Queues::default();
        for number in 0..10 {
            queues.put(call("a", &format!("{number}")), record(number));
        }
        queues.put(call("b", "x"), record(9));
        queues.put(call("c", "later"), record(11));
        let taken: Vec<String> =
            std::iter::from_fn(|| queues.take_due(10)).map(|it| it.account + &it.name).collect();
        assert_eq!(taken, ["a0", "bx", "a1", "a2", "a3"], "in turns, the oldest first, four of each");
        assert_eq!(queues.next_at(), Some(11), "what has no room is not due");
        queues.done(&call("a", "2"));
        assert_eq!(queues.take_due(10), Some(call("a", "2")), "it was not removed");
        queues.remove(&call("b", "x"));
        queues.done(&call("b", "x"));
        assert_eq!(queues.take_due(11), Some(call("c", "later")));
        assert_eq!(queues.by_account.len(), 2, "an account without calls is forgotten");
    }

    #[test]
    fn an_account_that_is_full_does_not_fill_the_others() {
        let mut queues = Queues::default();
        for number in 0..MAX_WAITING {
            queues.put(call("a", &format!("{number}")), record(0));
        }
        assert!(!queues.has_room("a") && queues.has_room("b"));
        assert_eq!(queues.count_of("a", "0b"), MAX_WAITING);
        assert_eq!(queues.remove_all_of("a", "0b").len(), MAX_WAITING);
        assert!(queues.has_room("a"));
    }

    #[test]
    fn there_is_an_end_to_calls_in_flight() {
        let mut queues = Queues::default();
        for account in 0..100 {
            queues.put(call(&format!("{account}"), "x"), record(0));
        }
        assert_eq!(std::iter::from_fn(|| queues.take_due(1)).count(), 64);
        queues.done(&call("0", "x"));
        assert!(queues.take_due(1).is_some());
    }
}
