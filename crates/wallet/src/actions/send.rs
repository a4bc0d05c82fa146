//! Sending on-chain money.

use amplet_node::bitcoin::FeeRate;
use amplet_node::{Onchain, PaymentId, SendOnchain};
use amplet_protocol::Msat;
use amplet_protocol::page::{Authorization, FeeRates, OnchainSend, SendAmount, WalletError};

use super::budgets;
use crate::convert::network;
use crate::ctx::Ctx;
use crate::errors;

/// An on-chain payment to make.
#[derive(Clone, Copy, Debug)]
pub struct SendOrder {
    /// Amount.
    pub amount: SendAmount,
    /// In sat per 1000 vB; 6 blocks' by default.
    pub fee_rate: Option<u64>,
    /// True to compute amount and fee only.
    pub dry_run: bool,
}

/// Sends on-chain money. `on_begin` is called with the payment's id before it can leave.
///
/// A payment that was begun is pending until a block holds it; it ends as failed when all chain sources have refused it for a
/// while.
///
/// # Errors
/// Address, amount, fee rate or budget: no funds were sent.
pub async fn send(
    ctx: &Ctx,
    address: &str,
    SendOrder { amount, fee_rate, dry_run }: SendOrder,
    authorization: Option<&Authorization>,
    on_begin: &dyn Fn(&PaymentId),
) -> Result<OnchainSend, WalletError> {
    let address = Onchain::parse_address(address, network(ctx.network)).map_err(|e| errors::onchain(&e))?;
    let rate = fee_rate.map(Onchain::parse_fee_rate).transpose().map_err(|e| errors::onchain(&e))?;
    let amount_sat = match amount {
        SendAmount::Exact(sat) => Some(sat),
        SendAmount::All => None,
    };
    let sent = ctx.node.onchain().build(&address, amount_sat, rate).map_err(|e| errors::onchain(&e))?;
    let mut answer = OnchainSend { txid: None, amount_sat: sent.amount_sat, fee_sat: sent.fee_sat };
    if dry_run {
        return Ok(answer);
    }
    // Sums of coins on the chain.
    let msat = |sat| Msat::from_sat(sat).unwrap_or(Msat::MAX);
    let amount_msat = msat(sent.amount_sat);
    let fee_msat = budgets::within_approval(amount_msat, msat(sent.fee_sat), authorization)?;
    let authorization =
        budgets::authorization(ctx, authorization, amount_msat.plus_up_to_max(fee_msat)).await?;
    let txid = sent.tx.compute_txid();
    if let Ok(id) = PaymentId::from_hex(&txid.to_string()) {
        on_begin(&id);
    }
    let begun = ctx.node.payments().begin(SendOnchain { signed: sent, address }, &authorization).await;
    begun.map_err(|refused| errors::pay(&refused))?;
    answer.txid = Some(txid.to_string());
    Ok(answer)
}

/// Returns the fee rates to choose from, in sat per 1000 vB.
pub fn fee_rates(ctx: &Ctx) -> FeeRates {
    let per_kvb = |rate: FeeRate| rate.to_sat_per_kwu().saturating_mul(4);
    FeeRates {
        fast: per_kvb(ctx.node.onchain().fee_rate(2)),
        normal: per_kvb(ctx.node.onchain().fee_rate(6)),
        slow: per_kvb(ctx.node.onchain().fee_rate(144)),
    }
}
