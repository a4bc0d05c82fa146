//! Makes the next line of `checkpoints.txt`: verifies a network's headers from its genesis block on and compares the filter
//! headers of all servers given.
//!
//! ```text
//! cargo run --release -p amplet-chain --example checkpoint -- main https://block-dn.org https://gateway.example >> crates/chain/checkpoints.txt
//! ```
//!
//! The checkpoint is two difficulty periods (4032 blocks) below the tip. Nothing is printed unless two operators agree; one
//! can be given for a look with `--one-operator`. On mainnet about 110 MB are fetched per server.

use std::error::Error;
use std::process::ExitCode;
use std::rc::Rc;

use amplet_chain::{Chain, Checkpoint, TrustLevel};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{MemoryBackend, SealedStore};
use amplet_transport::NativePlatform;
use bitcoin::Network;

const USAGE: &str = "usage: checkpoint [--one-operator] main|testnet4|signet|regtest <url> [<url>…]";
/// Blocks between the checkpoint and the tip, at least.
const DEPTH: u32 = 2 * 2016;

fn main() -> ExitCode {
    match run() {
        Ok(line) => println!("{line}"),
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run() -> Result<String, Box<dyn Error>> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let alone = words.first().is_some_and(|w| w == "--one-operator");
    words.drain(..usize::from(alone));
    let mut words = words.into_iter();
    let network = Network::from_core_arg(&words.next().ok_or(USAGE)?)?;
    let urls: Vec<String> = words.collect();
    if urls.is_empty() {
        return Err(USAGE.into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, make(network, urls, alone))
}

async fn make(network: Network, urls: Vec<String>, alone: bool) -> Result<String, Box<dyn Error>> {
    let platform = Rc::new(NativePlatform::new()?);
    // Nothing is stored: the point is to start from the genesis block.
    let (params, kek) = (KdfParams::external_key(), Kek::from_bytes([0; 32]));
    let store = SealedStore::create(Rc::new(MemoryBackend::new()), &params, kek).await?;
    let chain = Chain::open(platform, network, urls, &store, Some(Checkpoint::genesis(network))).await?;
    let tip = chain.poll().await?.new;
    eprintln!("verified {} headers, up to {}", tip.height, tip.hash);
    let trust = chain.trust();
    trust.sources.iter().for_each(|s| eprintln!("{}: {:?}", s.url, s.state));
    if trust.level != TrustLevel::Agreed && !alone {
        return Err("no two operators agree: give the addresses of two, run by different people".into());
    }
    let checkpoint = chain.checkpoint_at(tip.height.saturating_sub(DEPTH));
    Ok(checkpoint.ok_or("the chain is too short")?.to_line(network))
}
