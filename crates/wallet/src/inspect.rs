//! What a pasted text is.

use amplet_node::bitcoin::Address;
use amplet_node::lightning_invoice::{Bolt11Invoice, Currency, ParseOrSemanticError};
use amplet_node::{Onchain, PaymentId, description};
use amplet_protocol::default_max_fee_msat;
use amplet_protocol::page::{Direction, ErrorCode, Inspected, MAX_TEXT, PaymentStatus, WalletError};
use bitcoin::address::NetworkUnchecked;
use hex_conservative::DisplayHex;

use crate::errors;
use crate::identity::network;
use crate::wallet::Inner;

/// Reads a BOLT 11 invoice, an address, or a BIP 321 URI of either.
pub(crate) async fn inspect(inner: &Inner, text: &str) -> Result<Inspected, WalletError> {
    let text = trimmed(text)?;
    if let Some(uri) = strip_scheme(text, "bitcoin:") {
        return bip321(inner, uri).await;
    }
    let text = strip_scheme(text, "lightning:").unwrap_or(text);
    if text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("ln")) {
        return bolt11(inner, text).await;
    }
    onchain(inner, text, None, None)
}

fn trimmed(text: &str) -> Result<&str, WalletError> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT {
        let message = format!("an invoice or address has 1 to {MAX_TEXT} characters; copy it again");
        return Err(WalletError::new(ErrorCode::InvalidPaymentRequest, message));
    }
    Ok(text)
}

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Reads an invoice of this wallet's network; its signature and form are checked.
pub(crate) fn parse_bolt11(inner: &Inner, text: &str) -> Result<Bolt11Invoice, WalletError> {
    let text = trimmed(text)?;
    let text = strip_scheme(text, "lightning:").unwrap_or(text);
    let invoice: Bolt11Invoice = text.parse().map_err(|error: ParseOrSemanticError| {
        let message = format!("this is not a Lightning invoice this wallet can pay ({error}); copy it again, or ask for a new one");
        WalletError::new(ErrorCode::InvalidPaymentRequest, message)
    })?;
    let ours = Currency::from(network(inner.options.network));
    if invoice.currency() != ours {
        let message = format!(
            "this invoice belongs to {}, this wallet is on {}; ask for one of {1}",
            currency_name(&invoice.currency()),
            network(inner.options.network)
        );
        return Err(WalletError::new(ErrorCode::WrongNetwork, message));
    }
    Ok(invoice)
}

fn currency_name(currency: &Currency) -> &'static str {
    match currency {
        Currency::Bitcoin => "bitcoin",
        Currency::BitcoinTestnet => "testnet",
        Currency::Regtest => "regtest",
        Currency::Simnet => "simnet",
        Currency::Signet => "signet",
    }
}

async fn bolt11(inner: &Inner, text: &str) -> Result<Inspected, WalletError> {
    let invoice = parse_bolt11(inner, text)?;
    let amount_msat = invoice.amount_milli_satoshis();
    Ok(Inspected::Bolt11 {
        payee: invoice.get_payee_pub_key().to_string(),
        amount_msat,
        description: description(&invoice),
        payment_hash: invoice.payment_hash().0.to_lower_hex_string(),
        expires_at: invoice.expires_at().map_or(u64::MAX, |at| at.as_secs()),
        max_fee_msat: default_max_fee_msat(amount_msat.unwrap_or(0)),
        problem: problem(inner, &invoice, amount_msat).await,
        invoice: invoice.to_string(),
    })
}

/// Why this invoice cannot be paid now, as far as can be told without trying.
pub(crate) async fn problem(
    inner: &Inner,
    invoice: &Bolt11Invoice,
    amount_msat: Option<u64>,
) -> Option<WalletError> {
    let error = |code, message: &str| Some(WalletError::new(code, message));
    let now = inner.platform.now().as_secs();
    if invoice.get_payee_pub_key() == inner.node.node_id() {
        return error(
            ErrorCode::InvalidInput,
            "this is an invoice of this wallet itself; show it to the payer",
        );
    }
    if invoice.expires_at().is_none_or(|at| at.as_secs() <= now) {
        return error(ErrorCode::Expired, "this invoice has expired; ask the payee for a new one");
    }
    let id = PaymentId(invoice.payment_hash().0);
    if let Ok(Some(known)) = inner.node.ledger().payment(Direction::Outbound, id).await
        && !matches!(known.status, PaymentStatus::Failed { .. })
    {
        return error(
            ErrorCode::AlreadyPaid,
            "this invoice was paid already, or a payment of it is under way; see the history",
        );
    }
    balance_problem(inner, amount_msat?)
}

/// What of everyday money is missing.
pub(crate) fn balance_problem(inner: &Inner, amount_msat: u64) -> Option<WalletError> {
    let balance = inner.node.channels().balance();
    if balance.spendable_msat >= amount_msat {
        return None;
    }
    if balance.lightning_msat >= amount_msat && balance.spendable_msat == 0 {
        let message =
            "the gateway is not connected, so everyday money cannot move now; wait for the connection";
        return Some(WalletError::new(ErrorCode::GatewayOffline, message));
    }
    let missing_sat = amount_msat.saturating_sub(balance.spendable_msat).div_ceil(1000);
    let message = format!(
        "{missing_sat} sat of everyday money are missing: {} sat can be spent now; open a channel from your savings, or receive some first",
        balance.spendable_msat / 1000
    );
    Some(WalletError::new(ErrorCode::InsufficientBalance, message))
}

/// BIP 321: `bitcoin:<address>?amount=<BTC>&label=..&lightning=<BOLT 11>`. A usable invoice is preferred. An unknown
/// parameter that begins with `req-` makes the whole URI unusable.
async fn bip321(inner: &Inner, uri: &str) -> Result<Inspected, WalletError> {
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
        && let Ok(inspected) = bolt11(inner, &invoice).await
        && (address.is_empty() || matches!(inspected, Inspected::Bolt11 { problem: None, .. }))
    {
        return Ok(inspected);
    }
    onchain(inner, address, amount_sat, label)
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
    inner: &Inner,
    text: &str,
    amount_sat: Option<u64>,
    label: Option<String>,
) -> Result<Inspected, WalletError> {
    if text.parse::<Address<NetworkUnchecked>>().is_err() {
        let message = "this is neither a Lightning invoice nor a Bitcoin address; copy it again";
        return Err(WalletError::new(ErrorCode::InvalidPaymentRequest, message));
    }
    let address =
        Onchain::parse_address(text, network(inner.options.network)).map_err(|e| errors::onchain(&e))?;
    let problem = amount_sat.and_then(|sat| {
        let spendable = inner.node.onchain().balance().0.saturating_sub(inner.node.onchain().reserve_sat(0));
        (sat > spendable).then(|| {
            let message = format!(
                "{sat} sat are asked for, {spendable} sat of savings can be spent; deposit more, or send less"
            );
            WalletError::new(ErrorCode::InsufficientBalance, message)
        })
    });
    Ok(Inspected::Onchain { address: address.to_string(), amount_sat, label, problem })
}
