//! Blocks, as the on-chain wallet sees them.

use std::sync::Arc;

use amplet_chain::{BlockId, BlockListener};
use bdk_wallet::WalletEvent;
use bdk_wallet::chain::{BlockId as BdkBlockId, CheckPoint, ConfirmationBlockTime, TxUpdate};
use bdk_wallet::{Update, Wallet};
use bitcoin::Block;
use bitcoin::block::Header;

use super::{OnchainWallet, WalletState};

impl BlockListener for OnchainWallet {
    fn block_connected(&self, block: &Block, height: u32) {
        let mut state = self.lock();
        match state.wallet.apply_block_events(block, height) {
            Ok(events) => {
                note(&mut state, events, block.header.time);
                replace(&mut state, block, height);
            }
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

/// Takes transactions of a block that stand in the way of known ones, although they move no coin of the wallet's: the peer's
/// commitment, which the block has in place of ours. Else the child that was to pay for ours would bind its coins for ever.
fn replace(state: &mut WalletState, block: &Block, height: u32) {
    let block_id = BdkBlockId { height, hash: block.block_hash() };
    let anchor = ConfirmationBlockTime { block_id, confirmation_time: u64::from(block.header.time) };
    let mut tx_update = TxUpdate::default();
    let graph = state.wallet.tx_graph();
    for tx in &block.txdata {
        if graph.direct_conflicts(tx).next().is_some() {
            tx_update.txs.push(Arc::new(tx.clone()));
            tx_update.anchors.insert((anchor, tx.compute_txid()));
        }
    }
    if tx_update.txs.is_empty() {
        return;
    }
    match state.wallet.apply_update_events(Update { tx_update, ..Update::default() }) {
        Ok(events) => note(state, events, block.header.time),
        Err(error) => log::error!("on-chain wallet: block {height}: {error}"),
    }
}

/// Appends a block without transactions of the wallet to its chain.
fn extend(wallet: &mut Wallet, block: BdkBlockId) -> Result<Vec<WalletEvent>, String> {
    let mut tip: CheckPoint = wallet.latest_checkpoint();
    // Events cost a walk down the chain for each transaction, twice: after months of blocks, of which each would pay it, minutes.
    // A block above the tip that no transaction is anchored at (or above) changes the state of none.
    let eventful = tip.height() >= block.height || is_anchor_from(wallet, block.height);
    // After a disconnection the blocks at and above this height are stale.
    while tip.height() >= block.height {
        tip = tip.prev().ok_or("there is no block below")?;
    }
    let chain = tip.push(block).map_err(|_| "it is not above its parent".to_owned())?;
    let update = Update { chain: Some(chain), ..Update::default() };
    if eventful {
        return wallet.apply_update_events(update).map_err(|e| e.to_string());
    }
    wallet.apply_update(update).map(|()| Vec::new()).map_err(|e| e.to_string())
}

/// True if a transaction of the wallet was seen in a block of this height or above, on whatever chain.
fn is_anchor_from(wallet: &Wallet, height: u32) -> bool {
    let mut anchors = wallet.tx_graph().all_anchors().values().flatten();
    anchors.any(|anchor| anchor.block_id.height >= height)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use amplet_chain::Position;
    use bdk_wallet::KeychainKind;
    use bitcoin::hashes::Hash;
    use bitcoin::{Amount, BlockHash, Network, Transaction, TxIn, TxOut, absolute, transaction};

    use super::*;
    use crate::ldk::bdk::create;
    use crate::ldk::keys::{Keys, parse_mnemonic};

    fn block(height: u32, branch: u8) -> BdkBlockId {
        BdkBlockId { height, hash: BlockHash::from_byte_array([branch; 32]) }
    }

    /// What is told when a header is connected, but for the new tip.
    fn told(wallet: &mut Wallet, block: BdkBlockId) -> Vec<WalletEvent> {
        let mut events = extend(wallet, block).unwrap();
        assert_eq!(wallet.latest_checkpoint().block_id(), block);
        events.retain(|event| !matches!(event, WalletEvent::ChainTipChanged { .. }));
        events
    }

    #[test]
    fn headers_tell_what_becomes_of_the_wallets_transactions() {
        let words =
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
        let keys = Keys::new(&parse_mnemonic(words).unwrap(), Network::Regtest, 0).unwrap();
        let birthday = Position { height: 4, hash: block(4, 4).hash, previous: Vec::new() };
        let mut wallet = create(&keys, &birthday).unwrap();
        let script_pubkey = wallet.reveal_next_address(KeychainKind::External).address.script_pubkey();
        let tx = Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: vec![TxIn::default()],
            output: vec![TxOut { value: Amount::from_sat(1000), script_pubkey }],
        };
        // Seen in block 6, whose header comes later: a branch that was left and is taken up again.
        let mut tx_update = TxUpdate::default();
        let anchor = ConfirmationBlockTime { block_id: block(6, 6), confirmation_time: 0 };
        tx_update.anchors.insert((anchor, tx.compute_txid()));
        tx_update.txs.push(Arc::new(tx));
        wallet.apply_update(Update { tx_update, ..Update::default() }).unwrap();

        assert!(told(&mut wallet, block(5, 5)).is_empty());
        let [WalletEvent::TxConfirmed { .. }] = told(&mut wallet, block(6, 6))[..] else {
            panic!("not confirmed")
        };
        assert!(told(&mut wallet, block(7, 7)).is_empty());
        assert!(told(&mut wallet, block(8, 8)).is_empty());
        let [WalletEvent::TxDropped { .. }] = told(&mut wallet, block(6, 66))[..] else {
            panic!("still confirmed")
        };
        let [WalletEvent::TxConfirmed { .. }] = told(&mut wallet, block(6, 6))[..] else {
            panic!("not again")
        };
    }
}
