//! Money, as a page sees it.

use serde::{Deserialize, Serialize};

use crate::Msat;

/// The wallet's money: Lightning and on-chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// This wallet's money in open channels, to the millisatoshi: its side of each channel, reserves included, without what is in
    /// flight. It moves by amount and fee with every payment.
    pub lightning_msat: Msat,
    /// The part of `lightning_msat` that one payment to a payee behind a gateway can send now (reserves, the gateway's fee and
    /// offline gateways deducted).
    pub spendable_msat: Msat,
    /// On its way from this wallet, in neither balance: the payees' when it arrives, else ours again.
    pub pending_outbound_msat: Msat,
    /// On its way to this wallet, in no balance yet.
    pub pending_inbound_msat: Msat,
    /// The part of `lightning_msat` that stays in the channels while they are open (BOLT 2, `channel_reserve_satoshis`).
    pub channel_reserve_msat: Msat,
    /// The part of `lightning_msat` that closing all channels by their commitment transactions would cost now: fees and anchors of
    /// those that this wallet funds, and amounts too small for an output. Sweeping comes on top.
    pub close_cost_msat: Msat,
    /// The part of `lightning_msat` in unconfirmed 0-conf channels: until they confirm it is the gateway's promise.
    pub trusted_msat: Msat,
    /// Maximum that can be received over Lightning now.
    pub receivable_msat: Msat,
    /// Money of closing channels that is not on-chain yet, or is being swept, in sat.
    pub closing_sat: u64,
    /// Confirmed on-chain money, in sat, reserve included.
    pub onchain_sat: u64,
    /// Unconfirmed deposits and change, in sat.
    pub onchain_pending_sat: u64,
    /// On-chain money held back so that a channel can be closed at any fee (anchor reserve), in sat.
    pub reserve_sat: u64,
}
