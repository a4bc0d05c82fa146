//! Claims of what a peer's commitment left, which pay straight to the savings.
//!
//! LDK counts such money as on its way until the claim is six blocks deep; the savings have it from the broadcast on.

use std::collections::HashSet;

use bitcoin::Txid;
use lightning::chain::channelmonitor::{Balance, BalanceSource};

use super::{OnchainWallet, is_final};
use crate::ldk::commitment::{Direct, HtlcHashes};

/// Claims of a channel's outputs that the savings have and LDK still counts.
#[derive(Default)]
pub struct DirectClaims {
    htlcs: Vec<HtlcHashes>,
    /// Outputs of a revoked commitment are among what is claimed.
    revoked: bool,
    /// What the claims pay to the savings, output by output, in sat.
    paid_sat: Vec<u64>,
}

impl DirectClaims {
    /// Returns whether the savings have what this balance is about.
    pub fn have(&self, balance: &Balance) -> bool {
        match balance {
            Balance::MaybeTimeoutClaimableHTLC { payment_hash, .. }
            | Balance::ContentiousClaimable { payment_hash, .. } => {
                self.htlcs.iter().any(|hashes| hashes.are_of(&payment_hash.0))
            }
            // A claim in a block, whose hash LDK does not tell. The commitment is the peer's, on which all claims are direct.
            Balance::ClaimableAwaitingConfirmations { source: BalanceSource::Htlc, .. } => {
                !self.htlcs.is_empty()
            }
            // LDK claims all of a revoked commitment at once; of a claim in a block it counts what it pays.
            Balance::CounterpartyRevokedOutputClaimable { .. } => self.revoked,
            Balance::ClaimableAwaitingConfirmations {
                source: BalanceSource::CounterpartyForceClosed,
                amount_satoshis,
                ..
            } => self.revoked && self.paid_sat.contains(amount_satoshis),
            _ => false,
        }
    }
}

impl OnchainWallet {
    /// Claims that spend outputs of these transactions: a channel's commitments, and what spends their HTLCs.
    pub fn direct_claims(&self, of: &HashSet<Txid>) -> DirectClaims {
        let state = self.lock();
        let tip = state.wallet.latest_checkpoint().height();
        let mut claims = DirectClaims::default();
        for tx in state.canonical() {
            let height = tx.chain_position.confirmation_height_upper_bound();
            if height.is_some_and(|at| is_final(at, tip)) {
                continue;
            }
            let inputs = tx.tx_node.tx.input.iter().filter(|input| of.contains(&input.previous_output.txid));
            let ways: Vec<Direct> = inputs.filter_map(|input| Direct::of(&input.witness)).collect();
            if ways.is_empty() {
                continue;
            }
            for way in ways {
                match way {
                    Direct::Htlc(hashes) => claims.htlcs.push(hashes),
                    Direct::Revoked => claims.revoked = true,
                }
            }
            let outputs = tx.tx_node.tx.output.iter();
            let ours = outputs.filter(|output| state.wallet.is_mine(output.script_pubkey.clone()));
            claims.paid_sat.extend(ours.map(|output| output.value.to_sat()));
        }
        claims
    }
}
