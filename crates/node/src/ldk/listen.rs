//! Blocks, handed to LDK's parts.

use std::cell::Cell;
use std::sync::Arc;

use amplet_chain::{BlockId, BlockListener, Chain, Position};
use bitcoin::block::Header;
use bitcoin::{Block, BlockHash, Txid};
use lightning::chain::channelmonitor::TransactionOutputs;
use lightning::chain::transaction::OutPoint;
use lightning::chain::{BlockLocator, Confirm, Filter, Listen, WatchedOutput};

use crate::ldk::fees::Fees;
use crate::ldk::log::Log;
use crate::ldk::staged::StagedWrites;
use crate::ldk::types::{ChainMonitor, Monitor};
use crate::ldk::watch::Watch;

/// LDK's form of a position.
pub(crate) fn locator(position: &Position) -> BlockLocator {
    let mut locator = BlockLocator::new(position.hash, position.height);
    locator.previous_blocks.iter_mut().zip(&position.previous).for_each(|(slot, hash)| *slot = Some(*hash));
    locator
}

/// The chain client's form of LDK's.
pub(crate) fn position(locator: &BlockLocator) -> Position {
    let previous = locator.previous_blocks.iter().map_while(|hash| *hash).collect();
    Position { hash: locator.block_hash, height: locator.height, previous }
}

/// Hands blocks to one of LDK's parts.
pub(crate) struct ListenAdapter<'a, L: Listen> {
    pub part: &'a L,
    pub chain: &'a Chain,
}

impl<L: Listen> BlockListener for ListenAdapter<'_, L> {
    fn block_connected(&self, block: &Block, height: u32) {
        self.part.block_connected(block, height);
    }

    fn filtered_block_connected(&self, header: &Header, height: u32) {
        self.part.filtered_block_connected(header, &[], height);
    }

    fn blocks_disconnected(&self, fork: BlockId) {
        let known = self.chain.position(&fork.hash);
        let fork = known.unwrap_or(Position { hash: fork.hash, height: fork.height, previous: Vec::new() });
        self.part.blocks_disconnected(locator(&fork));
    }
}

/// Blocks that monitors have not been told of, because no transaction in them concerns anybody: only the last one is told, when
/// reading pauses. LDK raises the fee of each claim of a closed channel every few blocks; told of every block of an absence one by
/// one, it would end at a fee that eats the claim, which nobody has ever seen. (A monitor takes a block some heights above its last.)
#[derive(Default)]
pub(crate) struct UntoldBlock(Cell<Option<(Header, u32)>>);

impl UntoldBlock {
    pub fn put(&self, header: &Header, height: u32) {
        self.0.set(Some((*header, height)));
    }

    pub fn take(&self) -> Option<(Header, u32)> {
        self.0.take()
    }
}

/// A monitor as a listener of its own, before the chain monitor owns it. What a block returns is registered at once, as the chain
/// monitor does: LDK's own listener for a single monitor drops it, and later blocks would be passed over that spend it.
pub(crate) struct LoneMonitor {
    pub monitor: Monitor,
    pub staged: Arc<StagedWrites>,
    pub fees: Arc<Fees>,
    pub watch: Arc<Watch>,
    pub log: Arc<Log>,
    pub untold: UntoldBlock,
}

impl LoneMonitor {
    /// Registers what the monitor watches already.
    pub fn register(&self) {
        self.monitor.load_outputs_to_watch(&self.watch, &self.log);
    }

    /// Tells it of the last block.
    pub fn tell(&self) {
        let Self { monitor, staged, fees, log, .. } = self;
        if let Some((header, height)) = self.untold.take() {
            self.watch(&header, monitor.block_connected(&header, &[], height, staged, fees, log));
        }
    }

    fn watch(&self, header: &Header, found: Vec<TransactionOutputs>) {
        for (txid, outputs) in found {
            for (index, output) in outputs {
                // A transaction's outputs are numbered with 16 bits in all of LDK.
                let Ok(index) = u16::try_from(index) else { continue };
                self.watch.register_output(WatchedOutput {
                    block_hash: Some(header.block_hash()),
                    outpoint: OutPoint { txid, index },
                    script_pubkey: output.script_pubkey,
                });
            }
        }
    }
}

impl BlockListener for LoneMonitor {
    fn block_connected(&self, block: &Block, height: u32) {
        let Self { monitor, staged, fees, log, .. } = self;
        self.untold.take();
        let transactions: Vec<_> = block.txdata.iter().enumerate().collect();
        self.watch(
            &block.header,
            monitor.block_connected(&block.header, &transactions, height, staged, fees, log),
        );
        staged.drop_overtaken(block);
    }

    fn filtered_block_connected(&self, header: &Header, height: u32) {
        self.untold.put(header, height);
    }

    fn blocks_disconnected(&self, fork: BlockId) {
        self.untold.take();
        let Self { monitor, staged, fees, log, .. } = self;
        for txid in unconfirmed(monitor.get_relevant_txids(), fork) {
            monitor.transaction_unconfirmed(&txid, staged, fees, log);
        }
    }
}

/// The transactions above a fork that monitors have seen in blocks. They are told that these are in none any more (`Confirm`), rather
/// than of the blocks' end (`Listen`): at that, LDK drops every claim that it began at the height of a block that ended, and begins
/// none of them again: a forced close, whose commitment is registered at the height of the newest block, would not be broadcast any
/// more, and the fee of a claim by a preimage that came then not be raised any more.
fn unconfirmed(relevant: Vec<(Txid, u32, Option<BlockHash>)>, fork: BlockId) -> impl Iterator<Item = Txid> {
    relevant.into_iter().filter(move |(_, height, _)| *height > fork.height).map(|(txid, ..)| txid)
}

/// The chain monitor as a listener that is told of the last block only, see [`UntoldBlock`].
pub(crate) struct MonitorsAdapter<'a> {
    pub monitors: &'a ChainMonitor,
    pub untold: &'a UntoldBlock,
}

impl MonitorsAdapter<'_> {
    /// Tells it of the last block.
    pub fn tell(&self) {
        if let Some((header, height)) = self.untold.take() {
            self.monitors.filtered_block_connected(&header, &[], height);
        }
    }
}

impl BlockListener for MonitorsAdapter<'_> {
    fn block_connected(&self, block: &Block, height: u32) {
        self.untold.take();
        self.monitors.block_connected(block, height);
    }

    fn filtered_block_connected(&self, header: &Header, height: u32) {
        self.untold.put(header, height);
    }

    fn blocks_disconnected(&self, fork: BlockId) {
        self.untold.take();
        for txid in unconfirmed(self.monitors.get_relevant_txids(), fork) {
            self.monitors.transaction_unconfirmed(&txid);
        }
    }
}
