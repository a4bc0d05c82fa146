//! What an exported wallet knows of its channels, read without a chain and without peers: for a program that brings the money home when
//! there is nobody left to run the wallet with.

use std::sync::Arc;

use amplet_chain::Position;
use amplet_storage::Store;
use bitcoin::constants::genesis_block;
use lightning::chain::channelmonitor::ChannelMonitor;
use lightning::sign::{InMemorySigner, SpendableOutputDescriptor};

use super::assemble::stored_sweeper;
use super::{NodeError, old_copy};
use crate::ldk::bdk::OnchainWallet;
use crate::ldk::fees::Fees;
use crate::ldk::keys::Keys;
use crate::ldk::log::Log;
use crate::ldk::monitors;
use crate::ldk::old_copy::OldCopy;
use crate::ldk::signer::Signer;
use crate::ldk::staged::{StagedWrites, SweeperStore};

/// The channels of a wallet that does not run.
pub struct Kit {
    /// Their monitors, at the block that the wallet had read last. What they would broadcast is dropped.
    pub monitors: Vec<ChannelMonitor<InMemorySigner>>,
    /// Outputs of closed channels whose way to the savings had begun.
    pub outputs: Vec<SpendableOutputDescriptor>,
    /// The mark of an old copy.
    pub old_copy: Option<OldCopy>,
}

impl Kit {
    /// Reads a wallet's store, which is not changed.
    ///
    /// # Errors
    /// [`NodeError`]: something cannot be read.
    pub async fn read(store: &dyn Store, keys: &Keys) -> Result<Self, NodeError> {
        let staged = Arc::new(StagedWrites::default());
        let hash = genesis_block(keys.network()).block_hash();
        let start = Position { hash, height: 0, previous: Vec::new() };
        let wallet = Arc::new(OnchainWallet::open(keys, store, Arc::clone(&staged), &start).await?);
        // No key is made that would have to be unique.
        let signer = Signer::new(&*keys.lightning_seed()?, (0, 0), Arc::clone(&wallet), keys.clone());
        let (signer, fees, log) = (Arc::new(signer), Arc::new(Fees::default()), Arc::new(Log));
        let monitors = monitors::load(store, &staged, (&signer, &fees, &log)).await?;
        let kv = Arc::new(SweeperStore(Arc::clone(&staged)));
        let sweeper = stored_sweeper(store, (staged, fees, None, signer, wallet, kv, log)).await?;
        let tracked = sweeper.map(|sweeper| sweeper.tracked_spendable_outputs()).unwrap_or_default();
        let outputs = tracked.into_iter().map(|output| output.descriptor).collect();
        Ok(Self { monitors, outputs, old_copy: old_copy(store).await? })
    }
}
