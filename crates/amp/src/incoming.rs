//! The payee's side: sets that wait for their parts.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use amplet_protocol::{Msat, PaymentId};

use crate::records::SetId;
use crate::set::{Complete, Part, PartFault, Set};

/// Bounds of what waits: each part holds a slot and money of a channel, which costs its payer nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of parts of a set.
    pub parts: usize,
    /// Maximum number of sets that are not complete.
    pub sets: usize,
    /// Maximum sum of the totals of sets that are not complete.
    pub msat: Msat,
    /// Maximum time from a set's first part to its last, in seconds.
    pub secs: u64,
}

/// Decision about a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It waits for the others of its set.
    Held,
    /// Its set is complete: all of it is claimed.
    Complete(Complete),
    /// It goes back; its set, if there is one, waits on.
    Refused(PartFault),
    /// Its whole set goes back: these payment hashes, its own among them.
    SetRefused(PartFault, Vec<PaymentId>),
}

/// Sets that wait for parts, and complete ones until all of their parts are claimed.
#[derive(Clone, Debug)]
pub struct Incoming {
    limits: Limits,
    sets: BTreeMap<SetId, Set>,
}

impl Incoming {
    /// No set, and what may wait.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, sets: BTreeMap::new() }
    }

    /// Decides about a part. One that is known already is decided about as before.
    pub fn offer(&mut self, part: Part) -> Verdict {
        let set = part.kept.amp.set;
        if let Some(known) = self.part(part.hash) {
            return if known.kept == part.kept && known.amount_msat == part.amount_msat {
                self.complete(set).map_or(Verdict::Held, Verdict::Complete)
            } else {
                Verdict::Refused(PartFault::Hash)
            };
        }
        let fault = match self.sets.get(&set) {
            Some(known) => known.fault(&part, self.limits.parts),
            None => self.fault_of_new(&part),
        };
        if let Some(fault) = fault {
            return Verdict::Refused(fault);
        }
        let known = self.sets.entry(set).or_insert_with(|| Set::new(part.kept.total));
        if !known.add(part) {
            return Verdict::Held;
        }
        known.is_complete = true;
        match self.complete(set) {
            Some(complete) => Verdict::Complete(complete),
            None => Verdict::SetRefused(PartFault::Shares, self.remove(set)),
        }
    }

    /// Takes up parts that waited, or were being claimed, when the process ended. They were within the limits then.
    pub fn resume(&mut self, parts: impl IntoIterator<Item = Part>) {
        for part in parts {
            let total = part.kept.total;
            self.sets.entry(part.kept.amp.set).or_insert_with(|| Set::new(total)).add(part);
        }
        for set in self.sets.values_mut() {
            set.is_complete = set.amount_msat >= set.total.total_msat && set.claims().is_some();
        }
    }

    /// What is against a set's first part.
    fn fault_of_new(&self, part: &Part) -> Option<PartFault> {
        let waiting = || self.sets.values().filter(|set| !set.is_complete);
        let held: Msat = waiting().map(|set| set.total.total_msat).sum();
        if self.limits.parts == 0 {
            Some(PartFault::Parts)
        } else if waiting().count() >= self.limits.sets {
            Some(PartFault::Sets)
        } else if held.plus(part.kept.total.total_msat).is_none_or(|sum| sum > self.limits.msat) {
            Some(PartFault::Amount)
        } else {
            None
        }
    }

    /// Returns whether a set is here.
    #[must_use]
    pub fn holds(&self, set: SetId) -> bool {
        self.sets.contains_key(&set)
    }

    /// Returns whether a part is in a set here.
    #[must_use]
    pub fn contains(&self, hash: PaymentId) -> bool {
        self.part(hash).is_some()
    }

    /// A part of a set here.
    #[must_use]
    pub fn part(&self, hash: PaymentId) -> Option<&Part> {
        self.sets.values().find_map(|set| set.parts.get(&hash))
    }

    fn complete(&self, id: SetId) -> Option<Complete> {
        let set = self.sets.get(&id).filter(|set| set.is_complete)?;
        Some(Complete { set: id, amount_msat: set.amount_msat, claims: set.claims()? })
    }

    fn remove(&mut self, id: SetId) -> Vec<PaymentId> {
        self.sets.remove(&id).map(|set| set.parts.into_keys().collect()).unwrap_or_default()
    }

    /// Notes that a part is claimed. With the last of its set, that is forgotten, and returned as it was.
    pub fn claimed(&mut self, hash: PaymentId) -> Option<Vec<Part>> {
        let (id, set) = self.sets.iter_mut().find(|(_, set)| set.parts.contains_key(&hash))?;
        set.parts.get_mut(&hash)?.is_claimed = true;
        if set.parts.values().any(|part| !part.is_claimed) {
            return None;
        }
        let id = *id;
        self.sets.remove(&id).map(|set| set.parts.into_values().collect())
    }

    /// Takes out the sets that can wait no longer and returns the payment hashes of their parts: at this time, in seconds since the
    /// UNIX epoch, and at this height.
    pub fn expire(&mut self, now: u64, height: u32) -> Vec<(SetId, Vec<PaymentId>)> {
        let limit = self.limits.secs;
        let is_over = |set: &Set| !set.is_complete && set.is_over(now, height, limit);
        let over: Vec<SetId> = self.sets.iter().filter(|(_, set)| is_over(set)).map(|(id, _)| *id).collect();
        over.into_iter().map(|id| (id, self.remove(id))).collect()
    }

    /// Time up to which the first of the sets that wait may do so, in seconds since the UNIX epoch; `None`: none waits.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        let waiting = self.sets.values().filter(|set| !set.is_complete);
        let arrived = waiting.flat_map(|set| set.parts.values()).map(|part| part.arrived_at);
        arrived.min().map(|at| at.saturating_add(self.limits.secs))
    }
}
