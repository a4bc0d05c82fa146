//! Reading pasted and scanned texts.

use amplet_instructions::{Address, Instructions, Invoice, Kind, Method, Obstacle, Offer, Price};
use amplet_node::{AmpParts, AmpPayee, Destination, Onchain, PayError};
use amplet_protocol::Msat;
use amplet_protocol::page::{
    CurrencyPrice, ErrorCode, Inspected, OfferTerms, PaymentMethod, PaymentMethodKind, WalletError,
};

use super::PayProblem;
use super::pay;
use crate::convert::{network, node_id};
use crate::ctx::Ctx;
use crate::errors;

/// Reads what a text offers ([`amplet_instructions`]) and chooses: an invoice that can be paid, else an on-chain address that can,
/// else what comes first. The methods not chosen are returned too, each with what tells against it. `chosen_msat`: the amount for
/// an invoice without one.
///
/// # Errors
/// Nothing can be read, or nothing is for this network, or the link and its invoice ask for different amounts.
pub async fn inspect(ctx: &Ctx, text: &str, chosen_msat: Option<Msat>) -> Result<Inspected, WalletError> {
    let found = ctx.read(text).map_err(PayProblem::from)?;
    let mut candidates = Vec::new();
    for method in &found.methods {
        candidates.push(candidate(ctx, &found, method, chosen_msat).await?);
    }
    let chosen = choice(&candidates);
    let others = found.methods.iter().zip(&candidates).enumerate();
    let others = others.filter(|(at, _)| Some(*at) != chosen).map(|(_, (method, candidate))| {
        let obstacle = obstacle(ctx, method).map(WalletError::from);
        offered(&method.kind, obstacle.or_else(|| problem(candidate.as_ref()?).clone()))
    });
    let others: Vec<PaymentMethod> = others.collect();
    match chosen.and_then(|at| candidates.swap_remove(at)) {
        Some(chosen) => Ok(with_others(chosen, others)),
        None => nothing(ctx, &found.methods, others),
    }
}

/// What would be paid, unless the text itself tells against it.
async fn candidate(
    ctx: &Ctx,
    found: &Instructions,
    method: &Method,
    chosen_msat: Option<Msat>,
) -> Result<Option<Inspected>, WalletError> {
    match &method.kind {
        _ if method.obstacle.is_some() => Ok(None),
        Kind::Bolt11(invoice) => Ok(bolt11(ctx, found, invoice, chosen_msat).await),
        Kind::Amp(invoice) => Ok(amp(ctx, found, invoice, chosen_msat)),
        Kind::Onchain(address) => onchain(ctx, found, address).map(Some),
        _ => Ok(None),
    }
}

/// What tells against a method: what the text says, or the clock.
fn obstacle(ctx: &Ctx, method: &Method) -> Option<PayProblem> {
    if let Kind::Offer(offer) = &method.kind
        && offer.expires_at.is_some_and(|at| at < ctx.platform.now().as_secs())
    {
        return Some(PayProblem::OfferExpired);
    }
    method.obstacle.clone().map(PayProblem::Obstacle)
}

/// The place of what is paid. Where an invoice has been paid or is this wallet's own, nothing else is paid in its place.
fn choice(candidates: &[Option<Inspected>]) -> Option<usize> {
    let place = |wanted: &dyn Fn(&Inspected) -> bool| {
        candidates.iter().position(|candidate| candidate.as_ref().is_some_and(wanted))
    };
    let settled = |found: &Inspected| {
        let code = problem(found).as_ref().map(|problem| problem.code);
        matches!(found, Inspected::Bolt11 { .. })
            && matches!(code, None | Some(ErrorCode::AlreadyPaid | ErrorCode::InvalidInput))
    };
    let payable = |found: &Inspected| problem(found).is_none();
    place(&settled).or_else(|| place(&payable)).or_else(|| place(&|_| true))
}

const fn problem(found: &Inspected) -> &Option<WalletError> {
    match found {
        Inspected::Bolt11 { problem, .. } | Inspected::Onchain { problem, .. } => problem,
        Inspected::Unsupported { .. } => &None,
    }
}

fn with_others(mut found: Inspected, list: Vec<PaymentMethod>) -> Inspected {
    match &mut found {
        Inspected::Bolt11 { others, .. }
        | Inspected::Onchain { others, .. }
        | Inspected::Unsupported { others } => *others = list,
    }
    found
}

/// A text of which nothing can be used: what it is, where the wallet cannot pay that kind; an error for anything else.
fn nothing(ctx: &Ctx, methods: &[Method], others: Vec<PaymentMethod>) -> Result<Inspected, WalletError> {
    let kind = |problem: &PayProblem| match problem {
        PayProblem::Obstacle(obstacle) => {
            matches!(obstacle, Obstacle::NotYet(_) | Obstacle::NoPayment(_) | Obstacle::Currency { .. })
        }
        problem => matches!(problem, PayProblem::OfferExpired),
    };
    let is_conflict =
        |problem: &PayProblem| matches!(problem, PayProblem::Obstacle(Obstacle::Amounts { .. }));
    let problems: Vec<PayProblem> = methods.iter().filter_map(|method| obstacle(ctx, method)).collect();
    let conflict = problems.iter().find(|problem| is_conflict(problem));
    match conflict.or_else(|| problems.first()) {
        Some(first) if conflict.is_some() || !problems.iter().any(kind) => Err(first.clone().into()),
        _ => Ok(Inspected::Unsupported { others }),
    }
}

fn offered(kind: &Kind, problem: Option<WalletError>) -> PaymentMethod {
    let (named, name) = match kind {
        Kind::Bolt11(_) => (PaymentMethodKind::Bolt11, None),
        Kind::Amp(_) => (PaymentMethodKind::Amp, None),
        Kind::Offer(_) | Kind::Bolt12(_) => (PaymentMethodKind::Bolt12, None),
        Kind::Bip353(name) => (PaymentMethodKind::Bip353, Some(format!("₿{name}"))),
        Kind::LightningAddress(name) => (PaymentMethodKind::LightningAddress, Some(name.to_string())),
        Kind::Lnurl(lnurl) => (PaymentMethodKind::Lnurl, lnurl.host().map(str::to_owned)),
        Kind::Unreadable => (PaymentMethodKind::Unreadable, None),
        Kind::SilentPayment(_) => (PaymentMethodKind::SilentPayment, None),
        Kind::Onchain(address) => (PaymentMethodKind::Onchain, Some(address.text.clone())),
    };
    let offer = if let Kind::Offer(offer) = kind { Some(terms(offer)) } else { None };
    PaymentMethod { kind: named, lightning: kind.is_lightning(), name, problem, offer }
}

fn terms(offer: &Offer) -> OfferTerms {
    let (amount_msat, price) = match &offer.price {
        Price::Any => (None, None),
        Price::Bitcoin(amount) => (Some(*amount), None),
        Price::Currency { code, minor } => {
            (None, Some(CurrencyPrice { currency: code.clone(), minor_units: *minor }))
        }
    };
    OfferTerms {
        amount_msat,
        price,
        description: offer.description.clone(),
        issuer: offer.issuer.clone(),
        expires_at: offer.expires_at,
        max_quantity: offer.max_quantity,
    }
}

async fn bolt11(
    ctx: &Ctx,
    found: &Instructions,
    read: &Invoice,
    chosen_msat: Option<Msat>,
) -> Option<Inspected> {
    let invoice = read.payable.as_ref()?;
    let checked = ctx.node.payments().check(invoice).await;
    Some(invoice_found(ctx, found, (read, chosen_msat), Destination::Invoice(invoice), checked))
}

fn amp(ctx: &Ctx, found: &Instructions, read: &Invoice, chosen_msat: Option<Msat>) -> Option<Inspected> {
    let to = AmpPayee::invoice(read.clone()).ok()?;
    let checked = ctx.node.payments().check_amp(&to);
    Some(invoice_found(ctx, found, (read, chosen_msat), Destination::Amp(&to, AmpParts::default()), checked))
}

fn invoice_found(
    ctx: &Ctx,
    found: &Instructions,
    (read, chosen_msat): (&Invoice, Option<Msat>),
    to: Destination<'_>,
    checked: Result<(), PayError>,
) -> Inspected {
    let asked_msat = pay::asked_msat(found).filter(|_| read.amount.is_none());
    let payee = to.payee();
    let paid_msat = read.amount.or(chosen_msat).or(asked_msat);
    let checked = checked.map_err(PayProblem::from);
    let checked =
        checked.and_then(|()| paid_msat.map_or(Ok(()), |amount| pay::check_balance(ctx, &payee, amount)));
    let quote = ctx.node.payments().quote_fee(to, paid_msat.unwrap_or_default());
    Inspected::Bolt11 {
        network: ctx.network,
        payee: node_id(&payee),
        amount_msat: read.amount,
        description: read.description.clone(),
        payment_hash: read.payment_hash,
        amp: read.amp.is_some(),
        expires_at: read.expires_at,
        expected_fee_msat: quote.expected_fee_msat,
        max_fee_msat: quote.max_fee_msat,
        problem: checked.err().map(WalletError::from),
        invoice: read.text.clone(),
        asked_msat,
        others: Vec::new(),
    }
}

fn onchain(ctx: &Ctx, found: &Instructions, address: &Address) -> Result<Inspected, WalletError> {
    let address =
        Onchain::parse_address(&address.text, network(ctx.network)).map_err(|e| errors::onchain(&e))?;
    let amount_sat = found.amount_sat;
    let problem = amount_sat.and_then(|sat| {
        let spendable = ctx.node.onchain().balance().0.saturating_sub(ctx.node.onchain().reserve_sat(0));
        (sat > spendable).then(|| {
            let message = format!(
                "{sat} sat are asked for, {spendable} sat of savings can be spent; deposit more, or send less"
            );
            WalletError::new(ErrorCode::InsufficientBalance, message)
        })
    });
    let label = found.label.clone().or_else(|| found.message.clone()).filter(|label| !label.is_empty());
    Ok(Inspected::Onchain {
        network: ctx.network,
        address: address.to_string(),
        amount_sat,
        label,
        problem,
        others: Vec::new(),
    })
}
