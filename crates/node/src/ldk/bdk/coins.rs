//! Coins of the on-chain wallet: those that may be spent, those kept apart, and those that are gone.

use std::sync::Arc;

use bdk_wallet::LocalOutput;
use bitcoin::{OutPoint, Transaction, Txid};

use super::{OnchainWallet, WalletState};

/// Confirmations after which a transaction that spends the same coin is final, for records that end by it: the depth that LDK
/// waits for before it acts on a spend (its `ANTI_REORG_DELAY`).
pub const FINAL_AFTER: u32 = 6;

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
            height.is_some_and(|at| tip.saturating_sub(at).saturating_add(1) >= FINAL_AFTER)
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

    /// Returns whether a transaction that this wallet knows can never confirm, because one that spends the same coin is buried.
    pub fn is_dead(&self, txid: Txid) -> bool {
        self.lock().is_dead(txid)
    }
}
