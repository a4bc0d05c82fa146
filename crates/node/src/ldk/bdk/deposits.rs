//! Unconfirmed deposits in the on-chain wallet.

use amplet_chain::{SeenTransaction, Unconfirmed};
use bdk_wallet::KeychainKind;
use bitcoin::{Amount, ScriptBuf, Transaction, Txid};

use super::{OnchainWallet, WalletState};

/// Number of addresses handed out and not used, the last ones, that are looked for.
const AWAITED: usize = 3;
/// A deposit that this many looks in a row did not find will not come: one or two may fall between its block's arrival at
/// the source and here.
const LOOKS: u32 = 3;

/// Changes by a look.
pub struct DepositChanges {
    /// Deposits not known before, and what they pay to us, in sat.
    pub new: Vec<(SeenTransaction, u64)>,
    /// Deposits that will not come.
    pub gone: Vec<Transaction>,
}

impl OnchainWallet {
    /// Scripts to ask a source's mempool for: of addresses that wait for money, and of unconfirmed deposits.
    pub fn awaited(&self) -> Vec<ScriptBuf> {
        let state = self.lock();
        let mut unused: Vec<_> = state.wallet.list_unused_addresses(KeychainKind::External).collect();
        unused.sort_by_key(|address| std::cmp::Reverse(address.index));
        let unused = unused.into_iter().take(AWAITED).map(|address| address.address.script_pubkey());
        let under_way = deposits(&state);
        let paid = under_way.iter().flat_map(|tx| &tx.output).map(|output| output.script_pubkey.clone());
        let mut scripts: Vec<ScriptBuf> =
            unused.chain(paid.filter(|script| state.wallet.is_mine(script.clone()))).collect();
        scripts.sort();
        scripts.dedup();
        scripts
    }

    /// Takes what a look for these scripts found. What `is_ours`, because a channel of ours pays it, is no deposit that might not
    /// come: it is sent again until a block holds it, or another transaction in its place.
    pub fn seen(
        &self,
        look: &Unconfirmed,
        asked: &[ScriptBuf],
        now_secs: u64,
        is_ours: impl Fn(&Transaction) -> bool,
    ) -> DepositChanges {
        let mut state = self.lock();
        let ids: Vec<Txid> = look.found.iter().map(|seen| seen.tx.compute_txid()).collect();
        let mut new = Vec::new();
        for (seen, id) in look.found.iter().zip(&ids) {
            let (tx, id) = (&seen.tx, *id);
            let (sent, received) = state.wallet.sent_and_received(tx);
            if sent == Amount::ZERO && !state.wallet.transactions().any(|known| known.tx_node.txid == id) {
                state.wallet.apply_unconfirmed_txs([(tx.clone(), now_secs)]);
                new.push((seen.clone(), received.to_sat()));
            }
        }
        let asked_for = |tx: &Transaction| tx.output.iter().any(|o| asked.contains(&o.script_pubkey));
        let absent: Vec<Transaction> = deposits(&state)
            .into_iter()
            // One source that hides it, or does not respond, proves nothing.
            .filter(|tx| look.complete && asked_for(tx) && !ids.contains(&tx.compute_txid()))
            .filter(|tx| !is_ours(tx))
            .collect();
        let is_absent = |id: &Txid| absent.iter().any(|tx| tx.compute_txid() == *id);
        state.missed.retain(|id, _| !look.complete && !ids.contains(id) || is_absent(id));
        let mut gone = Vec::new();
        for tx in absent {
            let misses = state.missed.entry(tx.compute_txid()).or_default();
            *misses = misses.saturating_add(1);
            if *misses >= LOOKS {
                state.missed.remove(&tx.compute_txid());
                // What spends it as well, or else the wallet believes in both.
                let spenders = state.wallet.tx_graph().tx_spends(tx.compute_txid());
                let mut evicted: Vec<Txid> = spenders.flat_map(|(_, all)| all.iter().copied()).collect();
                evicted.push(tx.compute_txid());
                state.wallet.apply_evicted_txs(evicted.into_iter().map(|txid| (txid, now_secs)));
                gone.push(tx);
            }
        }
        self.stage(&mut state);
        DepositChanges { new, gone }
    }
}

/// Unconfirmed transactions of others that pay to us.
fn deposits(state: &WalletState) -> Vec<Transaction> {
    state.unconfirmed().filter(|tx| !state.is_spend(tx)).map(|tx| tx.as_ref().clone()).collect()
}
