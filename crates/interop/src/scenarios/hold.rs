//! Invoices that the peer holds, with the wallet killed meanwhile.

use amplet_node::bitcoin::hashes::{Hash, sha256};
use amplet_protocol::Msat;
use amplet_protocol::page::PaymentStatus;
use anyhow::{Context, Result, bail, ensure};
use xtask::regtest::peer::{InvoiceKind, InvoiceState};

use crate::checks::{proof, same, wallet_paid, whole};
use crate::stage::{Sides, Stage};

/// In sat.
const AMOUNT_SAT: u64 = 100_000;

/// What the peer does with what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It takes the money.
    Settled,
    /// It sends the money back.
    Cancelled,
}

/// Time for which the killed wallet is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// While the peer decides.
    AtTheEnd,
    /// Until before the peer decides.
    Before,
}

/// The wallet pays a hold invoice, is killed, and opened again.
pub async fn run(stage: &Stage, end: End, absence: Absence) -> Result<String> {
    let Stage { world, user, .. } = stage;
    let amount_msat = AMOUNT_SAT * 1_000;
    let before = stage.level().await?;
    let mut preimage = [0; 32];
    world.platform.random(&mut preimage);
    let hash = sha256::Hash::hash(&preimage).to_byte_array();
    let invoice = world.peer(move |peer| peer.invoice(InvoiceKind::Hold(hash), Some(amount_msat))).await?;
    let id = user.begin_to_pay(&invoice.text).await?;
    let held = || async {
        let invoice = invoice.clone();
        let received = world.peer(move |peer| peer.received(&invoice)).await?;
        Ok((received.state == InvoiceState::Held).then_some(received))
    };
    let held = world.until("the peer to hold the money", held).await?;
    let count = held.parts.len();
    same("the sum of the held parts", held.parts.iter().map(|part| part.amount_msat).sum(), amount_msat)?;
    user.kill();
    if absence == Absence::Before {
        user.reopen(world).await?;
        let pending = user.payment(id).await?.status;
        ensure!(pending == PaymentStatus::Pending, "the reopened wallet says {pending:?}");
        let in_flight = user.balance().await?.pending_outbound_msat;
        ensure!(in_flight >= Msat::new(amount_msat)?, "only {in_flight:?} are in flight");
    }
    world
        .peer(move |peer| match end {
            End::Settled => peer.settle(&preimage),
            End::Cancelled => peer.cancel(&hash),
        })
        .await?;
    if absence == Absence::AtTheEnd {
        user.reopen(world).await?;
    }
    let ended = || async {
        let payment = user.payment(id).await?;
        Ok((payment.status != PaymentStatus::Pending).then_some(payment))
    };
    let payment = world.until("the payment to end", ended).await?;
    let received = world.peer(move |peer| peer.received(&invoice)).await?;
    let after = stage.sides().await?;
    match (end, payment.status) {
        (End::Settled, PaymentStatus::Succeeded) => {
            ensure!(received.state == InvoiceState::Settled, "the invoice is {:?}", received.state);
            whole(&received, amount_msat)?;
            proof(payment.preimage.as_deref(), hash)?;
            let fee_msat = payment.fee_msat.context("no fee in the record")?.get();
            wallet_paid(before, after, amount_msat, fee_msat)?;
            Ok(format!("{amount_msat} msat held in {count} parts, paid with a fee of {fee_msat} msat"))
        }
        (End::Cancelled, PaymentStatus::Failed { error }) => {
            ensure!(received.state == InvoiceState::Cancelled, "the invoice is {:?}", received.state);
            unchanged(before, after)?;
            Ok(format!("{amount_msat} msat held in {count} parts, all back: {error}"))
        }
        (_, status) => bail!("{end:?} by the peer, the wallet says {status:?}"),
    }
}

fn unchanged(before: Sides, after: Sides) -> Result<()> {
    same("the wallet's msat", after.wallet_msat, before.wallet_msat)?;
    same("the peer's msat", after.peer_msat, before.peer_msat)
}
