//! What is checked of every payment.

use amplet_node::bitcoin::hashes::{Hash, sha256};
use amplet_protocol::page::{PartState, Payment};
use anyhow::{Result, bail, ensure};
use xtask::regtest::peer::Received;

use crate::stage::Sides;

/// Fails, with both, when two amounts differ.
///
/// # Errors
/// They differ.
pub fn same(what: &str, found: u64, expected: u64) -> Result<()> {
    ensure!(found == expected, "{what}: {found}, expected {expected}");
    Ok(())
}

/// Checks that the wallet paid amount and fee, and the peer got the amount.
///
/// # Errors
/// Either is not so.
pub fn wallet_paid(before: Sides, after: Sides, amount_msat: u64, fee_msat: u64) -> Result<()> {
    same("the wallet's msat", after.wallet_msat + amount_msat + fee_msat, before.wallet_msat)?;
    same("the peer's msat", after.peer_msat, before.peer_msat + amount_msat)
}

/// Checks that the peer paid amount and fee, and the wallet got the amount.
///
/// # Errors
/// Either is not so.
pub fn peer_paid(before: Sides, after: Sides, amount_msat: u64, fee_msat: u64) -> Result<()> {
    same("the peer's msat", after.peer_msat + amount_msat + fee_msat, before.peer_msat)?;
    same("the wallet's msat", after.wallet_msat, before.wallet_msat + amount_msat)
}

/// Checks that the parts that arrived are the amount.
///
/// # Errors
/// They are not.
pub fn whole(received: &Received, amount_msat: u64) -> Result<()> {
    same("the peer's record of the amount", received.amount_msat, amount_msat)?;
    same("the sum of its parts", received.parts.iter().map(|part| part.amount_msat).sum(), amount_msat)
}

/// Checks that a preimage, in hex, belongs to a payment hash.
///
/// # Errors
/// It does not, or there is none.
pub fn proof(preimage: Option<&str>, payment_hash: [u8; 32]) -> Result<()> {
    let Some(preimage) = preimage else { bail!("no preimage") };
    let preimage = amplet_protocol::PaymentId::from_hex(preimage)?;
    let hash = sha256::Hash::hash(&preimage.0).to_byte_array();
    ensure!(hash == payment_hash, "the preimage does not belong to the payment hash");
    Ok(())
}

/// Number of parts of a payment that arrived, and of gateways that they went out by.
pub fn parts(payment: &Payment) -> (usize, usize) {
    let arrived = || payment.parts.iter().filter(|part| part.state == PartState::Succeeded);
    let mut gateways: Vec<_> = arrived().filter_map(|part| Some(part.path.first()?.node)).collect();
    gateways.sort();
    gateways.dedup();
    (arrived().count(), gateways.len())
}
