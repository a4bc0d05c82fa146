//! Reading pasted and scanned texts.

use amplet_node::bitcoin::Address;
use amplet_node::{Destination, Onchain, description};
use amplet_protocol::Msat;
use amplet_protocol::page::{ErrorCode, Inspected, WalletError};
use bitcoin::address::NetworkUnchecked;

use super::PayProblem;
use super::pay::{self, PayOrder};
use crate::convert::{network, node_id};
use crate::ctx::Ctx;
use crate::errors;

/// Reads a BOLT 11 invoice, an address, or a BIP 321 URI of either. `chosen_msat`: the amount for an invoice without one.
///
/// # Errors
/// The text is none of them, or not for this network.
pub async fn inspect(ctx: &Ctx, text: &str, chosen_msat: Option<Msat>) -> Result<Inspected, WalletError> {
    let text = pay::trimmed(text)?;
    if let Some(uri) = pay::strip_scheme(text, "bitcoin:") {
        return bip321(ctx, uri, chosen_msat).await;
    }
    let text = pay::strip_scheme(text, "lightning:").unwrap_or(text);
    if text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("ln")) {
        return bolt11(ctx, text, chosen_msat).await;
    }
    onchain(ctx, text, None, None)
}

async fn bolt11(ctx: &Ctx, text: &str, chosen_msat: Option<Msat>) -> Result<Inspected, WalletError> {
    let order = PayOrder::parse(ctx, text, None)?;
    let invoice = &order.invoice;
    let amount_msat = order.stated_msat();
    let checked = ctx.node.payments().check(invoice).await.map_err(PayProblem::from);
    let payee = invoice.get_payee_pub_key();
    let paid_msat = amount_msat.or(chosen_msat);
    let checked =
        checked.and_then(|()| paid_msat.map_or(Ok(()), |amount| pay::check_balance(ctx, &payee, amount)));
    let quote = ctx.node.payments().quote_fee(Destination::Invoice(invoice), paid_msat.unwrap_or_default());
    Ok(Inspected::Bolt11 {
        network: ctx.network,
        payee: node_id(&payee),
        amount_msat,
        description: description(invoice),
        payment_hash: order.id(),
        expires_at: invoice.expires_at().map_or(u64::MAX, |at| at.as_secs()),
        expected_fee_msat: quote.expected_fee_msat,
        max_fee_msat: quote.max_fee_msat,
        problem: checked.err().map(WalletError::from),
        invoice: invoice.to_string(),
    })
}

/// BIP 321: `bitcoin:<address>?amount=<BTC>&label=..&lightning=<BOLT 11>`. A usable invoice is preferred. An unknown
/// parameter that begins with `req-` makes the whole URI unusable.
async fn bip321(ctx: &Ctx, uri: &str, chosen_msat: Option<Msat>) -> Result<Inspected, WalletError> {
    let (address, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut amount_sat = None;
    let mut label = None;
    let mut invoice = None;
    for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match key.to_ascii_lowercase().as_str() {
            "amount" => amount_sat = Some(parse_btc(value)?),
            "label" | "message" => label = label.or_else(|| percent_decoded(value)),
            "lightning" => invoice = Some(value.to_owned()),
            required if required.starts_with("req-") => {
                let message = format!(
                    "this payment link needs {key:?}, which this wallet does not know; ask the payee for another"
                );
                return Err(WalletError::new(ErrorCode::InvalidPaymentRequest, message));
            }
            _ => {}
        }
    }
    if let Some(invoice) = invoice
        && let Ok(inspected) = bolt11(ctx, &invoice, chosen_msat).await
        && (address.is_empty() || matches!(inspected, Inspected::Bolt11 { problem: None, .. }))
    {
        return Ok(inspected);
    }
    onchain(ctx, address, amount_sat, label)
}

fn parse_btc(text: &str) -> Result<u64, WalletError> {
    let amount = bitcoin::Amount::from_str_in(text, bitcoin::Denomination::Bitcoin);
    amount.map(bitcoin::Amount::to_sat).map_err(|_| {
        let message = format!(
            "the payment link's amount {text:?} is not a number of bitcoins; ask the payee for another"
        );
        WalletError::new(ErrorCode::InvalidPaymentRequest, message)
    })
}

/// RFC 3986 percent-encoding; `None` when it is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let decoded = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match decoded {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn onchain(
    ctx: &Ctx,
    text: &str,
    amount_sat: Option<u64>,
    label: Option<String>,
) -> Result<Inspected, WalletError> {
    if text.parse::<Address<NetworkUnchecked>>().is_err() {
        let message = "this is neither a Lightning invoice nor a Bitcoin address; copy it again";
        return Err(WalletError::new(ErrorCode::InvalidPaymentRequest, message));
    }
    let address = Onchain::parse_address(text, network(ctx.network)).map_err(|e| errors::onchain(&e))?;
    let problem = amount_sat.and_then(|sat| {
        let spendable = ctx.node.onchain().balance().0.saturating_sub(ctx.node.onchain().reserve_sat(0));
        (sat > spendable).then(|| {
            let message = format!(
                "{sat} sat are asked for, {spendable} sat of savings can be spent; deposit more, or send less"
            );
            WalletError::new(ErrorCode::InsufficientBalance, message)
        })
    });
    Ok(Inspected::Onchain { network: ctx.network, address: address.to_string(), amount_sat, label, problem })
}
