//! The payer's side of a set.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::child::Child;
use crate::records::{Amp, SetId};
use crate::share::Share;

/// Every share is with a part in flight, or the set has used up all indexes: no part can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all shares of the set are with parts in flight")]
pub struct AllOut;

/// Shares of a payment that is being made. Those of the parts in flight and the free one sum up to the root at any time, so that the
/// payee can claim nothing before it has a part for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    set: SetId,
    root: Share,
    /// Share of what is in no part; `None`: the parts in flight have everything.
    free: Option<Share>,
    /// The next index.
    next: u32,
    in_flight: BTreeMap<u32, Share>,
}

impl Outgoing {
    /// A payment no part of which has left. `set` and `root` are drawn at random, for this payment alone.
    #[must_use]
    pub const fn new(set: SetId, root: Share) -> Self {
        Self { set, root, free: Some(root), next: 0, in_flight: BTreeMap::new() }
    }

    /// A payment with these parts in flight, `next` above all indexes that it ever used.
    #[must_use]
    pub fn resume(set: SetId, root: Share, next: u32, parts: impl IntoIterator<Item = Child>) -> Self {
        let in_flight: BTreeMap<u32, Share> =
            parts.into_iter().map(|child| (child.index, child.share)).collect();
        let above = in_flight.keys().next_back().map_or(0, |last| last.saturating_add(1));
        let free = root ^ Share::sum(in_flight.values().copied());
        let free = (in_flight.is_empty() || free != Share::ZERO).then_some(free);
        Self { set, root, free, next: next.max(above), in_flight }
    }

    /// Id of the set.
    #[must_use]
    pub const fn set(&self) -> SetId {
        self.set
    }

    /// Its root, which gives every part's hash.
    #[must_use]
    pub const fn root(&self) -> Share {
        self.root
    }

    /// Above all indexes used so far.
    #[must_use]
    pub const fn next_index(&self) -> u32 {
        self.next
    }

    /// Splits the free share among `count` new parts, at new indexes: with them, the set is complete. `random` draws 32 bytes.
    ///
    /// # Errors
    /// [`AllOut`]; also when `count` is 0.
    pub fn deal(&mut self, count: u32, mut random: impl FnMut() -> [u8; 32]) -> Result<Vec<Child>, AllOut> {
        let mut rest = self.free.ok_or(AllOut)?;
        let next = self.next.checked_add(count).ok_or(AllOut)?;
        let last = next.checked_sub(1).filter(|_| count > 0).ok_or(AllOut)?;
        let children = (self.next..next).map(|index| {
            let (share, left) = if index == last { (rest, rest) } else { rest.split(Share(random())) };
            rest = left;
            Child { share, index }
        });
        let children: Vec<Child> = children.collect();
        self.in_flight.extend(children.iter().map(|child| (child.index, child.share)));
        (self.free, self.next) = (None, next);
        Ok(children)
    }

    /// Folds the share of a part that failed into what is free; `false`: no part in flight has this index.
    pub fn fold_back(&mut self, index: u32) -> bool {
        let Some(share) = self.in_flight.remove(&index) else { return false };
        self.free = Some(self.free.unwrap_or(Share::ZERO) ^ share);
        true
    }

    /// The record that goes with a part.
    #[must_use]
    pub const fn record(&self, child: Child) -> Amp {
        Amp { child, set: self.set }
    }
}
