//! The order of things: channels, then a payment for each number of parts.

use std::rc::Rc;
use std::time::Instant;

use amplet_node::keys::mnemonic_from_entropy;
use amplet_protocol::page::{
    Gateway as Configured, Network, OpenOptions, PartState, Payment, PaymentStatus, Request,
};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{SealedStore, SqliteBackend};
use amplet_transport::NativePlatform;
use amplet_wallet::{Response, Wallet};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::json;

use super::metered::{Counts, Meter, MeteredBackend, MeteredPlatform};
use super::options::Options;
use crate::wallets::{PATIENCE, balance, is_connected, status, wait};

/// Share of a channel that stays with the gateway: its reserve is 1 %.
const KEPT: u64 = 20;
/// Blocks that bury a channel.
const CONFIRMATIONS: u32 = 6;

/// A line that is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    /// A wish: that so many blocks are mined.
    Mine(u32),
    /// A payment that was settled whole.
    Paid(Paid),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Paid {
    /// Parts that were settled.
    parts: usize,
    /// Parts that came back and were sent again.
    failed: usize,
    /// Milliseconds from the request to the proof of payment.
    proof_ms: f64,
    /// Milliseconds until no part was in flight any more.
    settled_ms: f64,
    /// Fee of all parts, in msat.
    fee_msat: u64,
    /// What it wrote and said.
    counts: Counts,
    /// Peak of this program's memory so far, in bytes.
    peak_bytes: u64,
}

/// Runs all of it and prints what is measured.
///
/// # Errors
/// When the wallet does not come up, or a payment is not settled whole.
pub async fn run(options: &Options, platform: NativePlatform) -> Result<()> {
    let meter = Meter::default();
    let wallet = open(options, &platform, &meter).await?;
    channels(options, &platform, &wallet).await?;
    for parts in &options.parts {
        print(&Line::Paid(pay(options, &platform, &wallet, *parts, &meter).await?))?;
    }
    Ok(())
}

fn print(line: &Line) -> Result<()> {
    println!("{}", serde_json::to_string(line)?);
    Ok(())
}

async fn open(options: &Options, platform: &NativePlatform, meter: &Meter) -> Result<Wallet> {
    let backend = SqliteBackend::open(&options.database)?;
    let backend = Rc::new(MeteredBackend { inner: backend, meter: Rc::clone(meter) });
    let store = SealedStore::create(backend, &KdfParams::external_key(), Kek::from_bytes([7; 32])).await?;
    let gateways = options.gateways.iter().map(|gateway| Configured {
        address: gateway.address.clone(),
        chain_url: Some(gateway.chain_url.clone()),
        trust_zero_conf: true,
    });
    let open = OpenOptions {
        name: "parts".to_owned(),
        network: Network::Regtest,
        gateways: gateways.collect(),
        chain_sources: Vec::new(),
        mnemonic: Some(mnemonic_from_entropy(&[9; 16])?),
        fresh: true,
        birthday_height: None,
        backup: None,
        file: None,
        move_here: false,
        zero_fee_commitments: false,
    };
    let platform = Rc::new(MeteredPlatform { inner: platform.clone(), meter: Rc::clone(meter) });
    Ok(Wallet::open(platform, Rc::new(store), open).await?)
}

/// Each gateway opens a channel.
async fn channels(options: &Options, platform: &NativePlatform, wallet: &Wallet) -> Result<()> {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !is_connected(wallet).await? {
        wait(end).await.context("it is not connected")?;
    }
    let id = status(wallet).await?.node_id.to_string();
    let ours_msat = (options.capacity_sat - options.capacity_sat / KEPT) * 1_000;
    for gateway in &options.gateways {
        gateway.admin.open_channel(platform, &id, options.capacity_sat, ours_msat).await?;
    }
    print(&Line::Mine(CONFIRMATIONS))?;
    let most_msat = options.parts.iter().max().map_or(0, |parts| u64::from(*parts) * options.part_msat);
    while balance(wallet).await?.spendable_msat.get() < most_msat {
        wait(end).await.context("its channels cannot be used")?;
    }
    Ok(())
}

async fn pay(
    options: &Options,
    platform: &NativePlatform,
    wallet: &Wallet,
    parts: u32,
    meter: &Meter,
) -> Result<Paid> {
    let amount_msat = u64::from(parts) * options.part_msat;
    let asked = json!({ "amountMsat": amount_msat.to_string(), "description": "parts", "amp": true });
    let asked = options.payee.post(platform, "/admin/v1/invoices", &asked).await?;
    let invoice = asked["invoice"].as_str().context("no invoice")?.to_owned();
    let (before, began) = (meter.get(), Instant::now());
    let pay = Request::Pay {
        invoice,
        amount_msat: None,
        max_fee_msat: None,
        parts: Some(parts),
        authorization: None,
    };
    let mut payment = paid(wallet.request(pay).await?)?;
    let proof_ms = began.elapsed().as_secs_f64() * 1e3;
    let end = tokio::time::Instant::now() + PATIENCE;
    while payment.status == PaymentStatus::Pending || in_flight(&payment) {
        wait(end).await.context("parts are in flight")?;
        payment = paid(wallet.request(Request::Payment { id: payment.id }).await?)?;
    }
    let settled_ms = began.elapsed().as_secs_f64() * 1e3;
    if payment.status != PaymentStatus::Succeeded {
        bail!("{parts} parts: {:?}", payment.status);
    }
    let count = |state: PartState| payment.parts.iter().filter(|part| part.state == state).count();
    Ok(Paid {
        parts: count(PartState::Succeeded),
        failed: count(PartState::Failed),
        proof_ms,
        settled_ms,
        fee_msat: payment.fee_msat.map_or(0, |fee| fee.get()),
        counts: meter.get().since(before),
        peak_bytes: peak()?,
    })
}

fn paid(response: Response) -> Result<Box<Payment>> {
    match response {
        Response::Payment(payment) => Ok(payment),
        other => bail!("not a payment: {other:?}"),
    }
}

fn in_flight(payment: &Payment) -> bool {
    payment.parts.iter().any(|part| part.state == PartState::Pending)
}

/// Peak of this program's resident memory, in bytes (Linux).
fn peak() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1_024)
}
