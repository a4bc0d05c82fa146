//! On-chain transactions: what they cost, and what replaces them.

use serde::{Deserialize, Serialize};

use crate::Msat;

/// Amount to send on-chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "type", content = "sat", rename_all = "camelCase")]
pub enum SendAmount {
    /// This amount, in sat, the fee on top.
    Exact(u64),
    /// All on-chain money but the anchor reserve, the fee deducted.
    All,
}

/// Cost of an on-chain payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OnchainSend {
    /// Transaction id, in hex; `None` in a dry run.
    pub txid: Option<String>,
    /// Amount that the address gets, in sat.
    pub amount_sat: u64,
    /// Mining fee, in sat.
    pub fee_sat: u64,
}

/// A transaction of an on-chain payment that another one replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ReplacedTx {
    /// Transaction id, in hex.
    pub txid: String,
    /// Amount that it paid; not there in records of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub amount_msat: Option<Msat>,
    /// Its mining fee.
    pub fee_msat: Option<Msat>,
    /// True if it paid the money back to this wallet.
    #[serde(default)]
    pub cancels: bool,
}

/// A way to make a transaction that waits confirm sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum BumpMethod {
    /// Another transaction in its place, with a higher fee (BIP 125).
    Replacement,
    /// A transaction that spends an output of it and pays for both (child pays for parent).
    Child,
}

/// A fee bump, or a cancellation, of a transaction that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OnchainBump {
    /// The new transaction's id, in hex; `None` in a dry run.
    pub txid: Option<String>,
    /// Way.
    pub method: BumpMethod,
    /// Fee rate, in sat per 1000 vB (of both transactions, with a child): asked for again, it gives the same.
    pub fee_rate: u64,
    /// Mining fee of the new transaction, in sat: also the maximum that this costs.
    pub fee_sat: u64,
    /// Amount that the payee gets then, in sat, where the fee is taken from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub amount_sat: Option<u64>,
    /// Mining fee of the transaction that it replaces, which is not paid then, in sat; 0 with a child.
    pub replaced_fee_sat: u64,
}

/// Fee rates in sat per 1000 virtual bytes (so 1000 = 1 sat/vB), by wanted speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct FeeRates {
    /// Next block or two.
    pub fast: u64,
    /// Within an hour.
    pub normal: u64,
    /// Within a day.
    pub slow: u64,
}
