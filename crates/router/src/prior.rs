//! The prior belief about a balance: a mixture of two shapes over the share `x` of the capacity that lies on the
//! sending side. *Uniform*: any share alike. *Bimodal*: most channels are nearly empty on
//! one side, density proportional to `exp(-x/s) + exp(-(1-x)/s)`. Each observed hop is evidence for one of the two
//! ([`Prior::evidence`]), so a router learns within one payment which of them fits its network.
//!
//! Costs are negative log probabilities in *micronats* ([`NAT`] to the nat), so that the flow is exact in integers.

use alloc::vec::Vec;

/// Cost units per nat of `-ln P`, for the whole amount.
pub const NAT: f64 = 100_000.0;

/// Linear pieces per channel direction.
pub const PIECES: usize = 8;

/// Width of a mode of the bimodal shape, in capacities.
const MODE_WIDTH: f64 = 0.1;

/// Maximum share of a channel that a plan counts on, in capacities: the rest is reserve and fees.
pub(crate) const USABLE: f64 = 0.99;

const BUCKETS_PER_OCTAVE: i32 = 16;
const LOWEST_OCTAVE: i32 = -14;
const HIGHEST_OCTAVE: i32 = 9;
const BUCKETS: usize = ((HIGHEST_OCTAVE - LOWEST_OCTAVE) * BUCKETS_PER_OCTAVE + 1) as usize;

/// `floor(16 log2 v)`: amounts and capacities on a grid of 4.4 %.
#[must_use]
pub(crate) fn log_bucket(value: u64) -> u16 {
    if value == 0 {
        return 0;
    }
    (libm::log2(value as f64) * f64::from(BUCKETS_PER_OCTAVE)) as u16
}

/// The mixture.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Prior {
    /// Weight of the bimodal shape, 0 to 1.
    pub bimodal: f64,
}

impl Default for Prior {
    fn default() -> Self {
        Self { bimodal: 0.05 }
    }
}

fn bimodal_cdf(x: f64) -> f64 {
    let edge = libm::exp(-1.0 / MODE_WIDTH);
    let low = 1.0 - libm::exp(-x / MODE_WIDTH);
    let high = libm::exp((x - 1.0) / MODE_WIDTH) - edge;
    (low + high) / (2.0 * (1.0 - edge))
}

impl Prior {
    /// Probability that the share is at most `x`.
    #[must_use]
    pub fn cdf(&self, x: f64) -> f64 {
        let x = x.clamp(0.0, 1.0);
        if self.bimodal <= 0.0 { x } else { (1.0 - self.bimodal) * x + self.bimodal * bimodal_cdf(x) }
    }

    /// Probability that a share known to lie in `[low, high]` is at least `x`.
    #[must_use]
    pub fn survival(&self, x: f64, low: f64, high: f64) -> f64 {
        if x <= low {
            return 1.0;
        }
        if x >= high {
            return 0.0;
        }
        let (below, above) = (self.cdf(low), self.cdf(high));
        let width = above - below;
        if width <= 0.0 { 0.5 } else { ((above - self.cdf(x)) / width).clamp(0.0, 1.0) }
    }

    /// The log likelihood ratio of the bimodal shape to the uniform one for an observation, in nats: that a share
    /// known to lie in `[low, high]` turned out to be at least `x` (`reached`), or not.
    #[must_use]
    pub fn evidence(x: f64, low: f64, high: f64, reached: bool) -> f64 {
        let likelihood = |bimodal| {
            let survival = Self { bimodal }.survival(x, low, high);
            if reached { survival } else { 1.0 - survival }.clamp(1e-6, 1.0)
        };
        libm::log(likelihood(1.0) / likelihood(0.0))
    }

    /// The mixture after evidence in nats.
    #[must_use]
    pub fn after(&self, evidence: f64) -> Self {
        let odds = self.bimodal / (1.0 - self.bimodal) * libm::exp(evidence.clamp(-20.0, 20.0));
        Self { bimodal: if self.bimodal >= 1.0 { 1.0 } else { odds / (1.0 + odds) } }
    }

    /// `-ln` of [`Self::survival`] in nats, at most 14 (one in a million).
    #[must_use]
    pub fn cost(&self, x: f64, low: f64, high: f64) -> f64 {
        -libm::log(self.survival(x, low, high).max(1e-6))
    }
}

/// One linear piece of a convex cost: up to `end` (in the units of the caller) at `slope` per unit.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Piece {
    /// Its end.
    pub end: f64,
    /// Cost per unit.
    pub slope: f64,
}

/// The largest convex function below the points `(ends[i], costs[i])` and the origin, as slopes per interval.
/// Both must ascend in `ends`; equal slopes are left side by side.
pub(crate) fn convex_pieces(start: f64, ends: &[f64], costs: &[f64]) -> Vec<Piece> {
    let mut hull: Vec<(f64, f64)> = Vec::with_capacity(ends.len() + 1);
    hull.push((start, 0.0));
    for (&end, &cost) in ends.iter().zip(costs) {
        // Points above the line from their predecessor to the new one are no corners of the hull.
        while let [.., (x0, y0), (x1, y1)] = hull[..] {
            if (y1 - y0) * (end - x1) < (cost - y1) * (x1 - x0) {
                break;
            }
            hull.pop();
        }
        hull.push((end, cost));
    }
    let slopes = hull.windows(2).map(|pair| Piece {
        end: pair[1].0,
        slope: ((pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0)).max(0.0),
    });
    slopes.collect()
}

/// Slopes for channels without beliefs. They depend on the ratio of payment to capacity alone, so one
/// table serves them all: `slope(payment bucket - capacity bucket, piece)`, pieces each an eighth of the capacity.
#[derive(Clone)]
pub struct SlopeTable {
    slopes: Vec<[u32; PIECES]>,
}

impl SlopeTable {
    /// The table for a prior.
    #[must_use]
    pub fn new(prior: &Prior) -> Self {
        let mut grid = [0.0; PIECES];
        for (piece, cost) in grid.iter_mut().enumerate() {
            *cost = prior.cost(piece_end(piece), 0.0, 1.0);
        }
        let octave = f64::from(BUCKETS_PER_OCTAVE);
        let ratio = |bucket| libm::exp2(bucket as f64 / octave + f64::from(LOWEST_OCTAVE));
        Self { slopes: (0..BUCKETS).map(|bucket| row(prior, ratio(bucket), &grid)).collect() }
    }

    /// Index of the row for a payment and a capacity, by their [`log_bucket`]s; `None` if the capacity is so far
    /// below the payment (2^9 times) that it is not worth a part.
    pub(crate) fn row(&self, payment_log: u16, capacity_log: u16) -> Option<&[u32; PIECES]> {
        // Below the lowest ratio the payment is so small that the slope hardly changes.
        let bucket = i32::from(payment_log) - i32::from(capacity_log) - LOWEST_OCTAVE * BUCKETS_PER_OCTAVE;
        self.slopes.get(bucket.max(0) as usize)
    }

    /// The row of the smallest capacity that there is one for.
    pub(crate) fn last_row(&self) -> Option<&[u32; PIECES]> {
        self.slopes.last()
    }
}

/// The end of a piece, in capacities.
pub(crate) fn piece_end(piece: usize) -> f64 {
    ((piece + 1) as f64 / PIECES as f64).min(USABLE)
}

fn row(prior: &Prior, ratio: f64, grid: &[f64; PIECES]) -> [u32; PIECES] {
    let mut ends = [0.0; PIECES];
    let mut costs = *grid;
    let mut count = 0;
    while count < PIECES {
        ends[count] = piece_end(count);
        count += 1;
        if ends[count - 1] >= ratio {
            ends[count - 1] = ratio.min(USABLE);
            costs[count - 1] = prior.cost(ends[count - 1], 0.0, 1.0);
            break;
        }
    }
    let pieces = convex_pieces(0.0, &ends[..count], &costs[..count]);
    let mut slopes = [0; PIECES];
    for (piece, slope) in slopes.iter_mut().enumerate() {
        let end = piece_end(piece) - 1e-9;
        let found = pieces.iter().find(|piece| piece.end >= end).or(pieces.last());
        *slope = found.map_or(u32::MAX, |piece| (piece.slope * ratio * NAT) as u32);
    }
    slopes
}
