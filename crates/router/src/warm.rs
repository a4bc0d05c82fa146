//! An arc of whose balance more is known than its capacity: the explicit pieces of its cost, and what may cross it.

use crate::prior::{NAT, PIECES, Piece, Prior, USABLE, convex_pieces};
use alloc::vec::Vec;

/// The balance of one direction, as it is believed to be, and the cost of using it.
#[derive(Clone)]
pub(crate) struct Warm {
    /// Ends in msat, slopes in [`NAT`]s per whole amount, probability only.
    pieces: Vec<(u64, u64)>,
    /// Minimum and maximum of the balance, msat, our HTLCs in flight counted as if they had not left.
    pub interval_msat: (u64, u64),
    /// The sum of our HTLCs in flight, msat.
    pub in_flight_msat: u64,
}

impl Warm {
    /// The belief that the balance lies in an interval and `in_flight_msat` of it is in flight, for a payment of `amount_msat`.
    pub(crate) fn new(
        (prior, capacity_msat): (&Prior, u64),
        (low_msat, high_msat): (u64, u64),
        in_flight_msat: u64,
        amount_msat: u64,
    ) -> Self {
        let high_msat = high_msat.min(capacity_msat);
        let capacity = capacity_msat.max(1) as f64;
        let share = |amount: u64| (amount as f64 / capacity).min(1.0);
        let mut warm = Self { pieces: Vec::new(), interval_msat: (low_msat, high_msat), in_flight_msat };
        // A certain balance carries no risk: its piece is free.
        let certain_msat = warm.certain_msat();
        if certain_msat > 0 {
            warm.pieces.push((certain_msat, 0));
        }
        let start_msat = low_msat.max(in_flight_msat);
        if high_msat <= start_msat {
            return warm;
        }
        let (start, low, high) = (share(start_msat), share(low_msat), share(high_msat));
        let stop = (start + (high - start) * USABLE).min(start + amount_msat as f64 / capacity);
        // HTLCs in flight have got through already: only the further risk counts.
        let already = prior.cost(start, low, high);
        let mut points = [(0.0, 0.0); PIECES];
        for (piece, point) in points.iter_mut().enumerate() {
            let x = start + (stop - start) * (piece + 1) as f64 / PIECES as f64;
            *point = (x, prior.cost(x, low, high) - already);
        }
        let (ends, costs) = (points.map(|point| point.0), points.map(|point| point.1));
        let scale = amount_msat as f64 / capacity * NAT;
        let pieces = convex_pieces(start, &ends, &costs);
        for (place, &Piece { end, slope }) in pieces.iter().enumerate() {
            // The pieces are cut for the amount, but an arc carries the fees of the hops after it, too: the last one goes on.
            let past_msat = if place + 1 == pieces.len() {
                usable(high_msat - start_msat)
            } else {
                ((end - start) * capacity) as u64
            };
            let end_msat = certain_msat + past_msat;
            if end_msat > warm.limit_msat() {
                warm.pieces.push((end_msat, (slope * scale) as u64));
            }
        }
        warm
    }

    /// Counts on all that may be there, also on what is otherwise left to fees and reserves.
    pub(crate) fn stretch(&mut self) {
        let all_msat = self.interval_msat.1.saturating_sub(self.in_flight_msat);
        if let Some((end, _)) = self.pieces.last_mut() {
            *end = all_msat.max(*end);
        }
    }

    /// The balance that is certainly there, msat.
    pub(crate) fn certain_msat(&self) -> u64 {
        self.interval_msat.0.saturating_sub(self.in_flight_msat)
    }

    /// The maximum that may cross, msat.
    pub(crate) fn limit_msat(&self) -> u64 {
        self.pieces.last().map_or(0, |&(end, _)| end)
    }

    /// End and slope of the piece that the unit after `flow` falls into; `None` if that is beyond the limit.
    pub(crate) fn piece(&self, flow: u64) -> Option<(u64, u64)> {
        self.pieces.iter().copied().find(|&(end, _)| end > flow)
    }

    /// The beginning of the piece that the last unit of `flow` falls into, msat.
    pub(crate) fn piece_start(&self, flow: u64) -> u64 {
        self.pieces.iter().rev().find(|&&(end, _)| end < flow).map_or(0, |&(end, _)| end)
    }
}

/// The share of a balance or capacity that a plan counts on.
pub(crate) fn usable(capacity_msat: u64) -> u64 {
    capacity_msat - capacity_msat / 100
}
