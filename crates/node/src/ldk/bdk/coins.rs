//! Coins of the on-chain wallet: those that may be spent, those kept apart, and those that are gone.

use std::sync::Arc;

use bdk_wallet::{KeychainKind, LocalOutput};
use bitcoin::{OutPoint, Transaction, Txid};

use super::{OnchainWallet, WalletState};

/// Confirmations after which a transaction that spends the same coin is final, for records that end by it: the depth that LDK
/// waits for before it acts on a spend (its `ANTI_REORG_DELAY`).
pub const FINAL_AFTER: u32 = 6;

/// Returns whether a transaction in the block at `height` is final by the time that the chain's tip is at `tip`.
pub fn is_final(height: u32, tip: u32) -> bool {
    tip.saturating_sub(height).saturating_add(1) >= FINAL_AFTER
}

/// Maximum number of transactions that wait and build upon each other. The network relays 25, a channel's closing and its fee included.
const MAX_CHAIN: usize = 8;

/// Coins kept apart for the anchor reserve.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReserveCoins {
    pub outpoints: Vec<OutPoint>,
    /// Their value, in sat: the reserve or more, where there is so much.
    pub value_sat: u64,
}

impl WalletState {
    /// Confirmed coins that no funding under negotiation has taken.
    pub(super) fn confirmed_coins(&self) -> impl Iterator<Item = LocalOutput> + '_ {
        let unspent = self.wallet.list_unspent().filter(|coin| coin.chain_position.is_confirmed());
        unspent.filter(|coin| !self.wallet.is_outpoint_locked(coin.outpoint))
    }

    /// Change of our own transactions that waits for a block. Nobody else can keep it from confirming, and a channel's funding may
    /// spend it: one coin is then enough for several channels in a block.
    pub(super) fn own_change(&self) -> Vec<LocalOutput> {
        let waiting = self.wallet.list_unspent().filter(|coin| !coin.chain_position.is_confirmed());
        let change = waiting.filter(|coin| coin.keychain == KeychainKind::Internal);
        let free = change.filter(|coin| !self.wallet.is_outpoint_locked(coin.outpoint));
        free.filter(|coin| self.is_own(coin.outpoint.txid, MAX_CHAIN)).collect()
    }

    /// Unconfirmed coins that are no change of our own.
    pub(super) fn foreign_unconfirmed(&self) -> Vec<OutPoint> {
        let own: Vec<OutPoint> = self.own_change().into_iter().map(|coin| coin.outpoint).collect();
        let waiting = self.wallet.list_unspent().filter(|coin| !coin.chain_position.is_confirmed());
        waiting.map(|coin| coin.outpoint).filter(|coin| !own.contains(coin)).collect()
    }

    /// Returns whether a waiting transaction, and those that it builds upon, `depth` of them at most, spend only coins of ours.
    fn is_own(&self, txid: Txid, depth: usize) -> bool {
        let Some(tx) = self.wallet.tx_graph().get_tx(txid).filter(|_| depth > 0) else { return false };
        tx.input.iter().map(|input| input.previous_output).all(|coin| {
            let is_ours = self.wallet.spk_index().txout(coin).is_some();
            is_ours && (is_confirmed(self, coin.txid) || self.is_own(coin.txid, depth.saturating_sub(1)))
        })
    }

    /// Returns whether another waiting transaction of ours spends an output of this one.
    pub(super) fn is_built_upon(&self, txid: Txid) -> bool {
        let spends = |tx: &Arc<Transaction>| tx.input.iter().any(|input| input.previous_output.txid == txid);
        let held: Vec<Arc<Transaction>> = self.held.values().cloned().map(Arc::new).collect();
        self.unconfirmed().chain(held).any(|tx| spends(&tx))
    }

    /// Confirmed coins to keep apart for a reserve: the smallest one that suffices, or else the largest together.
    pub(super) fn reserve_coins(&self, reserve_sat: u64) -> ReserveCoins {
        let mut coins: Vec<(u64, OutPoint)> =
            self.confirmed_coins().map(|coin| (coin.txout.value.to_sat(), coin.outpoint)).collect();
        coins.sort_unstable();
        if let Some((value_sat, outpoint)) = coins.iter().find(|(sat, _)| *sat >= reserve_sat) {
            let outpoints = if reserve_sat > 0 { vec![*outpoint] } else { Vec::new() };
            return ReserveCoins { outpoints, value_sat: *value_sat };
        }
        let mut kept = ReserveCoins::default();
        for (sat, outpoint) in coins.into_iter().rev() {
            if kept.value_sat >= reserve_sat {
                break;
            }
            kept.value_sat = kept.value_sat.saturating_add(sat);
            kept.outpoints.push(outpoint);
        }
        kept
    }

    /// Confirmed coins that a fee bump of LDK's has spent, in a transaction that waits: it may spend them again, in place of that
    /// one. Such a transaction also spends a channel's output, which no other of ours does.
    pub(super) fn bumping_coins(&self) -> Vec<LocalOutput> {
        let waiting: Vec<Arc<Transaction>> = self.unconfirmed().collect();
        if waiting.is_empty() {
            return Vec::new();
        }
        let is_ours = |outpoint: &OutPoint| self.wallet.spk_index().txout(*outpoint).is_some();
        let inputs = |tx: &Arc<Transaction>| -> Vec<OutPoint> {
            tx.input.iter().map(|input| input.previous_output).collect()
        };
        let bumps = waiting.iter().map(inputs).filter(|inputs| !inputs.iter().all(is_ours));
        let spent: Vec<OutPoint> = bumps.flatten().collect();
        let ours = self.wallet.list_output().filter(|coin| coin.chain_position.is_confirmed());
        ours.filter(|coin| spent.contains(&coin.outpoint)).collect()
    }

    /// Returns whether a transaction can never confirm: one that spends a coin of it, or of an unconfirmed parent, is buried.
    pub(super) fn is_dead(&self, txid: Txid) -> bool {
        let graph = self.wallet.tx_graph();
        let Some(tx) = graph.get_tx(txid) else { return false };
        let tip = self.wallet.latest_checkpoint().height();
        let is_buried = |txid: &Txid| {
            let position = self.wallet.get_tx(*txid).map(|tx| tx.chain_position);
            let height = position.and_then(|position| position.confirmation_height_upper_bound());
            height.is_some_and(|at| is_final(at, tip))
        };
        tx.input.iter().map(|input| input.previous_output).any(|coin| {
            graph.outspends(coin).iter().any(|other| *other != txid && is_buried(other))
                || (!is_confirmed(self, coin.txid) && self.is_dead(coin.txid))
        })
    }
}

fn is_confirmed(state: &WalletState, txid: Txid) -> bool {
    state.wallet.tx_graph().get_tx_node(txid).is_none_or(|node| !node.anchors.is_empty())
}

impl OnchainWallet {
    /// Confirmed money that no funding under negotiation has taken, in sat.
    pub fn free_sat(&self) -> u64 {
        let state = self.lock();
        state.confirmed_coins().map(|coin| coin.txout.value.to_sat()).fold(0, u64::saturating_add)
    }

    /// The same with change of our own that waits for a block.
    pub fn free_for_funding_sat(&self) -> u64 {
        let change = self.lock().own_change();
        let change_sat = change.iter().map(|coin| coin.txout.value.to_sat()).fold(0, u64::saturating_add);
        self.free_sat().saturating_add(change_sat)
    }

    /// Returns whether a transaction that this wallet knows can never confirm, because one that spends the same coin is buried.
    pub fn is_dead(&self, txid: Txid) -> bool {
        self.lock().is_dead(txid)
    }
}
