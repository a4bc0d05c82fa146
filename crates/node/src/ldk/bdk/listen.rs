//! Blocks, as the on-chain wallet sees them.

use amplet_chain::{BlockId, BlockListener};
use bdk_wallet::WalletEvent;
use bdk_wallet::chain::{BlockId as BdkBlockId, CheckPoint};
use bdk_wallet::{Update, Wallet};
use bitcoin::Block;
use bitcoin::block::Header;

use super::{OnchainWallet, WalletState};

impl BlockListener for OnchainWallet {
    fn block_connected(&self, block: &Block, height: u32) {
        let mut state = self.lock();
        match state.wallet.apply_block_events(block, height) {
            Ok(events) => note(&mut state, events, block.header.time),
            // The driver connects every block in order, so the parent is known; if not, only a rescan helps.
            Err(error) => log::error!("on-chain wallet: block {height} does not connect: {error}"),
        }
        self.stage(&mut state);
    }

    fn filtered_block_connected(&self, header: &Header, height: u32) {
        let mut state = self.lock();
        let block = BdkBlockId { height, hash: header.block_hash() };
        match extend(&mut state.wallet, block) {
            Ok(events) => note(&mut state, events, header.time),
            Err(error) => log::error!("on-chain wallet: header {height} does not connect: {error}"),
        }
        self.stage(&mut state);
    }

    /// BDK drops blocks when others take their heights, which the driver's next calls do; a crash in between finds the
    /// old tip and its ancestors, and so the same fork again.
    fn blocks_disconnected(&self, fork: BlockId) {
        log::info!("on-chain wallet: the chain above block {} ({}) was replaced", fork.height, fork.hash);
    }
}

/// Appends a block without transactions of the wallet to its chain.
fn extend(wallet: &mut Wallet, block: BdkBlockId) -> Result<Vec<WalletEvent>, String> {
    let mut tip: CheckPoint = wallet.latest_checkpoint();
    // After a disconnection the blocks at and above this height are stale.
    while tip.height() >= block.height {
        tip = tip.prev().ok_or("there is no block below")?;
    }
    let chain = tip.push(block).map_err(|_| "it is not above its parent".to_owned())?;
    let update = Update { chain: Some(chain), ..Update::default() };
    wallet.apply_update_events(update).map_err(|e| e.to_string())
}

/// Notes what a block of this time (seconds since the UNIX epoch) changed.
fn note(state: &mut WalletState, events: Vec<WalletEvent>, time: u32) {
    for event in events {
        match event {
            WalletEvent::TxConfirmed { tx, block_time, old_block_time: None, .. } => {
                let confirmed = state.confirmed(tx, block_time.confirmation_time);
                state.confirmed.push(confirmed);
            }
            WalletEvent::TxUnconfirmed { txid, old_block_time: Some(_), .. } => state.unconfirmed.push(txid),
            // Its block was replaced, and nothing else was known of it: it is probably in the mempool again.
            WalletEvent::TxDropped { txid, tx } => {
                state.wallet.apply_unconfirmed_txs([(tx, u64::from(time))]);
                state.unconfirmed.push(txid);
            }
            // Whoever has a record of it looks how deep the other one is buried, block by block, also after a restart.
            WalletEvent::TxReplaced { txid, conflicts, .. } => {
                log::warn!("on-chain wallet: {txid} was replaced by {conflicts:?}");
                state.unconfirmed.push(txid);
            }
            _ => {}
        }
    }
}
