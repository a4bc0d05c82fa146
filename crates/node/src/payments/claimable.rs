//! Money that has arrived, and what is decided about it.

use amplet_protocol::{Msat, PaymentId};
use lightning::events::PaymentPurpose;
use lightning::ln::channelmanager::FailureCode;
use lightning::ln::types::ChannelId;
use lightning::types::payment::{PaymentHash, PaymentPreimage};

use crate::config::Records;

/// Money that has arrived and waits to be claimed.
pub(crate) struct Claimable {
    pub hash: PaymentHash,
    pub amount_msat: Msat,
    pub purpose: PaymentPurpose,
    pub records: Records,
    /// What `ldk::intercept` has a part of an AMP set say of itself; no invoice of ours has other metadata.
    pub metadata: Option<Vec<u8>>,
    /// Height from which it is too late to claim it.
    pub deadline: Option<u32>,
    /// Channels that it came through.
    pub channels: Vec<ChannelId>,
}

/// Decision about money that has arrived.
pub(super) enum Decision {
    /// It is ours, and so is what waited for it.
    Claim(Vec<PaymentPreimage>),
    /// It waits for the rest of its payment.
    Hold,
    /// It goes back to the payer.
    Refuse(Refused),
}

/// HTLCs that go back, by their payment hashes, and the reason that the payer is given.
pub(super) struct Refused {
    pub hashes: Vec<PaymentId>,
    pub code: FailureCode,
}

impl Decision {
    /// Refuses one HTLC, as a node does that does not know of it.
    pub fn unknown(id: PaymentId) -> Self {
        Self::Refuse(Refused { hashes: vec![id], code: FailureCode::IncorrectOrUnknownPaymentDetails })
    }
}
