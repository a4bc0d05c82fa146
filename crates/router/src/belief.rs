//! The wallet's beliefs about each channel's balance: an interval per channel, from which both directions follow
//! (what one side has, the other lacks), our own HTLCs in flight, and evidence about the network's shape.
//!
//! Pure: time comes in as seconds since 1970. A belief loses half of its information every [`HALF_LIFE_S`].

use crate::graph::{Direction, Graph, Scid};
use crate::prior::Prior;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use amplet_protocol::Msat;

/// Half-life of a belief, seconds.
pub const HALF_LIFE_S: u32 = 6 * 3600;

/// Half-life of a belief from a failure without a code, seconds (it may have been the policy, not the balance).
pub const SOFT_HALF_LIFE_S: u32 = 600;

/// Maximum number of channels with beliefs: beyond it the oldest are evicted, a sixteenth at once.
pub const MAX_BELIEFS: usize = 50_000;

/// A belief about the balance of a channel's first node, our own HTLCs counted as if they had not left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Belief {
    /// Minimum of the balance.
    pub low_msat: Msat,
    /// Maximum of the balance.
    pub high_msat: Msat,
    /// The channel's capacity when this was learned.
    pub capacity_msat: Msat,
    /// The time when it was learned, seconds since 1970.
    pub at_s: u32,
    /// True if it rests on a failure whose cause is not certain.
    pub soft: bool,
}

impl Belief {
    /// The interval of one direction's balance.
    #[must_use]
    pub fn interval(&self, direction: Direction) -> (Msat, Msat) {
        match direction {
            Direction::Forward => (self.low_msat, self.high_msat),
            Direction::Backward => {
                (self.capacity_msat.less(self.high_msat), self.capacity_msat.less(self.low_msat))
            }
        }
    }

    /// The belief as it stands at `now_s`: both ends have moved towards not knowing. One from later than that (a clock
    /// that was wrong) is taken as learned now.
    #[must_use]
    pub fn decayed(&self, now_s: u32) -> Self {
        let age = now_s.saturating_sub(self.at_s);
        if age == 0 {
            return Self { at_s: now_s, ..*self };
        }
        let half_life = if self.soft { SOFT_HALF_LIFE_S } else { HALF_LIFE_S };
        let rest = libm::exp2(-f64::from(age) / f64::from(half_life));
        let fade = |msat: Msat| Msat::up_to_max((msat.get() as f64 * rest) as u64);
        let low_msat = fade(self.low_msat);
        let high_msat = self.capacity_msat.less(fade(self.capacity_msat.less(self.high_msat)));
        Self { low_msat, high_msat: high_msat.max(low_msat), at_s: now_s, ..*self }
    }

    /// True if it carries no more information (a thousandth of the capacity at either end).
    #[must_use]
    pub fn is_vague(&self) -> bool {
        let slack = self.capacity_msat.get() / 1000;
        self.low_msat.get() <= slack && self.capacity_msat.less(self.high_msat).get() <= slack
    }

    fn set(&mut self, direction: Direction, low_msat: Msat, high_msat: Msat) {
        let (low, high) = match direction {
            Direction::Forward => (low_msat, high_msat),
            Direction::Backward => (self.capacity_msat.less(high_msat), self.capacity_msat.less(low_msat)),
        };
        self.low_msat = low;
        self.high_msat = high;
    }
}

/// The certainty that a failure was caused by the balance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Certainty {
    /// The failure code names a lack of balance.
    Certain,
    /// A temporary failure of unknown code: probably the balance, perhaps the policy.
    Soft,
}

/// All beliefs, and our HTLCs in flight.
#[derive(Clone, Default, Debug)]
pub struct Beliefs {
    pub(crate) channels: BTreeMap<Scid, Belief>,
    pub(crate) in_flight: BTreeMap<(Scid, u8), Msat>,
    pub(crate) evidence: f64,
    pub(crate) evidence_at_s: u32,
    pub(crate) excluded: BTreeSet<Scid>,
}

impl Beliefs {
    /// No beliefs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The belief about a channel as it stands now, if there is one.
    #[must_use]
    pub fn get(&self, scid: Scid, now_s: u32) -> Option<Belief> {
        self.channels.get(&scid).map(|belief| belief.decayed(now_s))
    }

    /// Number of channels with a belief.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// True if there is no belief about any channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// The sum of our HTLCs in flight over a direction.
    #[must_use]
    pub fn in_flight_msat(&self, scid: Scid, direction: Direction) -> Msat {
        self.in_flight.get(&(scid, direction.bit() as u8)).copied().unwrap_or_default()
    }

    /// The prior as observations have shifted it, for `now_s`.
    #[must_use]
    pub fn prior(&self, base: &Prior, now_s: u32) -> Prior {
        base.after(self.evidence_at(now_s))
    }

    fn evidence_at(&self, now_s: u32) -> f64 {
        let age = now_s.saturating_sub(self.evidence_at_s);
        self.evidence * libm::exp2(-f64::from(age) / f64::from(HALF_LIFE_S))
    }

    /// Excludes these channels, and no others, from the plans that follow: those that the present payment must not try
    /// again, and our own, which are first hops. Not stored.
    pub fn exclude(&mut self, channels: impl IntoIterator<Item = Scid>) {
        self.excluded = channels.into_iter().collect();
    }

    /// Sets the sum of our HTLCs in flight over a direction, for a caller that tracks it.
    pub fn set_in_flight(&mut self, scid: Scid, direction: Direction, amount_msat: Msat) {
        self.released(scid, direction, Msat::MAX);
        if amount_msat > Msat::ZERO {
            self.sent(scid, direction, amount_msat);
        }
    }

    /// Records that one of our HTLCs now crosses the direction.
    pub fn sent(&mut self, scid: Scid, direction: Direction, amount_msat: Msat) {
        let in_flight = self.in_flight.entry((scid, direction.bit() as u8)).or_default();
        *in_flight = in_flight.plus_up_to_max(amount_msat);
    }

    /// Records that one of our HTLCs was failed back over the direction.
    pub fn released(&mut self, scid: Scid, direction: Direction, amount_msat: Msat) {
        let key = (scid, direction.bit() as u8);
        let left = self.in_flight.get(&key).copied().unwrap_or_default().less(amount_msat);
        if left == Msat::ZERO {
            self.in_flight.remove(&key);
        } else {
            self.in_flight.insert(key, left);
        }
    }

    /// Records that one of our HTLCs over the direction was settled: the balance has moved to the other side.
    pub fn settled(&mut self, scid: Scid, direction: Direction, amount_msat: Msat, now_s: u32) {
        self.released(scid, direction, amount_msat);
        if let Some(belief) = self.channels.get_mut(&scid) {
            *belief = belief.decayed(now_s);
            let (low, high) = belief.interval(direction);
            belief.set(direction, low.less(amount_msat), high.less(amount_msat));
        }
    }

    /// Records that the direction forwarded `amount_msat` on top of our HTLCs in flight over it.
    pub fn reached(
        &mut self,
        graph: &Graph,
        scid: Scid,
        direction: Direction,
        amount_msat: Msat,
        now_s: u32,
    ) {
        let in_flight = self.in_flight_msat(scid, direction);
        let Some(mut belief) = self.open(graph, scid, now_s) else { return };
        let total = in_flight.plus_up_to_max(amount_msat).min(belief.capacity_msat);
        let (low, high) = belief.interval(direction);
        if total <= low {
            return;
        }
        self.learn(&belief, direction, total, true, now_s);
        // Above what was believed possible: the belief was wrong, so nothing is known above.
        let high = if total > high { belief.capacity_msat } else { high };
        belief.set(direction, total, high);
        belief.soft &= total <= high;
        self.insert(scid, belief);
    }

    /// Records that the direction did not forward `amount_msat` on top of our HTLCs in flight over it.
    pub fn refused(
        &mut self,
        graph: &Graph,
        (scid, direction): (Scid, Direction),
        amount_msat: Msat,
        certainty: Certainty,
        now_s: u32,
    ) {
        let in_flight = self.in_flight_msat(scid, direction);
        let Some(mut belief) = self.open(graph, scid, now_s) else { return };
        let total = in_flight.plus_up_to_max(amount_msat);
        let (low, high) = belief.interval(direction);
        if total > high {
            return;
        }
        self.learn(&belief, direction, total, false, now_s);
        let bound = total.less(Msat::from(1));
        // Below what was believed certain: the belief was wrong, so nothing is known below.
        let low = if bound < low { Msat::ZERO } else { low };
        belief.set(direction, low, bound);
        belief.soft = certainty == Certainty::Soft;
        self.insert(scid, belief);
    }

    fn open(&self, graph: &Graph, scid: Scid, now_s: u32) -> Option<Belief> {
        if let Some(belief) = self.get(scid, now_s) {
            return Some(belief);
        }
        let capacity_msat = graph.channels().get(graph.channel(scid)? as usize)?.capacity_msat;
        let (low_msat, high_msat) = (Msat::ZERO, capacity_msat);
        Some(Belief { low_msat, high_msat, capacity_msat, at_s: now_s, soft: false })
    }

    fn learn(&mut self, belief: &Belief, direction: Direction, total: Msat, reached: bool, now_s: u32) {
        let (low, high) = belief.interval(direction);
        if total <= low || total > high {
            return;
        }
        let capacity = belief.capacity_msat.get().max(1) as f64;
        let share = |amount: Msat| amount.get() as f64 / capacity;
        let evidence = Prior::evidence(share(total), share(low), share(high), reached);
        // One hop is no proof, even an odd one; and 40 nats of memory are certainty enough.
        self.evidence = (self.evidence_at(now_s) + evidence.clamp(-2.0, 2.0)).clamp(-40.0, 40.0);
        self.evidence_at_s = now_s;
    }

    pub(crate) fn insert(&mut self, scid: Scid, belief: Belief) {
        self.channels.insert(scid, belief);
        if self.channels.len() > MAX_BELIEFS {
            self.evict_oldest();
        }
    }

    /// Evicts the oldest, a sixteenth at once: a search for the single oldest at each insertion would take too long.
    fn evict_oldest(&mut self) {
        let mut by_age: Vec<(u32, Scid)> =
            self.channels.iter().map(|(&scid, belief)| (belief.at_s, scid)).collect();
        let excess = by_age.len().saturating_sub(MAX_BELIEFS - MAX_BELIEFS / 16);
        by_age.sort_unstable();
        for (_, scid) in by_age.into_iter().take(excess) {
            self.channels.remove(&scid);
        }
    }
}
