//! The types of a caller: requests, plans and refusals.

use crate::graph::{Direction, NodeId, Scid};
use alloc::vec::Vec;
use amplet_protocol::Msat;

/// The value of reliability to the user: `V`, the fee in ppm of the amount that is worth one nat of
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
    /// The amount that can be sent over it now, reserve and HTLCs in flight subtracted: certain, not a belief.
    pub spendable_msat: Msat,
    /// Minimum HTLC.
    pub min_msat: Msat,
    /// Maximum HTLC.
    pub max_msat: Msat,
    /// Number of further HTLCs that it takes.
    pub slots: u16,
}

/// A hop that the graph does not have, with the policy of `from`.
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
    /// Minimum HTLC.
    pub min_msat: Msat,
    /// Maximum HTLC; [`Msat::MAX`] if unknown.
    pub max_msat: Msat,
}

/// The last hops to the destination, where the graph does not have them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LastHops {
    /// A BOLT 11 route hint: hops one after another, the last one ends at the destination.
    RouteHint(Vec<HintHop>),
    /// A BOLT 12 blinded path: from the introduction node on, one lump with summed fees (`from` is that node).
    BlindedPath(HintHop),
}

/// A payment, or the remainder of one.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// Our channels.
    pub first_hops: Vec<FirstHop>,
    /// The payee. With only blinded paths, any id that is not in the graph will do.
    pub destination: NodeId,
    /// Route hints and blinded paths. If any is blinded, only the blinded ones are used.
    pub last_hops: Vec<LastHops>,
    /// The amount for the destination.
    pub amount_msat: Msat,
    /// Maximum fee above that.
    pub max_fee_msat: Msat,
    /// CLTV delta of the destination, blocks.
    pub final_cltv: u32,
    /// Maximum CLTV delta from us to the destination, its own included, blocks.
    pub max_cltv: u32,
    /// Maximum number of parts, at least 1.
    pub max_parts: usize,
    /// Maximum amount that a part delivers; [`Msat::MAX`]: as much as its path takes.
    pub max_part_msat: Msat,
    /// Rounds of this payment that have failed so far, wholly or in part; 0 at first.
    pub retries: u32,
    /// The value of reliability.
    pub mode: Mode,
}

/// The channel or hop that carries a payment hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// Our own channel: index in [`Request::first_hops`].
    Own(usize),
    /// A public channel.
    Channel(Scid, Direction),
    /// A hop after the graph: indices in [`Request::last_hops`] and in its hops (0 for a blinded path).
    LastHop(usize, usize),
}

/// One hop of a part.
#[derive(Clone, PartialEq, Debug)]
pub struct Hop {
    /// The channel that carries it.
    pub link: Link,
    /// The node that forwards; `None` for ourselves.
    pub from: Option<NodeId>,
    /// The amount that crosses it.
    pub amount_msat: Msat,
    /// The fee of `from` for it.
    pub fee_msat: Msat,
    /// The CLTV delta of `from` for it, blocks.
    pub cltv: u16,
    /// The probability that it carries this and the other parts of the plan over it.
    pub probability: f64,
}

/// One part of a payment: a path and the amount it delivers.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// The hops, from our own channel to the destination.
    pub hops: Vec<Hop>,
    /// The amount that the destination gets.
    pub delivered_msat: Msat,
    /// The fee: the amount that leaves our channel above that.
    pub fee_msat: Msat,
    /// Blocks from us to the destination, its own included.
    pub cltv: u32,
    /// The probability that the part arrives.
    pub probability: f64,
}

/// A plan: parts whose sum is the amount.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The parts, most probable last, so that a failure is known before much is locked.
    pub parts: Vec<Part>,
    /// Fees of all parts.
    pub fee_msat: Msat,
    /// The probability that all parts arrive.
    pub probability: f64,
    /// The `V` it was solved with: less than the mode's if that went over the fee budget.
    pub ppm_per_nat: f64,
}

/// A refusal to plan, each with what would work.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoPlan {
    /// The amount is zero; more than exists is no [`Msat`].
    #[error("0 msat is not an amount: ask for 1 msat or more")]
    Amount,
    /// A request that contradicts itself.
    #[error("the request is malformed: {0}")]
    Malformed(&'static str),
    /// No chain of channels leads there, or the destination is unknown.
    #[error(
        "no path to the destination: refresh the graph, ask for an invoice with route hints, or open a channel towards it"
    )]
    NoPath,
    /// Our own channels do not hold enough, for the amount or for its fees.
    #[error("balance: at most {largest_msat} can leave our channels beside their fees; pay less or top up")]
    Balance {
        /// The largest amount. Its fees are counted if the amount alone would leave.
        largest_msat: Msat,
    },
    /// The channels into the destination do not carry enough.
    #[error(
        "inbound: the destination can be reached by at most {largest_msat}; pay less or ask it for inbound capacity"
    )]
    Inbound {
        /// The largest amount.
        largest_msat: Msat,
    },
    /// The network between does not carry enough, for the amount or for its fees.
    #[error(
        "capacity: the network between is believed to carry at most {largest_msat} and {fee_msat} of fees, {missing_msat} too little; pay less or later"
    )]
    Capacity {
        /// The largest amount.
        largest_msat: Msat,
        /// The part of the amount that finds no room.
        missing_msat: Msat,
        /// The fees of the former, where they are what takes the room; zero where the amount alone has none.
        fee_msat: Msat,
    },
    /// Every route costs more than allowed.
    #[error(
        "fee budget: the cheapest way found costs {needed_msat}; allow that, or pay at most {largest_msat}"
    )]
    FeeBudget {
        /// The fee for the whole amount.
        needed_msat: Msat,
        /// The largest amount within the same budget (0: none found).
        largest_msat: Msat,
    },
    /// Every route locks the money longer than allowed.
    #[error(
        "delay: the ways within {limit} blocks carry at most {largest_msat}; allow more blocks or pay less"
    )]
    Cltv {
        /// The limit, blocks.
        limit: u32,
        /// The largest amount within it.
        largest_msat: Msat,
    },
    /// The search for a route exceeded the work budget of a plan ([`crate::Tuning`]).
    #[error(
        "effort: the search was given up; {largest_msat} were placed by then: pay that or less, or in several payments"
    )]
    Effort {
        /// The amount that was placed when the search ended.
        largest_msat: Msat,
    },
    /// It would take more parts than allowed.
    #[error("parts: {largest_msat} is the most that {limit} parts carry; allow more parts or pay less")]
    Parts {
        /// The limit.
        limit: usize,
        /// The largest amount within it.
        largest_msat: Msat,
    },
}

impl NoPlan {
    /// True if less than a hundredth of the amount finds no room in others' channels.
    pub(crate) fn is_close(&self, amount_msat: Msat) -> bool {
        let (Self::Capacity { largest_msat, .. } | Self::Inbound { largest_msat }) = self else {
            return false;
        };
        amount_msat.less(*largest_msat).get() <= amount_msat.get() / 100
    }
}
