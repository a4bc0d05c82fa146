//! Making an on-chain payment confirm sooner, and taking one back.

use amplet_node::bitcoin::FeeRate;
use amplet_node::{Bump, Onchain, OnchainError, PaymentId};
use amplet_protocol::page::{OnchainBump, WalletError};

use crate::ctx::Ctx;
use crate::errors;

/// Raises the fee of an on-chain payment that waits, by a replacement or a child; with `dry_run` only computes what it costs.
/// `fee_rate` in sat per 1000 vB; the next block's by default. `from_amount`: a replacement takes it from what the payee gets.
///
/// # Errors
/// It does not wait, the rate is too low, or nothing can pay it: nothing changed.
pub async fn bump_fee(
    ctx: &Ctx,
    id: PaymentId,
    fee_rate: Option<u64>,
    dry_run: bool,
    from_amount: bool,
) -> Result<OnchainBump, WalletError> {
    let build = if from_amount { Onchain::bump_from_amount } else { Onchain::bump };
    make(ctx, id, fee_rate, dry_run, build).await
}

/// Replaces an on-chain payment that waits by one to this wallet; with `dry_run` only computes what it costs. `fee_rate` in sat
/// per 1000 vB; the next block's by default.
///
/// # Errors
/// It does not wait, is a channel's funding, the rate is too low, or nothing can pay it: nothing changed.
pub async fn cancel(
    ctx: &Ctx,
    id: PaymentId,
    fee_rate: Option<u64>,
    dry_run: bool,
) -> Result<OnchainBump, WalletError> {
    make(ctx, id, fee_rate, dry_run, |onchain, id, rate| onchain.cancellation(id, rate)).await
}

async fn make(
    ctx: &Ctx,
    id: PaymentId,
    fee_rate: Option<u64>,
    dry_run: bool,
    build: impl FnOnce(&Onchain, PaymentId, Option<FeeRate>) -> Result<Bump, OnchainError>,
) -> Result<OnchainBump, WalletError> {
    let rate = fee_rate.map(Onchain::parse_fee_rate).transpose().map_err(|e| errors::onchain(&e))?;
    let bump = build(ctx.node.onchain(), id, rate).map_err(|e| errors::onchain(&e))?;
    let mut answer = OnchainBump {
        txid: None,
        method: bump.method,
        fee_rate: bump.signed.rate.to_sat_per_kwu().saturating_mul(4),
        fee_sat: bump.signed.fee_sat,
        amount_sat: bump.signed.amount_sat,
        replaced_fee_sat: bump.signed.replaced_fee_sat,
    };
    if dry_run {
        return Ok(answer);
    }
    let txid = ctx.node.payments().bump(&bump).await.map_err(|e| errors::pay(&e))?;
    answer.txid = Some(txid.to_string());
    Ok(answer)
}
