//! Transactions of the on-chain wallet, and what blocks did to them.

use std::sync::Arc;

use bdk_wallet::chain::tx_graph::CanonicalTx;
use bdk_wallet::chain::{CanonicalizationParams, ChainPosition, ConfirmationBlockTime};
use bitcoin::{Amount, OutPoint, Transaction, Txid};

use super::{OnchainWallet, WalletState};
use crate::ldk::commitment::is_commitment;

/// A transaction of the wallet that a block confirmed.
pub struct Confirmed {
    /// The transaction.
    pub tx: Arc<Transaction>,
    /// Paid to the wallet, in sat.
    pub received_sat: u64,
    /// Paid by the wallet, change and fee included, in sat.
    pub sent_sat: u64,
    /// Time of the block, in seconds since the UNIX epoch.
    pub time: u64,
}

/// Place of a transaction in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mined {
    /// Number of confirmations, 1 or more.
    pub depth: u32,
    /// Time of its block, in seconds since the UNIX epoch.
    pub time: u64,
}

impl WalletState {
    /// Transactions that the wallet believes in: its own, and those of its channels that move no money of its own, as one does that
    /// closes a channel in which all is the peer's.
    pub(super) fn canonical(
        &self,
    ) -> impl Iterator<Item = CanonicalTx<'_, Arc<Transaction>, ConfirmationBlockTime>> {
        let (chain, tip) = (self.wallet.local_chain(), self.wallet.latest_checkpoint().block_id());
        self.wallet.tx_graph().list_canonical_txs(chain, tip, CanonicalizationParams::default())
    }

    /// Transactions of the wallet that no block holds yet.
    pub(super) fn unconfirmed(&self) -> impl Iterator<Item = Arc<Transaction>> {
        let waiting = self.wallet.transactions().filter(|tx| !tx.chain_position.is_confirmed());
        waiting.map(|tx| tx.tx_node.tx)
    }

    /// Returns whether a transaction spends coins of the wallet.
    pub(super) fn is_spend(&self, tx: &Transaction) -> bool {
        self.wallet.sent_and_received(tx).0 > Amount::ZERO
    }

    pub(super) fn confirmed(&self, tx: Arc<Transaction>, time: u64) -> Confirmed {
        let (sent, received) = self.wallet.sent_and_received(&tx);
        Confirmed { tx, received_sat: received.to_sat(), sent_sat: sent.to_sat(), time }
    }
}

impl OnchainWallet {
    /// Confirmations of a transaction of this wallet; `None`: unknown to it.
    pub fn confirmations(&self, txid: Txid) -> Option<u32> {
        let state = self.lock();
        let height = state.wallet.latest_checkpoint().height();
        let tx = state.wallet.get_tx(txid)?;
        let confirmed = tx.chain_position.confirmation_height_upper_bound();
        Some(confirmed.map_or(0, |at| height.saturating_sub(at).saturating_add(1)))
    }

    /// Returns whether it holds this transaction, or coins for it.
    pub fn knows(&self, txid: Txid) -> bool {
        let state = self.lock();
        state.held.contains_key(&txid) || state.wallet.get_tx(txid).is_some()
    }

    /// Returns whether this transaction may have been broadcast, or may still be: it has it, believed in or not, or holds coins for it.
    pub fn may_be_out(&self, txid: Txid) -> bool {
        let state = self.lock();
        state.held.contains_key(&txid) || state.wallet.tx_graph().get_tx(txid).is_some()
    }

    /// Transactions that spend outputs of this one, whatever became of them.
    pub fn children(&self, txid: Txid) -> Vec<Txid> {
        let state = self.lock();
        let spenders =
            state.wallet.tx_graph().tx_spends(txid).flat_map(|(_, spenders)| spenders.iter().copied());
        spenders.collect()
    }

    /// Place of a transaction in the chain; `None`: no block holds it.
    pub fn mined(&self, txid: Txid) -> Option<Mined> {
        let state = self.lock();
        let tip = state.wallet.latest_checkpoint().height();
        match state.wallet.get_tx(txid)?.chain_position {
            ChainPosition::Confirmed { anchor, .. } => {
                let depth = tip.saturating_sub(anchor.block_id.height).saturating_add(1);
                Some(Mined { depth, time: anchor.confirmation_time })
            }
            ChainPosition::Unconfirmed { .. } => None,
        }
    }

    /// Transactions that blocks confirmed since the last call.
    pub fn take_confirmed(&self) -> Vec<Confirmed> {
        std::mem::take(&mut self.lock().confirmed)
    }

    /// Transactions whose blocks were replaced since the last call.
    pub fn take_unconfirmed(&self) -> Vec<Txid> {
        std::mem::take(&mut self.lock().unconfirmed)
    }

    /// The transactions that blocks hold, but for those that are `known`.
    pub fn confirmed_but(&self, known: impl Fn(Txid) -> bool) -> Vec<Confirmed> {
        let state = self.lock();
        let others = state.wallet.transactions().filter(|tx| !known(tx.tx_node.txid));
        let mined = others.filter_map(|tx| match tx.chain_position {
            ChainPosition::Confirmed { anchor, .. } => Some((tx.tx_node.tx, anchor.confirmation_time)),
            ChainPosition::Unconfirmed { .. } => None,
        });
        mined.map(|(tx, time)| state.confirmed(tx, time)).collect()
    }

    /// Returns whether a transaction that both sides of a channel have signed spends this funding, in a block or waiting for one.
    pub fn is_closed_together(&self, funding: OutPoint) -> bool {
        let state = self.lock();
        let graph = state.wallet.tx_graph();
        let is_closing = |txid: &&Txid| graph.get_tx(**txid).is_some_and(|tx| !is_commitment(&tx));
        let closings: Vec<&Txid> = graph.outspends(funding).iter().filter(is_closing).collect();
        !closings.is_empty() && state.canonical().any(|tx| closings.contains(&&tx.tx_node.txid))
    }

    /// Transactions that no block holds yet, and whether they spend coins of the wallet. Commitments are LDK's to send.
    pub fn waiting(&self) -> Vec<(Transaction, bool)> {
        let state = self.lock();
        let waiting = state.canonical().filter(|tx| !tx.chain_position.is_confirmed());
        let waiting = waiting.map(|tx| tx.tx_node.tx).filter(|tx| !is_commitment(tx));
        waiting.map(|tx| (tx.as_ref().clone(), state.is_spend(&tx))).collect()
    }
}
