//! Transactions that make another one confirm sooner, or take its place: replacements (BIP 125) and children (CPFP).

use bdk_wallet::error::{BuildFeeBumpError, CreateTxError};
use bdk_wallet::psbt::PsbtUtils;
use bdk_wallet::{KeychainKind, TxOrdering};
use bitcoin::{Amount, FeeRate, OutPoint, Psbt, ScriptBuf, Transaction, TxOut, Txid};

use super::{OnchainError, OnchainWallet, WalletState};

/// Size of a transaction without inputs, with one output (BIP 86), in vB, and of each input.
const CHILD_VBYTES: u64 = 11 + 43;
const INPUT_VBYTES: u64 = 58;

/// Size of a key-path spend's witness, in vB, rounded up.
const SIGNATURE_VBYTES: usize = 17;

/// What a replacement changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The fee, paid from our own output or further coins.
    Fee,
    /// The fee, paid from what the only payee gets.
    FeeFromAmount,
    /// All of it goes back to us.
    Cancel,
}

/// A replacement to build.
pub struct Replacement {
    /// Fee rate; more, where the fee would not be higher than the old one's.
    pub rate: FeeRate,
    /// What it changes.
    pub change: Change,
    /// Confirmed coins of this value stay, or an output of it, in sat.
    pub reserve_sat: u64,
}

/// A signed transaction that bumps another one's fee, or cancels it.
#[derive(Clone, Debug)]
pub struct SignedBump {
    /// Signed, not yet broadcast.
    pub tx: Transaction,
    /// Its fee, in sat.
    pub fee_sat: u64,
    /// Fee of the transaction that it replaces, in sat; 0 for a child.
    pub replaced_fee_sat: u64,
    /// Amount that its payee gets, in sat, where that changes.
    pub amount_sat: Option<u64>,
    /// Fee rate that it was built for (of both transactions, for a child): the same again builds the same.
    pub rate: FeeRate,
}

impl WalletState {
    fn is_mine(&self, output: &TxOut) -> bool {
        self.wallet.is_mine(output.script_pubkey.clone())
    }

    fn own_sat(&self, tx: &Transaction) -> u64 {
        tx.output.iter().filter(|o| self.is_mine(o)).map(|o| o.value.to_sat()).fold(0, u64::saturating_add)
    }

    /// Fee of a transaction, in sat; `None`: a coin that it spends is unknown.
    fn fee_sat(&self, tx: &Transaction) -> Option<u64> {
        self.wallet.calculate_fee(tx).ok().map(Amount::to_sat)
    }

    /// Outputs that a replacement pays as before: to others, and the reserve's, which is the smaller one of two of ours.
    fn kept_outputs(&self, tx: &Transaction) -> Vec<(ScriptBuf, Amount)> {
        let (mut ours, others): (Vec<_>, Vec<_>) = tx.output.iter().partition(|output| self.is_mine(output));
        ours.sort_unstable_by_key(|output| output.value);
        ours.pop();
        let kept = others.into_iter().chain(ours);
        kept.map(|output| (output.script_pubkey.clone(), output.value)).collect()
    }

    /// The only output of a transaction that is not ours.
    fn only_payee<'a>(&self, tx: &'a Transaction) -> Option<&'a TxOut> {
        let mut others = tx.output.iter().filter(|output| !self.is_mine(output));
        others.next().filter(|_| others.next().is_none())
    }

    /// What a replacement pays as before, and where the rest goes; `None`: to a change output of its own, if anything is left.
    fn payees(&mut self, old: &Transaction, change: Change) -> (Vec<(ScriptBuf, Amount)>, Option<ScriptBuf>) {
        let own = self.wallet.next_unused_address(KeychainKind::Internal).address.script_pubkey();
        let payee = self.only_payee(old).map(|output| output.script_pubkey.clone());
        match (change, payee) {
            (Change::Cancel, _) => (Vec::new(), Some(own)),
            (Change::FeeFromAmount, Some(payee)) => {
                let ours = old.output.iter().filter(|output| self.is_mine(output));
                (ours.map(|output| (output.script_pubkey.clone(), output.value)).collect(), Some(payee))
            }
            _ => {
                let kept = self.kept_outputs(old);
                let rest = kept.is_empty().then_some(own);
                (kept, rest)
            }
        }
    }

    /// With `rate`, or with what BIP 125 demands: the fee of the old one, and 1 sat/vB for the new one's relay.
    fn replacement(&mut self, old: &Transaction, new: &Replacement) -> Result<Psbt, OnchainError> {
        let psbt = self.replacement_at(old, new, None)?;
        let size =
            psbt.unsigned_tx.vsize().saturating_add(SIGNATURE_VBYTES.saturating_mul(psbt.inputs.len()));
        let minimum_sat =
            self.fee_sat(old).unwrap_or(0).saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
        let fee_sat = psbt.fee_amount().map_or(0, Amount::to_sat);
        if fee_sat >= minimum_sat { Ok(psbt) } else { self.replacement_at(old, new, Some(minimum_sat)) }
    }

    fn replacement_at(
        &mut self,
        old: &Transaction,
        new: &Replacement,
        fee_sat: Option<u64>,
    ) -> Result<Psbt, OnchainError> {
        let apart = self.reserve_coins(new.reserve_sat).outpoints;
        let (kept, rest) = self.payees(old, new.change);
        let mut builder = self.wallet.build_fee_bump(old.compute_txid()).map_err(not_replaceable)?;
        builder.exclude_unconfirmed().unspendable(apart).ordering(TxOrdering::Shuffle);
        match fee_sat {
            Some(sat) => builder.fee_absolute(Amount::from_sat(sat)),
            None => builder.fee_rate(new.rate),
        };
        if let Some(rest) = rest {
            builder.drain_to(rest);
        }
        if new.change == Change::FeeFromAmount {
            builder.manually_selected_only();
        }
        builder.set_recipients(kept);
        builder.finish().map_err(refused)
    }

    fn child(&mut self, parent: &Transaction, rate: FeeRate) -> Result<Psbt, OnchainError> {
        let txid = parent.compute_txid();
        let coins = self.wallet.list_unspent().filter(|coin| coin.outpoint.txid == txid);
        let coins: Vec<(OutPoint, u64)> =
            coins.map(|coin| (coin.outpoint, coin.txout.value.to_sat())).collect();
        if coins.is_empty() {
            return Err(OnchainError::NothingToSpend);
        }
        let outpoints: Vec<OutPoint> = coins.iter().map(|(outpoint, _)| *outpoint).collect();
        let available_sat = coins.iter().map(|(_, sat)| *sat).fold(0, u64::saturating_add);
        let inputs = u64::try_from(coins.len()).unwrap_or(u64::MAX);
        let size = CHILD_VBYTES.saturating_add(INPUT_VBYTES.saturating_mul(inputs));
        let all = size.saturating_add(u64::try_from(parent.vsize()).unwrap_or(u64::MAX));
        // What a stranger's transaction paid is not known: nothing is assumed, so that the rate is reached for certain.
        let paid_sat = self.fee_sat(parent).unwrap_or(0);
        let needed_sat = rate.fee_vb(all).map_or(u64::MAX, Amount::to_sat).saturating_sub(paid_sat);
        let fee_sat = needed_sat.max(size);
        let own = self.wallet.next_unused_address(KeychainKind::Internal).address.script_pubkey();
        let mut builder = self.wallet.build_tx();
        builder.add_utxos(&outpoints).map_err(|e| OnchainError::Build(e.to_string()))?;
        builder.manually_selected_only().drain_to(own).fee_absolute(Amount::from_sat(fee_sat));
        builder.finish().map_err(|error| match error {
            CreateTxError::CoinSelection(_)
            | CreateTxError::OutputBelowDustLimit(_)
            | CreateTxError::NoUtxosSelected => {
                OnchainError::Insufficient { needed_sat: fee_sat, available_sat, reserve_sat: 0 }
            }
            other => OnchainError::Build(other.to_string()),
        })
    }

    /// Signs a transaction. Returns it and its fee, in sat.
    pub(super) fn signed(&self, mut psbt: Psbt) -> Result<(Transaction, u64), OnchainError> {
        let fee_sat = psbt.fee_amount().map_or(0, Amount::to_sat);
        if !self.sign(&mut psbt) {
            return Err(OnchainError::Build("not all inputs could be signed".into()));
        }
        let tx = psbt.extract_tx().map_err(|e| OnchainError::Build(e.to_string()))?;
        Ok((tx, fee_sat))
    }
}

impl OnchainWallet {
    /// Builds and signs a transaction in place of one of ours that waits: with the same payees, or all of it back to us.
    ///
    /// # Errors
    /// [`OnchainError`].
    pub fn replace(&self, txid: Txid, new: &Replacement) -> Result<SignedBump, OnchainError> {
        let reserve_sat = new.reserve_sat;
        let mut state = self.lock();
        let Some(old) = state.wallet.get_tx(txid).map(|tx| tx.tx_node.tx) else {
            return Err(OnchainError::NotPending);
        };
        if state.is_built_upon(txid) {
            return Err(OnchainError::BuiltUpon);
        }
        let replaced_fee_sat = state.fee_sat(&old).unwrap_or(0);
        let built = state.replacement(&old, new);
        self.stage(&mut state);
        let (tx, fee_sat) = state.signed(built?)?;
        let spent: Vec<OutPoint> = tx.input.iter().map(|input| input.previous_output).collect();
        let left = state.confirmed_coins().filter(|coin| !spent.contains(&coin.outpoint));
        let left_sat =
            left.map(|coin| coin.txout.value.to_sat()).fold(state.own_sat(&tx), u64::saturating_add);
        if left_sat < reserve_sat {
            let needed_sat = fee_sat.saturating_sub(replaced_fee_sat);
            let available_sat = needed_sat.saturating_sub(reserve_sat.saturating_sub(left_sat));
            return Err(OnchainError::Insufficient { needed_sat, available_sat, reserve_sat });
        }
        let is_less = new.change == Change::FeeFromAmount;
        let amount_sat = state.only_payee(&tx).filter(|_| is_less).map(|output| output.value.to_sat());
        Ok(SignedBump { tx, fee_sat, replaced_fee_sat, amount_sat, rate: new.rate })
    }

    /// Builds and signs a transaction that spends what an unconfirmed one pays to us, so that both together reach `rate`.
    ///
    /// # Errors
    /// [`OnchainError`].
    pub fn child(&self, txid: Txid, rate: FeeRate) -> Result<SignedBump, OnchainError> {
        let mut state = self.lock();
        let Some(parent) = state.wallet.get_tx(txid).map(|tx| tx.tx_node.tx) else {
            return Err(OnchainError::NotPending);
        };
        let built = state.child(&parent, rate);
        self.stage(&mut state);
        let (tx, fee_sat) = state.signed(built?)?;
        Ok(SignedBump { tx, fee_sat, replaced_fee_sat: 0, amount_sat: None, rate })
    }

    /// Fee rate of a transaction, as far as its fee is known.
    pub fn rate(&self, txid: Txid) -> Option<FeeRate> {
        let state = self.lock();
        let tx = state.wallet.get_tx(txid)?.tx_node.tx;
        Some(Amount::from_sat(state.fee_sat(&tx)?) / tx.weight())
    }
}

fn not_replaceable(error: BuildFeeBumpError) -> OnchainError {
    match error {
        BuildFeeBumpError::TransactionConfirmed(_) | BuildFeeBumpError::TransactionNotFound(_) => {
            OnchainError::NotPending
        }
        other => OnchainError::Build(other.to_string()),
    }
}

fn refused(error: CreateTxError) -> OnchainError {
    match error {
        CreateTxError::FeeRateTooLow { required } => {
            OnchainError::BumpTooLow { minimum_sat_per_kvb: required.to_sat_per_kwu().saturating_mul(4) }
        }
        CreateTxError::CoinSelection(missing) => OnchainError::BumpUnpaid {
            missing_sat: missing.needed.to_sat().saturating_sub(missing.available.to_sat()),
        },
        other => OnchainError::Build(other.to_string()),
    }
}
