//! Blocks, as the on-chain wallet sees them.

use amplet_chain::{BlockId, BlockListener};
use bdk_wallet::WalletEvent;
use bdk_wallet::chain::{BlockId as BdkBlockId, CheckPoint};
use bdk_wallet::{Update, Wallet};
use bitcoin::Block;
use bitcoin::block::Header;

use super::{Confirmed, OnchainWallet, WalletState};

impl BlockListener for OnchainWallet {
    fn block_connected(&self, block: &Block, height: u32) {
        let mut state = self.lock();
        match state.wallet.apply_block_events(block, height) {
            Ok(events) => note_confirmed(&mut state, events),
            // The driver connects every block in order, so the parent is known; if not, only a rescan helps.
            Err(error) => log::error!("on-chain wallet: block {height} does not connect: {error}"),
        }
        self.stage(&mut state);
    }

    fn filtered_block_connected(&self, header: &Header, height: u32) {
        let mut state = self.lock();
        let block = BdkBlockId { height, hash: header.block_hash() };
        if let Err(error) = extend(&mut state.wallet, block) {
            log::error!("on-chain wallet: header {height} does not connect: {error}");
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
fn extend(wallet: &mut Wallet, block: BdkBlockId) -> Result<(), String> {
    let mut tip: CheckPoint = wallet.latest_checkpoint();
    // After a disconnection the blocks at and above this height are stale.
    while tip.height() >= block.height {
        tip = tip.prev().ok_or("there is no block below")?;
    }
    let chain = tip.push(block).map_err(|_| "it is not above its parent".to_owned())?;
    wallet.apply_update(Update { chain: Some(chain), ..Update::default() }).map_err(|e| e.to_string())
}

fn note_confirmed(state: &mut WalletState, events: Vec<WalletEvent>) {
    for event in events {
        if let WalletEvent::TxConfirmed { tx, block_time, old_block_time: None, .. } = event {
            let (sent, received) = state.wallet.sent_and_received(&tx);
            state.confirmed.push(Confirmed {
                tx,
                received_sat: received.to_sat(),
                sent_sat: sent.to_sat(),
                time: block_time.confirmation_time,
            });
        }
    }
}
