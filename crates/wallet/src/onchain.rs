//! Spending savings.

use amplet_chain::BroadcastError;
use amplet_node::bitcoin::FeeRate;
use amplet_node::{Onchain, PayError, SendOnchain};
use amplet_protocol::page::{Authorization, FeeRates, OnchainSend, SendAmount, WalletError};

use crate::identity::network;
use crate::wallet::Inner;
use crate::{budgets, errors};

pub(crate) async fn send(
    inner: &Inner,
    address: &str,
    amount: SendAmount,
    fee_rate: Option<u64>,
    dry_run: bool,
    authorization: Option<&Authorization>,
) -> Result<OnchainSend, WalletError> {
    let address =
        Onchain::parse_address(address, network(inner.options.network)).map_err(|e| errors::onchain(&e))?;
    let rate = fee_rate.map(Onchain::parse_fee_rate).transpose().map_err(|e| errors::onchain(&e))?;
    let amount_sat = match amount {
        SendAmount::Exact(sat) => Some(sat),
        SendAmount::All => None,
    };
    let sent = inner.node.onchain().build(&address, amount_sat, rate).map_err(|e| errors::onchain(&e))?;
    let mut answer = OnchainSend { txid: None, amount_sat: sent.amount_sat, fee_sat: sent.fee_sat };
    if dry_run {
        return Ok(answer);
    }
    let amount_msat = sent.amount_sat.saturating_mul(1000);
    let fee_msat = budgets::fee_limit(amount_msat, Some(sent.fee_sat.saturating_mul(1000)), authorization)?;
    let authorization = budgets::authorization(inner, authorization, amount_msat.saturating_add(fee_msat))?;
    let txid = sent.tx.compute_txid();
    match inner.node.payments().begin(SendOnchain { signed: sent, address }, &authorization).await {
        // Kept and sent again by itself: to the user it is on its way.
        Ok(_) | Err(PayError::Broadcast(BroadcastError::Unreachable(_))) => {
            answer.txid = Some(txid.to_string());
            Ok(answer)
        }
        Err(refused) => Err(errors::pay(&refused)),
    }
}

pub(crate) fn fee_rates(inner: &Inner) -> FeeRates {
    let per_kvb = |rate: FeeRate| rate.to_sat_per_kwu().saturating_mul(4);
    FeeRates {
        fast: per_kvb(inner.node.onchain().fee_rate(2)),
        normal: per_kvb(inner.node.onchain().fee_rate(6)),
        slow: per_kvb(inner.node.onchain().fee_rate(144)),
    }
}
