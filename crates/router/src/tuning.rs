//! The planner's constants.

use crate::network::Weights;
use crate::prior::Prior;

/// Amount of a large payment, msat: several channels' worth, whose retries lock more and more of them.
pub const LARGE_MSAT: f64 = 1e9;

/// Default of [`Tuning::work`]: about half a second natively (12 ns a look); no plan of the evaluation takes more than 36 million.
const WORK: u64 = 40_000_000;

/// The planner's constants, as measured (README.md); other values are for experiments.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tuning {
    /// The prior before any evidence.
    pub prior: Prior,
    /// Nats per hop: latency, and failures that are not balances.
    pub hop: f64,
    /// Nats per block of delay.
    pub block: f64,
    /// Nats per part.
    pub part: f64,
    /// Factor on V in the second round.
    pub later: f64,
    /// Further factor on V for each round after that: the more has failed, the more success is worth.
    pub urgency: f64,
    /// Maximum number of slices of an improbable part.
    pub slices: f64,
    /// A plan less probable than this is sent in slices.
    pub doubtful: f64,
    /// Minimum size of a slice, msat.
    pub slice_msat: f64,
    /// Share of the payment that a slice must be expected to save from failing.
    pub slice_gain: f64,
    /// Exponent by which V falls where a plan is improbable anyway: `V * P^hopeless`.
    pub hopeless: f64,
    /// V grows with the amount above 1M sat, up to tenfold amounts, by this power in the first round: that bounds what a first try
    /// may cost, because the next one is near.
    pub size: f64,
    /// The same in the rounds after it.
    pub later_size: f64,
    /// V grows as the amount falls below 1M sat, down to a tenth, by this power: a failure costs the user the
    /// same time, which is more of a small amount.
    pub small: f64,
    /// Minimum share of the mode's V that remains after that.
    pub least: f64,
    /// Maximum number of looks at arcs for one plan; beyond it the best attempt found so far is used.
    pub work: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            prior: Prior::default(),
            hop: 0.003,
            block: 0.00001,
            part: 0.01,
            later: 0.03,
            urgency: 1.9,
            slices: 6.0,
            doubtful: 0.7,
            slice_msat: 1e8,
            slice_gain: 0.01,
            hopeless: 1.15,
            size: 0.5,
            later_size: 0.745,
            small: 0.2,
            least: 0.005,
            work: WORK,
        }
    }
}

impl Tuning {
    pub(crate) fn weights(&self, ppm_per_nat: f64) -> Weights {
        Weights { ppm_per_nat, hop: self.hop, block: self.block, part: self.part }
    }
}
