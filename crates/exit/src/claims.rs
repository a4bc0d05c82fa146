//! What LDK would broadcast of a kit's channels now: claims of what closed ones left, and, asked for, commitments of open ones.

use amplet_node::is_commitment;
use amplet_node::lightning::events::bump_transaction::BumpTransactionEvent;
use amplet_node::lightning::events::bump_transaction::sync::BumpTransactionEventHandlerSync;
use amplet_node::lightning::events::{Event, ReplayEvent};
use amplet_node::lightning::sign::KeysManager;
use amplet_node::lightning::util::wallet_utils::{Utxo, WalletSourceSync, WalletSync};
use bitcoin::{OutPoint, Psbt, ScriptBuf, Sequence, Transaction, TxOut};

use crate::ExitError;
use crate::coins::{Coin, Owner, SeedKeys};
use crate::follow::Outbox;
use crate::kit::{Age, Kit};
use crate::server::Client;
use crate::spend::witness;

/// Coins of the savings, at most, that may pay for claims; the largest.
const MAX_COINS: usize = 5;
/// Weight of an input's script and witness: the length of nothing, and a signature with its public key (BIP 143).
const SATISFACTION_WEIGHT: u64 = 4 + 109;

/// Claims, to be broadcast.
#[derive(Default)]
pub struct Claims {
    /// Packages: a parent and the child that pays for it, or one transaction.
    pub packages: Vec<Vec<Transaction>>,
    /// The savings pay for some of them, or should: they are not to be moved before.
    pub use_savings: bool,
}

impl Kit {
    /// Claims of what is ours by now; with `force_close` also the newest commitments that the file has of open channels. Notes the outputs
    /// whose delay is over. `coins`: the savings.
    ///
    /// # Errors
    /// [`ExitError::OldKit`]: a peer has proved that the commitments are revoked.
    pub async fn claims(
        &mut self,
        client: &Client,
        outbox: &Outbox,
        (keys, coins): (&SeedKeys, &[Coin]),
        force_close: bool,
    ) -> Result<Claims, ExitError> {
        if force_close {
            if self.age == Age::Old {
                return Err(ExitError::OldKit);
            }
            for channel in self.open() {
                channel.monitor.broadcast_latest_holder_commitment_txn(outbox, outbox, outbox);
            }
        }
        let bumps = self.events(outbox);
        // An HTLC that has expired has LDK close its channel by itself, whatever the state's age.
        let is_wanted = |bump: &BumpTransactionEvent| {
            force_close || matches!(bump, BumpTransactionEvent::HTLCResolution { .. })
        };
        let bumps: Vec<BumpTransactionEvent> = bumps.into_iter().filter(is_wanted).collect();
        if !bumps.is_empty() {
            let savings = Savings::new(client, keys, coins).await?;
            bump(&bumps, outbox, savings, &keys.lightning(self.keys.installation())?);
        }
        let mut packages = outbox.take();
        packages.retain(|package| force_close || !package.iter().any(is_commitment));
        let use_savings = !bumps.is_empty() || self.is_closing() || self.has_htlcs_to_pay_for();
        Ok(Claims { packages, use_savings })
    }

    /// What the monitors ask for now. Outputs that are ours are noted.
    fn events(&mut self, outbox: &Outbox) -> Vec<BumpTransactionEvent> {
        let events = std::cell::RefCell::new(Vec::new());
        let note = |event: Event| {
            events.borrow_mut().push(event);
            Ok::<(), ReplayEvent>(())
        };
        for channel in &self.channels {
            channel.monitor.rebroadcast_pending_claims(outbox, outbox, outbox);
            // What is noted never fails.
            let _ = channel.monitor.process_pending_events(&&note, outbox);
        }
        let mut bumps = Vec::new();
        for event in events.into_inner() {
            match event {
                Event::SpendableOutputs { outputs, .. } => self.outputs.extend(outputs),
                Event::BumpTransaction(bump) => bumps.push(bump),
                _ => {}
            }
        }
        bumps
    }
}

/// Has LDK build what pays for commitments and HTLCs from the savings.
fn bump(bumps: &[BumpTransactionEvent], outbox: &Outbox, savings: Savings<'_>, signer: &KeysManager) {
    let wallet = WalletSync::new(&savings, outbox);
    let bumper = BumpTransactionEventHandlerSync::new(outbox, &wallet, signer, outbox);
    for bump in bumps {
        bumper.handle_event(bump);
        let BumpTransactionEvent::ChannelClose { commitment_tx, .. } = bump else { continue };
        // No coin can pay for it. It may confirm by its own fee.
        outbox.broadcast_alone(commitment_tx);
    }
}

/// Coins of the savings, as LDK spends them for fees.
struct Savings<'a> {
    keys: &'a SeedKeys,
    coins: Vec<(&'a Coin, Transaction)>,
    change: ScriptBuf,
}

impl<'a> Savings<'a> {
    async fn new(client: &Client, keys: &'a SeedKeys, coins: &'a [Coin]) -> Result<Self, ExitError> {
        let is_ours = |coin: &&Coin| coin.confirmed && matches!(coin.owner, Owner::Savings { .. });
        let mut largest: Vec<&Coin> = coins.iter().filter(is_ours).collect();
        largest.sort_unstable_by_key(|coin| std::cmp::Reverse(coin.output.value));
        let mut coins = Vec::new();
        for coin in largest.into_iter().take(MAX_COINS) {
            coins.push((coin, client.transaction_of(coin.outpoint).await?));
        }
        Ok(Self { keys, coins, change: keys.savings(86, 1, 0)?.0 })
    }

    fn coin(&self, outpoint: &OutPoint) -> Option<&(&'a Coin, Transaction)> {
        self.coins.iter().find(|(coin, _)| coin.outpoint == *outpoint)
    }
}

impl WalletSourceSync for Savings<'_> {
    fn list_confirmed_utxos(&self) -> Result<Vec<Utxo>, ()> {
        let utxos = self.coins.iter().map(|(coin, _)| Utxo {
            outpoint: coin.outpoint,
            output: coin.output.clone(),
            satisfaction_weight: SATISFACTION_WEIGHT,
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        });
        Ok(utxos.collect())
    }

    fn get_prevtx(&self, outpoint: OutPoint) -> Result<Transaction, ()> {
        self.coin(&outpoint).map(|(_, tx)| tx.clone()).ok_or(())
    }

    fn get_change_script(&self) -> Result<ScriptBuf, ()> {
        Ok(self.change.clone())
    }

    fn sign_psbt(&self, psbt: Psbt) -> Result<Transaction, ()> {
        let inputs = psbt.inputs.iter().zip(&psbt.unsigned_tx.input);
        let outputs = inputs.map(|(input, txin)| {
            let ours = self.coin(&txin.previous_output).map(|(coin, _)| coin.output.clone());
            ours.or_else(|| input.witness_utxo.clone()).ok_or(())
        });
        let outputs: Vec<TxOut> = outputs.collect::<Result<_, ()>>()?;
        let outputs: Vec<&TxOut> = outputs.iter().collect();
        let mut tx = psbt.unsigned_tx.clone();
        for (at, txin) in tx.input.iter_mut().enumerate() {
            // The others are LDK's to sign.
            let Some((coin, _)) = self.coin(&txin.previous_output) else { continue };
            txin.witness = witness(self.keys, coin, &psbt.unsigned_tx, at, &outputs).ok_or(())?;
        }
        Ok(tx)
    }
}
