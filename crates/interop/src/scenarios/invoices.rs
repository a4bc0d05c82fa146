//! BOLT 11 invoices, paid in both directions.

use std::ops::RangeInclusive;

use amplet_protocol::Msat;
use amplet_protocol::page::PaymentStatus;
use anyhow::{Context, Result, ensure};
use xtask::regtest::peer::{InvoiceKind, InvoiceState, PayOrder};

use crate::checks::{parts, peer_paid, proof, same, wallet_paid, whole};
use crate::stage::Stage;

/// The wallet pays an invoice of the peer, in so many parts over so many gateways.
pub async fn wallet_pays(
    stage: &Stage,
    amount_sat: u64,
    wanted_parts: RangeInclusive<usize>,
    wanted_gateways: usize,
) -> Result<String> {
    let amount_msat = amount_sat * 1_000;
    let before = stage.level().await?;
    let invoice = stage.world.peer(move |peer| peer.invoice(InvoiceKind::Plain, Some(amount_msat))).await?;
    let payment = stage.user.pay(&invoice.text).await?;
    let received = stage.world.peer(move |peer| peer.received(&invoice)).await?;
    ensure!(received.state == InvoiceState::Settled, "the invoice is {:?}", received.state);
    whole(&received, amount_msat)?;
    proof(payment.preimage.as_deref(), payment.id.0)?;
    let fee_msat = payment.fee_msat.context("no fee in the record")?.get();
    wallet_paid(before, stage.sides().await?, amount_msat, fee_msat)?;
    let (sent, gateways) = parts(&payment);
    let arrived = received.parts.len();
    ensure!(sent == arrived, "the wallet has {sent} parts in its record, the peer {arrived}");
    ensure!(wanted_parts.contains(&arrived), "{arrived} parts, expected {wanted_parts:?}");
    ensure!(gateways == wanted_gateways, "over {gateways} gateways, expected {wanted_gateways}");
    Ok(format!("{amount_msat} msat in {arrived} parts over {gateways} gateways, fee {fee_msat} msat"))
}

/// The peer pays an invoice of the wallet, in parts of a maximum, at least so many.
pub async fn peer_pays(
    stage: &Stage,
    amount_sat: u64,
    max_part_sat: u64,
    wanted_parts: usize,
) -> Result<String> {
    let amount_msat = amount_sat * 1_000;
    let before = stage.level().await?;
    let asked = stage.user.receive(Msat::new(amount_msat)?, false).await?;
    let order = PayOrder {
        amount_msat: None,
        max_part_msat: max_part_sat * 1_000,
        max_fee_msat: amount_msat / 50,
        amp: false,
    };
    let paid = stage.world.peer(move |peer| peer.pay(&asked.invoice, &order)).await?;
    same("the peer's record of the amount", paid.amount_msat, amount_msat)?;
    same("the sum of its parts", paid.parts_msat.iter().sum(), amount_msat)?;
    proof(Some(&paid.preimage), asked.payment_hash.0)?;
    peer_paid(before, stage.sides().await?, amount_msat, paid.fee_msat)?;
    let payment = stage.user.payment(asked.payment_hash).await?;
    ensure!(payment.status == PaymentStatus::Succeeded, "the wallet's record is {:?}", payment.status);
    ensure!(payment.amount_msat == Some(Msat::new(amount_msat)?), "it says {:?}", payment.amount_msat);
    let count = paid.parts_msat.len();
    ensure!(count >= wanted_parts, "{count} parts, expected {wanted_parts}");
    Ok(format!("{amount_msat} msat in {count} parts, fee {} msat", paid.fee_msat))
}
