//! The on-chain wallet: a BDK wallet (BIP 86) whose changes are staged in the step.

mod bump;
mod claims;
mod coins;
mod deposits;
mod listen;
mod send;
mod source;
mod transactions;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use amplet_chain::Position;
use amplet_protocol::PaymentId;
use amplet_storage::{Store, StoreError};
use bdk_wallet::chain::{BlockId, CheckPoint, Merge, TxUpdate};
use bdk_wallet::{ChangeSet, KeychainKind, Update, Wallet};
use bitcoin::bip32::Xpriv;
use bitcoin::constants::genesis_block;
use bitcoin::secp256k1::ecdsa::Signature;
use bitcoin::secp256k1::{Message, PublicKey};
use bitcoin::{Address, OutPoint, Psbt, ScriptBuf, Transaction, Txid};

use crate::ldk::keys::{Keys, linking_key};
use crate::ldk::staged::{StagedWrites, names};

pub use bump::{Change, Replacement, SignedBump};
pub use claims::DirectClaims;
pub use coins::{FINAL_AFTER, is_final};
pub use send::{OnchainError, SignedSend};
pub use transactions::Confirmed;

/// A transaction's id in the history: its digits as they are shown.
pub(crate) fn payment_id(txid: Txid) -> PaymentId {
    let mut bytes = *AsRef::<[u8; 32]>::as_ref(&txid);
    // Transaction ids are shown in reverse.
    bytes.reverse();
    PaymentId(bytes)
}

/// Addresses watched beyond the last one handed out, so that a restored wallet finds its money (BIP 44 gap limit).
const LOOKAHEAD: u32 = 25;

/// Maximum number of stored changes before they are folded into one record.
const FOLD_AFTER: usize = 64;

struct WalletState {
    wallet: Wallet,
    root: Xpriv,
    next_record: u64,
    revision: u64,
    confirmed: Vec<Confirmed>,
    /// Transactions whose blocks were replaced.
    unconfirmed: Vec<Txid>,
    /// Funding transactions that are not broadcast yet.
    held: HashMap<Txid, Transaction>,
    /// Unconfirmed deposits and the number of last looks that did not find them.
    missed: HashMap<Txid, u32>,
}

impl WalletState {
    /// Signs and finalizes the inputs that are ours; returns whether all are signed.
    fn sign(&self, psbt: &mut Psbt) -> bool {
        // Inputs of others (an anchor) fail here by nature; whether that matters is the caller's to say.
        let _ = psbt.sign(&self.root, self.wallet.secp_ctx());
        self.wallet.try_finalize_psbt(psbt).is_ok_and(|outcome| outcome.is_finalized())
    }
}

/// The on-chain wallet. All its changes are staged at once.
pub struct OnchainWallet {
    state: Mutex<WalletState>,
    staged: Arc<StagedWrites>,
}

/// The on-chain wallet could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored change cannot be read.
    #[error(
        "the stored savings are damaged ({0}); restore the wallet from its recovery phrase to find the money again"
    )]
    Corrupt(String),
}

impl OnchainWallet {
    /// Loads the wallet, or begins it at `birthday`: no block at or below it is searched.
    ///
    /// # Errors
    /// [`OpenError`]: the store failed or its content is damaged.
    pub async fn open(
        keys: &Keys,
        store: &dyn Store,
        staged: Arc<StagedWrites>,
        birthday: &Position,
    ) -> Result<Self, OpenError> {
        let records = store.list(names::ONCHAIN).await?;
        let mut changes = ChangeSet::default();
        for name in &records {
            let bytes = store.get(name).await?.unwrap_or_default();
            let change: ChangeSet =
                serde_json::from_slice(&bytes).map_err(|e| OpenError::Corrupt(e.to_string()))?;
            changes.merge(change);
        }
        let next_record = records.last().and_then(|name| name.rsplit('/').next()?.parse::<u64>().ok());
        let next_record = next_record.map_or(0, |n| n.saturating_add(1));
        let onchain = if changes.is_empty() {
            let wallet = create(keys, birthday)?;
            Self::assemble(keys, wallet, next_record, staged)
        } else {
            let fold = (records.len() > FOLD_AFTER).then(|| changes.clone());
            let onchain = Self::assemble(keys, load(keys, changes)?, next_record, staged);
            if let Some(all) = fold {
                records.iter().for_each(|name| onchain.staged.remove(name));
                onchain.write(&mut onchain.lock(), &all);
            }
            onchain
        };
        onchain.stage(&mut onchain.lock());
        Ok(onchain)
    }

    fn assemble(keys: &Keys, wallet: Wallet, next_record: u64, staged: Arc<StagedWrites>) -> Self {
        let state = WalletState {
            wallet,
            root: keys.root(),
            next_record,
            revision: 0,
            confirmed: Vec::new(),
            unconfirmed: Vec::new(),
            held: HashMap::new(),
            missed: HashMap::new(),
        };
        Self { state: Mutex::new(state), staged }
    }

    fn lock(&self) -> MutexGuard<'_, WalletState> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn stage(&self, state: &mut WalletState) {
        if let Some(changes) = state.wallet.take_staged() {
            if !changes.indexer.is_empty() {
                state.revision = state.revision.wrapping_add(1);
            }
            self.write(state, &changes);
        }
    }

    fn write(&self, state: &mut WalletState, changes: &ChangeSet) {
        // A ChangeSet is plain data: its serialization has no failing case.
        if let Ok(bytes) = serde_json::to_vec(changes) {
            self.staged.put(format!("{}{:016}", names::ONCHAIN, state.next_record), bytes);
            state.next_record = state.next_record.saturating_add(1);
        }
    }

    /// Signs 32 bytes with the key that stands for the user at `domain` (LUD-05). `None`: a derivation is out of range.
    pub fn log_in(&self, domain: &str, challenge: [u8; 32]) -> Option<(PublicKey, Signature)> {
        let state = self.lock();
        let secp = state.wallet.secp_ctx();
        let key = linking_key(&state.root, domain).ok()?;
        Some((key.public_key(secp), secp.sign_ecdsa(&Message::from_digest(challenge), &key)))
    }

    /// A receiving address that was not handed out before.
    pub fn new_address(&self) -> Address {
        let mut state = self.lock();
        let address = state.wallet.reveal_next_address(KeychainKind::External).address;
        self.stage(&mut state);
        address
    }

    /// Script for money that comes back from channels: an address not used before.
    pub fn destination(&self) -> ScriptBuf {
        let mut state = self.lock();
        let script = state.wallet.next_unused_address(KeychainKind::Internal).address.script_pubkey();
        self.stage(&mut state);
        script
    }

    /// Scripts to look for in blocks, and a number that changes when they do.
    pub fn scripts(&self) -> (Vec<ScriptBuf>, u64) {
        let state = self.lock();
        let scripts = state.wallet.spk_index().inner().all_spks().values().cloned().collect();
        (scripts, state.revision)
    }

    /// Changes when [`scripts`](Self::scripts) does.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Height above which the wallet has read blocks from its beginning on.
    pub fn birthday(&self) -> u32 {
        let wallet = &self.lock().wallet;
        let heights = wallet.checkpoints().map(|block| block.height()).filter(|height| *height > 0);
        heights.min().unwrap_or(0)
    }

    /// Last block that the wallet has read.
    pub fn position(&self) -> Position {
        let tip = self.lock().wallet.latest_checkpoint();
        let mut below = tip.clone();
        let mut previous = Vec::new();
        while previous.len() < amplet_chain::POSITION_ANCESTORS {
            match below.prev() {
                Some(prev) if prev.height().saturating_add(1) == below.height() => {
                    previous.push(prev.hash());
                    below = prev;
                }
                _ => break,
            }
        }
        Position { hash: tip.hash(), height: tip.height(), previous }
    }

    /// Confirmed and spendable, in sat; not yet confirmed, in sat.
    pub fn balance(&self) -> (u64, u64) {
        let balance = self.lock().wallet.balance();
        (
            balance.confirmed.to_sat(),
            (balance.trusted_pending + balance.untrusted_pending + balance.immature).to_sat(),
        )
    }

    /// Takes one of our transactions that was broadcast, so that its inputs are not spent twice.
    pub fn sent(&self, tx: &Transaction, now_secs: u64) {
        let mut state = self.lock();
        // Of two that spend the same coin the wallet believes in the one seen last.
        let rivals = state.wallet.tx_graph().direct_conflicts(tx).map(|(_, txid)| txid);
        let rivals: Vec<u64> =
            rivals.filter_map(|txid| state.wallet.tx_graph().get_tx_node(txid)?.last_seen).collect();
        let seen = rivals.into_iter().map(|seen| seen.saturating_add(1)).fold(now_secs, u64::max);
        // A commitment, too, on which the child that pays its fee depends, although it moves no coin of the wallet's: BDK's own way
        // for unconfirmed transactions would pass it over.
        let mut tx_update = TxUpdate::default();
        tx_update.txs.push(Arc::new(tx.clone()));
        tx_update.seen_ats.insert((tx.compute_txid(), seen));
        if let Err(error) = state.wallet.apply_update(Update { tx_update, ..Update::default() }) {
            log::error!("on-chain wallet: {} is not taken: {error}", tx.compute_txid());
        }
        state.held.remove(&tx.compute_txid());
        self.stage(&mut state);
    }

    /// Keeps the coins of a funding transaction that may still be broadcast from being spent otherwise.
    pub fn hold(&self, tx: &Transaction) {
        let mut state = self.lock();
        tx.input.iter().for_each(|input| state.wallet.lock_outpoint(input.previous_output));
        state.held.insert(tx.compute_txid(), tx.clone());
        self.stage(&mut state);
    }

    /// Frees the coins of a funding transaction that will never be broadcast; told again, of one that is not held, it does nothing.
    pub fn release(&self, txid: Txid) {
        let mut state = self.lock();
        let Some(tx) = state.held.remove(&txid) else { return };
        tx.input.iter().for_each(|input| state.wallet.unlock_outpoint(input.previous_output));
        self.stage(&mut state);
    }

    /// Frees coins that an earlier session held for channels which LDK has forgotten since.
    pub fn release_forgotten(&self) {
        let mut state = self.lock();
        let spends = |outpoint: &OutPoint| {
            let mut inputs = state.held.values().flat_map(|tx| &tx.input);
            inputs.any(|input| input.previous_output == *outpoint)
        };
        let forgotten: Vec<_> = state.wallet.list_locked_outpoints().filter(|held| !spends(held)).collect();
        forgotten.into_iter().for_each(|outpoint| state.wallet.unlock_outpoint(outpoint));
        self.stage(&mut state);
    }

    /// Forgets a transaction that the network refused.
    pub fn evict(&self, tx: &Transaction, now_secs: u64) {
        let mut state = self.lock();
        state.wallet.apply_evicted_txs([(tx.compute_txid(), now_secs.saturating_add(1))]);
        self.stage(&mut state);
    }
}

fn create(keys: &Keys, birthday: &Position) -> Result<Wallet, OpenError> {
    let corrupt = |e: String| OpenError::Corrupt(e);
    let (receive, change) = keys.descriptors();
    let mut wallet = Wallet::create(receive, change)
        .network(keys.network())
        .lookahead(LOOKAHEAD)
        .create_wallet_no_persist()
        .map_err(|e| corrupt(e.to_string()))?;
    if birthday.height > 0 {
        let genesis = BlockId { height: 0, hash: genesis_block(keys.network()).block_hash() };
        let chain = CheckPoint::from_block_ids([genesis, block_id(birthday)])
            .map_err(|_| corrupt("the birthday block is not above the genesis block".into()))?;
        wallet
            .apply_update(Update { chain: Some(chain), ..Update::default() })
            .map_err(|e| corrupt(e.to_string()))?;
    }
    Ok(wallet)
}

fn load(keys: &Keys, changes: ChangeSet) -> Result<Wallet, OpenError> {
    let (receive, change) = keys.descriptors();
    let loaded = Wallet::load()
        .descriptor(KeychainKind::External, Some(receive))
        .descriptor(KeychainKind::Internal, Some(change))
        .lookahead(LOOKAHEAD)
        .check_network(keys.network())
        .load_wallet_no_persist(changes)
        .map_err(|e| OpenError::Corrupt(e.to_string()))?;
    loaded.ok_or_else(|| OpenError::Corrupt("there is nothing in it".into()))
}

fn block_id(position: &Position) -> BlockId {
    BlockId { height: position.height, hash: position.hash }
}
