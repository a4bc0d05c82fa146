//! From a store to a running wallet.

use std::rc::Rc;

use amplet_chain::{Chain, Position};
use amplet_node::{
    GraphSource, Node, NodeConfig, Role, SPONTANEOUS_AMP, accept_keysends_from, expects_blocks,
};
use amplet_protocol::Msat;
use amplet_protocol::page::{ErrorCode, OpenOptions, RestoreProgress, WalletError};
use amplet_storage::Store;
use amplet_transport::Platform;

use crate::backup::Backup;
use crate::convert::network;
use crate::ctx::Ctx;
use crate::errors;
use crate::gateways::Gateways;
use crate::identity::Identity;

/// Minimum payment without an invoice: 1 sat.
const MIN_KEYSEND: Msat = Msat::up_to_max(1_000);

pub(crate) async fn open(
    platform: Rc<dyn Platform>,
    store: Rc<dyn Store>,
    mut options: OpenOptions,
    progress: &dyn Fn(RestoreProgress),
) -> Result<(Ctx, Gateways, Backup), WalletError> {
    check_name(&options.name)?;
    let gateways = Gateways::parse(&options)?;
    let backup = Backup::new(Rc::clone(&platform), store);
    backup.restore(&options, progress).await?;
    let store: Rc<dyn Store> = backup.store();
    let identity = Identity::load_or_create(&*platform, &*store, &options).await?;
    backup.open(&identity, &options, progress).await?;
    // Not needed any more, and not to be shown by anything.
    if let Some(mnemonic) = &mut options.mnemonic {
        zeroize::Zeroize::zeroize(mnemonic);
    }
    options.mnemonic = None;
    let keys = identity.keys()?;
    let sources = gateways.chain_sources(&options);
    let chain = Chain::open(Rc::clone(&platform), network(options.network), sources, &*store, None).await;
    let chain = Rc::new(chain.map_err(|e| errors::chain(&e))?);
    let birthday = birthday(&chain, &identity, &options).await;
    let config = NodeConfig {
        network: network(options.network),
        role: Role::Wallet,
        accept_channel: gateways.acceptance(),
        accept_keysend: accept_keysends_from(MIN_KEYSEND),
        record_forward: Rc::new(|_| None),
        spontaneous_amp: SPONTANEOUS_AMP,
        graph: GraphSource::Snapshots(gateways.graph_sources()),
        zero_fee_commitments: options.zero_fee_commitments,
        lost: identity.lost(),
        expects_blocks: expects_blocks(network(options.network)),
    };
    let node = Node::open(Rc::clone(&platform), store, chain, &keys, &birthday, config).await;
    let node = node.map_err(|e| errors::node(&e))?;
    gateways.keep_connected(&node)?;
    gateways.listen(&platform, &node);
    let ctx = Ctx { node, network: options.network, platform, name: options.name };
    Ok((ctx, gateways, backup))
}

fn check_name(name: &str) -> Result<(), WalletError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    let message = "a wallet's name has 1 to 64 characters of a-z, 0-9, - and _; choose another";
    Err(WalletError::new(ErrorCode::InvalidInput, message))
}

/// The block at which a new wallet begins to look for its money: at the tip when its mnemonic is new, at the given height otherwise.
/// An opened wallet continues where it was.
async fn birthday(chain: &Chain, identity: &Identity, options: &OpenOptions) -> Position {
    if options.fresh {
        // Without a source the checkpoint serves: more to read later, nothing lost.
        if let Err(error) = chain.poll().await {
            log::warn!("chain: {error}; the new wallet begins at the release's checkpoint");
        }
        return chain.position_at(chain.tip().height);
    }
    chain.position_at(identity.birthday.unwrap_or(0))
}
