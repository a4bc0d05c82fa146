//! On-chain money: addresses, deposits, sends, and what closed channels pay.

mod broadcasts;
mod deposits;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::page::{Direction, EventKind, Payment, PaymentKind, PaymentStatus};
use amplet_protocol::{Msat, PaymentId};
use bitcoin::secp256k1::PublicKey;
use bitcoin::{Address, Block, FeeRate, Transaction, Txid};
use lightning::events::ReplayEvent;
use lightning::ln::types::ChannelId;
use lightning::sign::SpendableOutputDescriptor;

use crate::base::Base;
use crate::ldk::bdk::{Confirmed, OnchainError, OnchainWallet, SignedSend, payment_id};
use crate::ledger::record::Key;
use crate::ledger::{Ledger, Outcome};
use crate::notify::Notify;

pub(crate) use deposits::follow_deposits;

/// On-chain money.
pub struct Onchain {
    base: Rc<Base>,
    ledger: Rc<Ledger>,
    /// Monotonic time at which a receiving address was last handed out.
    address_asked_at: Cell<Option<Duration>>,
    /// Notified when a receiving address is handed out.
    deposits_awaited: Notify,
    /// Transactions that all sources refuse.
    refusals: RefCell<HashMap<Txid, broadcasts::Refusal>>,
}

impl Onchain {
    pub(crate) fn new(base: Rc<Base>, ledger: Rc<Ledger>) -> Self {
        Self {
            base,
            ledger,
            address_asked_at: Cell::default(),
            deposits_awaited: Notify::default(),
            refusals: RefCell::default(),
        }
    }

    /// Reads an address of `network`.
    ///
    /// # Errors
    /// [`OnchainError::NotAnAddress`], [`OnchainError::WrongNetwork`].
    pub fn parse_address(text: &str, network: bitcoin::Network) -> Result<Address, OnchainError> {
        OnchainWallet::parse_address(text, network)
    }

    /// Turns a rate in sat per 1000 vB into BDK's.
    ///
    /// # Errors
    /// [`OnchainError::FeeRate`].
    pub fn parse_fee_rate(sat_per_kvb: u64) -> Result<FeeRate, OnchainError> {
        OnchainWallet::parse_fee_rate(sat_per_kvb)
    }

    /// Confirmed balance, and unconfirmed one, in sat.
    pub fn balance(&self) -> (u64, u64) {
        self.base.ldk.wallet.balance()
    }

    /// Confirmed balance that no channel being opened holds, in sat.
    pub fn free_sat(&self) -> u64 {
        self.base.ldk.wallet.free_sat()
    }

    /// Reserve for the present channels and `more` of them, in sat.
    pub fn reserve_sat(&self, more: u64) -> u64 {
        self.base.ldk.anchor_reserve_sat(more)
    }

    /// A receiving address not handed out before; durable before it is returned.
    pub async fn new_address(&self) -> Address {
        let address = self.base.ldk.wallet.new_address();
        self.address_asked_at.set(Some(self.base.platform.monotonic()));
        self.deposits_awaited.notify();
        self.base.flushed().await;
        address
    }

    /// Builds and signs a payment; nothing is sent yet. `amount_sat`: `None` sends all but the reserve, the fee deducted.
    ///
    /// # Errors
    /// [`OnchainError`].
    pub fn build(
        &self,
        address: &Address,
        amount_sat: Option<u64>,
        rate: Option<FeeRate>,
    ) -> Result<SignedSend, OnchainError> {
        let rate = rate.unwrap_or_else(|| self.fee_rate(6));
        self.base.ldk.wallet.build(address.script_pubkey(), amount_sat, rate, self.reserve_sat(0))
    }

    /// Fee rate to confirm within `blocks`.
    pub fn fee_rate(&self, blocks: u16) -> FeeRate {
        self.base.ldk.fees.within(blocks)
    }

    /// Spends the coins of a signed payment, which is not broadcast yet.
    pub(crate) fn submit(&self, signed: &SignedSend) {
        self.base.ldk.wallet.sent(&signed.tx, self.base.now());
    }

    /// A closed channel left outputs that need our signature to come home. What pays to the on-chain wallet directly is there
    /// already.
    pub(crate) fn spendable(
        &self,
        outputs: Vec<SpendableOutputDescriptor>,
        channel: Option<ChannelId>,
        peer: Option<PublicKey>,
    ) -> Result<(), ReplayEvent> {
        self.base.ldk.sweeper.track_spendable_outputs(outputs, channel, peer, true, None).map_err(|()| {
            log::error!("the outputs of {channel:?} could not be tracked; tried again");
            ReplayEvent()
        })
    }

    /// A block was connected: records what it confirmed.
    pub(crate) fn block_connected(&self, block: &Block, height: u32) {
        self.end_confirmed();
        log::debug!("block {height} ({}) connected", block.block_hash());
    }

    /// Records what blocks confirmed, in the step in which the on-chain wallet has read them: those of a catch-up in the first one.
    pub(crate) fn end_confirmed(&self) {
        for confirmed in self.base.ldk.wallet.take_confirmed() {
            self.confirmed(&confirmed);
        }
    }

    fn confirmed(&self, confirmed: &Confirmed) {
        let id = payment_id(confirmed.tx.compute_txid());
        let keys = [Key::outbound(id), Key::inbound(id)];
        let pending = keys.into_iter().find_map(|key| self.ledger.pending(key));
        let ended = keys.into_iter().find(|key| self.ledger.has_ended(*key));
        match (pending, ended) {
            (Some(payment), _) => Confirmation::of(&self.base, &self.ledger).record(payment, confirmed.time),
            // Confirmed in a block that a reorganisation replaced, or given up too early.
            (None, Some(key)) => {
                let again = Confirmation::of(&self.base, &self.ledger).again(key, confirmed.time);
                self.base.platform.spawn(Box::pin(again));
            }
            (None, None) => {
                Confirmation::of(&self.base, &self.ledger)
                    .record(self.unknown(confirmed, id), confirmed.time);
            }
        }
    }

    /// A transaction that this installation did not make: a deposit, a channel's close, or another installation's payment.
    fn unknown(&self, confirmed: &Confirmed, id: PaymentId) -> Payment {
        let inbound = confirmed.received_sat >= confirmed.sent_sat;
        let amount_sat = confirmed.received_sat.abs_diff(confirmed.sent_sat);
        let from_channel = self.is_from_channel(&confirmed.tx);
        let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
        let kind = if from_channel { PaymentKind::ChannelClose } else { PaymentKind::Onchain };
        Payment {
            amount_msat: Msat::from_sat(amount_sat).ok(),
            fee_msat: inbound.then_some(Msat::ZERO),
            ..Payment::onchain(id, direction, kind, confirmed.time)
        }
    }

    /// Returns whether a transaction spends the funding or a commitment of one of our channels.
    fn is_from_channel(&self, tx: &Transaction) -> bool {
        let monitors = &self.base.ldk.monitors;
        let spends = |channel| {
            monitors.get_monitor(channel).is_ok_and(|monitor| {
                let funding = monitor.get_funding_txo().into_bitcoin_outpoint();
                let watched = monitor.get_outputs_to_watch();
                let of_channel = |outpoint: &bitcoin::OutPoint| {
                    *outpoint == funding || watched.iter().any(|(txid, _)| *txid == outpoint.txid)
                };
                tx.input.iter().any(|input| of_channel(&input.previous_output))
            })
        };
        monitors.list_monitors().into_iter().any(spends)
    }
}

/// Records confirmations, also after a look into the store.
struct Confirmation {
    base: Rc<Base>,
    ledger: Rc<Ledger>,
}

impl Confirmation {
    fn of(base: &Rc<Base>, ledger: &Rc<Ledger>) -> Self {
        Self { base: Rc::clone(base), ledger: Rc::clone(ledger) }
    }

    fn record(&self, mut payment: Payment, time: u64) {
        payment.settled_at = Some(time);
        let payment = self.ledger.close_record(payment, Outcome::Succeeded);
        if payment.direction == Direction::Inbound {
            self.ledger.raise(EventKind::DepositConfirmed { payment: Box::new(payment) });
        }
        self.base.notify.notify();
    }

    async fn again(self, key: Key, time: u64) {
        match self.ledger.get(key).await {
            Ok(Some(payment)) if payment.status != PaymentStatus::Succeeded => self.record(payment, time),
            Ok(_) => {}
            Err(error) => log::error!("the history of {key}: {error}"),
        }
    }
}
