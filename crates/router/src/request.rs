//! What the caller asks for and what it gets.

use crate::graph::{Direction, NodeId, Scid};
use alloc::vec::Vec;

/// How much fee a user would pay for reliability: `V`, the fee in ppm of the amount that is worth one nat of
/// `-ln P` (a plan `e` times as probable).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Mode {
    /// Success first.
    Reliable,
    /// The default.
    #[default]
    Balanced,
    /// Fee first.
    Cheap,
    /// `V` in ppm per nat, given directly; values outside 0.01 to 10^7 are clamped.
    Custom(f64),
}

impl Mode {
    /// `V` in ppm per nat. README.md has the measured effect.
    #[must_use]
    pub fn ppm_per_nat(self) -> f64 {
        match self {
            Self::Reliable => 10_000.0,
            Self::Balanced => 2_000.0,
            Self::Cheap => 300.0,
            Self::Custom(ppm) if ppm.is_nan() => Self::Balanced.ppm_per_nat(),
            Self::Custom(ppm) => ppm.clamp(0.01, 1e7),
        }
    }
}

/// A channel of our own, usable now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FirstHop {
    /// The gateway at its other end.
    pub peer: NodeId,
    /// What we can send over it now, reserve and HTLCs in flight subtracted, msat: known, not believed.
    pub spendable_msat: u64,
    /// Least HTLC, msat.
    pub min_msat: u64,
    /// Greatest HTLC, msat.
    pub max_msat: u64,
    /// How many more HTLCs it takes.
    pub slots: u16,
}

/// A hop that the graph does not have: it leaves `from` and asks this.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HintHop {
    /// The node that forwards.
    pub from: NodeId,
    /// The channel's id or alias, for the caller; not looked up.
    pub scid: Scid,
    /// Fee per HTLC, msat.
    pub base_msat: u32,
    /// Fee on the amount, millionths.
    pub ppm: u32,
    /// Blocks.
    pub cltv: u16,
    /// Least HTLC, msat.
    pub min_msat: u64,
    /// Greatest HTLC, msat; `u64::MAX` if unknown.
    pub max_msat: u64,
}

/// A way into the destination that the graph does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tail {
    /// A BOLT 11 route hint: hops one after another, the last one ends at the destination.
    Hint(Vec<HintHop>),
    /// A BOLT 12 blinded path: from the introduction node on, one lump with summed fees (`from` is that node).
    Blinded(HintHop),
}

/// A payment, or what is left of one.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// Our channels.
    pub first_hops: Vec<FirstHop>,
    /// Who is paid. With only blinded tails, any id that is not in the graph will do.
    pub destination: NodeId,
    /// Route hints and blinded paths. If any is blinded, the blinded ones are the only ways in.
    pub tails: Vec<Tail>,
    /// What the destination is to get, msat.
    pub amount_msat: u64,
    /// What may be spent above that, msat.
    pub max_fee_msat: u64,
    /// Blocks that the destination asks for.
    pub final_cltv: u32,
    /// Most blocks from us to the destination, its own included.
    pub max_cltv: u32,
    /// Most parts, at least 1.
    pub max_parts: usize,
    /// Rounds of this payment that have failed so far, wholly or in part; 0 at first.
    pub retries: u32,
    /// What reliability is worth.
    pub mode: Mode,
}

/// What carries a hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// Our own channel: index in [`Request::first_hops`].
    Own(usize),
    /// A public channel.
    Channel(Scid, Direction),
    /// A hop of a tail: indices in [`Request::tails`] and in its hops (0 for a blinded path).
    Tail(usize, usize),
}

/// One hop of a part.
#[derive(Clone, PartialEq, Debug)]
pub struct Hop {
    /// What carries it.
    pub link: Link,
    /// Who forwards; `None` for ourselves.
    pub from: Option<NodeId>,
    /// What crosses it, msat.
    pub amount_msat: u64,
    /// What `from` keeps for it, msat.
    pub fee_msat: u64,
    /// Blocks that `from` asks for it.
    pub cltv: u16,
    /// How probable it is that it carries this and what other parts of the plan lay on it.
    pub probability: f64,
}

/// One part of a payment: a path and what it delivers.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// From our own channel to the destination.
    pub hops: Vec<Hop>,
    /// What the destination gets, msat.
    pub delivered_msat: u64,
    /// What leaves our channel above that, msat.
    pub fee_msat: u64,
    /// Blocks from us to the destination, its own included.
    pub cltv: u32,
    /// How probable the part is.
    pub probability: f64,
}

/// A plan: parts whose sum is the amount.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The parts, most probable last, so that a failure is known before much is held.
    pub parts: Vec<Part>,
    /// Fees of all parts, msat.
    pub fee_msat: u64,
    /// How probable it is that all parts arrive.
    pub probability: f64,
    /// The `V` it was solved with: less than the mode's if that went over the fee budget.
    pub ppm_per_nat: f64,
}

/// Why there is no plan, each with what would work.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoPlan {
    /// Nothing, or more than there is.
    #[error("{0} msat is not an amount: ask for 1 msat or more, and no more than 21 million bitcoin")]
    Amount(u64),
    /// A request that contradicts itself.
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    /// No chain of channels leads there, or the destination is unknown.
    #[error(
        "no path to the destination: refresh the graph, ask for an invoice with route hints, or open a channel towards it"
    )]
    NoPath,
    /// Our own channels do not hold enough.
    #[error("balance: at most {largest_msat} msat can leave our channels; pay less or top up")]
    Balance {
        /// The largest amount, fees not counted, msat.
        largest_msat: u64,
    },
    /// The channels into the destination do not carry enough.
    #[error(
        "inbound: the destination can be reached by at most {largest_msat} msat; pay less or ask it for inbound capacity"
    )]
    Inbound {
        /// The largest amount, msat.
        largest_msat: u64,
    },
    /// The network between does not carry enough.
    #[error(
        "capacity: the network between is believed to carry at most {largest_msat} msat; pay less or later"
    )]
    Capacity {
        /// The largest amount, msat.
        largest_msat: u64,
    },
    /// Every way costs more than allowed.
    #[error(
        "fee budget: the cheapest way found costs {needed_msat} msat; allow that, or pay at most {largest_msat} msat"
    )]
    FeeBudget {
        /// What the whole would cost, msat.
        needed_msat: u64,
        /// The largest amount within the same budget, msat (0: none found).
        largest_msat: u64,
    },
    /// Every way locks the money longer than allowed.
    #[error(
        "delay: the ways within {limit} blocks carry at most {largest_msat} msat; allow more blocks or pay less"
    )]
    Cltv {
        /// The limit, blocks.
        limit: u32,
        /// The largest amount within it, msat.
        largest_msat: u64,
    },
    /// Looking for a way cost more than one plan may ([`crate::Tuning`]).
    #[error(
        "effort: the search was given up; {largest_msat} msat were placed by then: pay that or less, or in several payments"
    )]
    Effort {
        /// What was placed when it was given up, msat (0: nothing).
        largest_msat: u64,
    },
    /// It would take more parts than allowed.
    #[error("parts: {largest_msat} msat is the most that {limit} parts carry; allow more parts or pay less")]
    Parts {
        /// The limit.
        limit: usize,
        /// The largest amount within it, msat.
        largest_msat: u64,
    },
}
