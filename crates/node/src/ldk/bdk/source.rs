//! The on-chain wallet, as LDK sees it: coins for fee bumps, addresses for what comes back.

use bitcoin::{OutPoint, Psbt, ScriptBuf, Sequence, Transaction};
use lightning::sign::ChangeDestinationSourceSync;
use lightning::util::wallet_utils::{Utxo, WalletSourceSync};

use super::OnchainWallet;

/// Weight of a key-path spend's witness: count, length, 64-byte signature (BIP 341).
const KEY_SPEND_WITNESS: u64 = 1 + 1 + 64;

/// The length byte of an empty `script_sig`, at four weight units.
const EMPTY_SCRIPT_SIG_WEIGHT: u64 = 4;

impl WalletSourceSync for OnchainWallet {
    fn list_confirmed_utxos(&self) -> Result<Vec<Utxo>, ()> {
        let state = self.lock();
        let coins = state.confirmed_coins().chain(state.bumping_coins());
        let utxos = coins.map(|utxo| Utxo {
            outpoint: utxo.outpoint,
            output: utxo.txout,
            satisfaction_weight: EMPTY_SCRIPT_SIG_WEIGHT.saturating_add(KEY_SPEND_WITNESS),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        });
        Ok(utxos.collect())
    }

    fn get_prevtx(&self, outpoint: OutPoint) -> Result<Transaction, ()> {
        let state = self.lock();
        state.wallet.get_tx(outpoint.txid).map(|tx| tx.tx_node.tx.as_ref().clone()).ok_or(())
    }

    fn get_change_script(&self) -> Result<ScriptBuf, ()> {
        Ok(self.destination())
    }

    fn sign_psbt(&self, mut psbt: Psbt) -> Result<Transaction, ()> {
        let state = self.lock();
        for (input, txin) in psbt.inputs.iter_mut().zip(&psbt.unsigned_tx.input) {
            // Also a coin that an earlier bump has spent, which this one replaces.
            let mut coins = state.wallet.list_output();
            if let Some(utxo) = coins.find(|coin| coin.outpoint == txin.previous_output)
                && let Ok(known) = state.wallet.get_psbt_input(utxo, None, true)
            {
                *input = known;
            }
        }
        // Inputs that are not ours (an anchor) are signed by LDK afterwards.
        state.sign(&mut psbt);
        drop(state);
        let mut tx = psbt.unsigned_tx;
        for (txin, input) in tx.input.iter_mut().zip(psbt.inputs) {
            txin.witness = input.final_script_witness.unwrap_or_default();
            txin.script_sig = input.final_script_sig.unwrap_or_default();
        }
        Ok(tx)
    }
}

impl ChangeDestinationSourceSync for OnchainWallet {
    fn get_change_destination_script(&self) -> Result<ScriptBuf, ()> {
        Ok(self.destination())
    }
}
