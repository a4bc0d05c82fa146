//! A set of parts on the payee's side.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use amplet_protocol::{Msat, PaymentId};

use crate::child::Preimage;
use crate::payload::Kept;
use crate::records::{SetId, Total};
use crate::share::Share;

/// A part that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Payment hash.
    pub hash: PaymentId,
    /// Amount.
    pub amount_msat: Msat,
    /// What it says of itself and its set.
    pub kept: Kept,
    /// Height from which it is too late to claim it; `None`: not known.
    pub deadline: Option<u32>,
    /// Time at which it arrived, in seconds since the UNIX epoch.
    pub arrived_at: u64,
    /// It has been claimed.
    pub is_claimed: bool,
}

/// Reason for which a part, or a whole set, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartFault {
    /// Another payment address than the set's.
    #[error("it names another payment address than its set")]
    Address,
    /// Another total than the set's.
    #[error("it claims another total than its set")]
    Total,
    /// The index of another part of the set.
    #[error("its set has a part of this index already")]
    Index,
    /// Another part of this payment hash is here.
    #[error("another part has its payment hash")]
    Hash,
    /// After the set was complete.
    #[error("its set is complete already")]
    Late,
    /// More parts than a set may have.
    #[error("its set has as many parts as are accepted")]
    Parts,
    /// More sets than may wait at a time.
    #[error("as many sets wait as are accepted")]
    Sets,
    /// More money than may wait at a time.
    #[error("as much waits for completion as is accepted")]
    Amount,
    /// The total is there, and the shares do not give the parts' hashes.
    #[error("the shares of its set do not give the hashes of its parts")]
    Shares,
    /// Not complete in time.
    #[error("its set was not complete in time")]
    Time,
}

/// A part that can be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Payment hash.
    pub hash: PaymentId,
    /// Preimage.
    pub preimage: Preimage,
}

/// A complete set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete {
    /// Its id.
    pub set: SetId,
    /// What its parts bring in all.
    pub amount_msat: Msat,
    /// Parts that are not claimed yet.
    pub claims: Vec<Claim>,
}

/// Parts of one set.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub total: Total,
    pub parts: BTreeMap<PaymentId, Part>,
    pub amount_msat: Msat,
    pub is_complete: bool,
}

impl Set {
    pub const fn new(total: Total) -> Self {
        Self { total, parts: BTreeMap::new(), amount_msat: Msat::ZERO, is_complete: false }
    }

    /// Returns what is against adding a part.
    pub fn fault(&self, part: &Part, maximum: usize) -> Option<PartFault> {
        let Kept { amp, total } = part.kept;
        let has_index = || self.parts.values().any(|other| other.kept.amp.child.index == amp.child.index);
        if self.is_complete {
            Some(PartFault::Late)
        } else if total.address != self.total.address {
            Some(PartFault::Address)
        } else if total.total_msat != self.total.total_msat {
            Some(PartFault::Total)
        } else if self.parts.len() >= maximum {
            Some(PartFault::Parts)
        } else if has_index() {
            Some(PartFault::Index)
        } else {
            None
        }
    }

    /// Adds a part and returns whether the total is there.
    pub fn add(&mut self, part: Part) -> bool {
        self.parts.insert(part.hash, part);
        self.amount_msat = self.amount_msat.plus_up_to_max(part.amount_msat);
        self.amount_msat >= self.total.total_msat
    }

    /// Preimages of all parts that are not claimed; `None`: the shares do not give the hashes.
    pub fn claims(&self) -> Option<Vec<Claim>> {
        let root = Share::sum(self.parts.values().map(|part| part.kept.amp.child.share));
        let mut claims = Vec::new();
        for (hash, part) in &self.parts {
            let preimage = part.kept.amp.child.preimage(root);
            if preimage.hash() != *hash {
                return None;
            }
            if !part.is_claimed {
                claims.push(Claim { hash: *hash, preimage });
            }
        }
        Some(claims)
    }

    /// Returns whether a part can wait no longer. `now`: seconds since the UNIX epoch.
    pub fn is_over(&self, now: u64, height: u32, limit_secs: u64) -> bool {
        self.parts.values().any(|part| {
            let waited = now.saturating_sub(part.arrived_at);
            waited >= limit_secs || part.deadline.is_some_and(|deadline| deadline <= height)
        })
    }
}
