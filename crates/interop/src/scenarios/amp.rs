//! Atomic multi-path payments (AMP) in both directions. The wallet has no request for one without an invoice: its node is asked.

use std::collections::BTreeSet;
use std::time::Duration;

use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::{AmpParts, AmpPayee, Authorization, PayAmp};
use amplet_protocol::Msat;
use amplet_protocol::page::{Direction, Payment, PaymentKind, PaymentStatus};
use anyhow::{Context, Result, bail, ensure};
use xtask::regtest::peer::{InvoiceKind, InvoiceState, PayOrder, Received, ReceivedPart};

use crate::checks::{parts, peer_paid, same, wallet_paid};
use crate::stage::{Sides, Stage};

/// In sat: more than one of the wallet's channels, or of those to the peer, carries.
const AMOUNT_SAT: u64 = 350_000;
const AMOUNT_MSAT: u64 = AMOUNT_SAT * 1_000;
/// Least number of parts.
const PARTS: usize = 3;
const GATEWAYS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(60);

/// The wallet pays one invoice twice.
pub async fn wallet_pays_twice(stage: &Stage) -> Result<String> {
    let invoice = stage.world.peer(|peer| peer.invoice(InvoiceKind::Amp, Some(AMOUNT_MSAT))).await?;
    let mut known = BTreeSet::new();
    let mut told = Vec::new();
    for _ in 0..2 {
        let before = stage.level().await?;
        let payment = stage.user.pay(&invoice.text).await?;
        let asked = invoice.clone();
        let received = stage.world.peer(move |peer| peer.received(&asked)).await?;
        let sets: BTreeSet<String> = received.parts.iter().filter_map(|part| part.set.clone()).collect();
        let [set] = sets.difference(&known).collect::<Vec<_>>()[..] else {
            bail!("{} sets arrived, where {} were before", sets.len(), known.len());
        };
        let arrived: Vec<&ReceivedPart> =
            received.parts.iter().filter(|part| part.set.as_ref() == Some(set)).collect();
        let after = stage.sides().await?;
        told.push(checked((before, after), &stage.user.payment(payment.id).await?, &arrived)?);
        known = sets;
    }
    Ok(told.join(", and again "))
}

/// The wallet pays the peer, which has asked for nothing.
pub async fn wallet_pays_unasked(stage: &Stage) -> Result<String> {
    let before = stage.level().await?;
    let node = PublicKey::from_slice(&amplet_protocol::NodeId::from_hex(&stage.world.peer_id())?.0)?;
    let payment = pay_unasked(stage, node).await?;
    let received: Received =
        stage.world.peer(|peer| peer.received_unasked()).await?.context("the peer has no record of it")?;
    ensure!(received.state == InvoiceState::Settled, "the peer's record is {:?}", received.state);
    let (after, arrived) = (stage.sides().await?, received.parts.iter().collect::<Vec<_>>());
    checked((before, after), &stage.user.payment(payment.id).await?, &arrived)
}

/// The peer pays an invoice of the wallet, in parts of a maximum.
pub async fn peer_pays(stage: &Stage) -> Result<String> {
    let before = stage.level().await?;
    let invoice = stage.user.receive(Msat::new(AMOUNT_MSAT)?, true).await?.invoice;
    let order = PayOrder {
        amount_msat: None,
        max_part_msat: AMOUNT_MSAT / 3,
        max_fee_msat: AMOUNT_MSAT / 50,
        amp: true,
    };
    let paid = stage.world.peer(move |peer| peer.pay(&invoice, &order)).await?;
    same("the peer's record of the amount", paid.amount_msat, AMOUNT_MSAT)?;
    same("the sum of its parts", paid.parts_msat.iter().sum(), AMOUNT_MSAT)?;
    peer_paid(before, stage.sides().await?, AMOUNT_MSAT, paid.fee_msat)?;
    let payment = stage.user.newest().await?;
    let is_it = payment.direction == Direction::Inbound && payment.kind == PaymentKind::Amp;
    ensure!(is_it, "the newest entry of the wallet's history is {payment:?}");
    ensure!(payment.status == PaymentStatus::Succeeded, "the wallet's record is {:?}", payment.status);
    ensure!(payment.amount_msat == Some(Msat::new(AMOUNT_MSAT)?), "it says {:?}", payment.amount_msat);
    let count = paid.parts_msat.len();
    ensure!(count >= PARTS, "{count} parts, expected {PARTS}");
    Ok(format!("{AMOUNT_MSAT} msat in {count} parts, fee {} msat", paid.fee_msat))
}

async fn pay_unasked(stage: &Stage, payee: PublicKey) -> Result<Payment> {
    let (to, amount_msat) = (AmpPayee::node(payee), Some(Msat::new(AMOUNT_MSAT)?));
    let max_fee_msat = Msat::new(AMOUNT_MSAT / 50)?;
    let order = PayAmp { to, amount_msat, max_fee_msat, parts: AmpParts::default() };
    let node = stage.user.node();
    let id = node.payments().begin(order, &Authorization::user()).await?;
    let payment = node.payments().outcome(id, PATIENCE).await.context("no record of the payment")?;
    match &payment.status {
        PaymentStatus::Succeeded => Ok(payment),
        status => bail!("the payment is {status:?}"),
    }
}

/// Checks a payment of the wallet and the parts of it that arrived.
fn checked((before, after): (Sides, Sides), payment: &Payment, arrived: &[&ReceivedPart]) -> Result<String> {
    same("the sum of the parts", arrived.iter().map(|part| part.amount_msat).sum(), AMOUNT_MSAT)?;
    let fee_msat = payment.fee_msat.context("no fee in the record")?.get();
    wallet_paid(before, after, AMOUNT_MSAT, fee_msat)?;
    let (sent, gateways) = parts(payment);
    let count = arrived.len();
    ensure!(sent == count, "the wallet has {sent} parts in its record, the peer {count}");
    ensure!(count >= PARTS, "{count} parts, expected {PARTS}");
    ensure!(gateways == GATEWAYS, "over {gateways} gateways, expected {GATEWAYS}");
    Ok(format!("{AMOUNT_MSAT} msat in {count} parts over {gateways} gateways, fee {fee_msat} msat"))
}
