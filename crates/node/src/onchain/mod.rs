//! On-chain money: addresses, deposits, sends, and what closed channels pay.

mod broadcasts;
mod bump;
mod closes;
mod closing;
mod deposits;
mod lost;
mod records;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use bitcoin::hashes::Hash;
use bitcoin::secp256k1::PublicKey;
use bitcoin::{Address, FeeRate, ScriptBuf, Txid, WScriptHash};
use lightning::events::ReplayEvent;
use lightning::ln::types::ChannelId;
use lightning::sign::SpendableOutputDescriptor;

use crate::base::Base;
use crate::ldk::bdk::{OnchainError, OnchainWallet, SignedSend};
use crate::ldk::unsaved::Unsaved;
use crate::ledger::{Ledger, LedgerError};
use crate::notify::Notify;
use closes::Closes;
use records::Replacements;

pub use bump::Bump;
pub(crate) use bump::child_record;
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
    /// Fee bumps of closing channels that could not be paid, by LDK's claim id: the coin each needs, in sat.
    unpaid: RefCell<BTreeMap<[u8; 32], u64>>,
    replacements: Replacements,
    closes: Closes,
}

impl Onchain {
    /// Ends what blocks have decided while the node was closed.
    pub(crate) async fn open(base: Rc<Base>, ledger: Rc<Ledger>) -> Result<Rc<Self>, LedgerError> {
        let replacements = Replacements::load(&*base.store).await?;
        let closes = Closes::load(&*base.store, &ledger, &base.ldk).await?;
        let onchain = Rc::new(Self {
            base,
            ledger,
            address_asked_at: Cell::default(),
            deposits_awaited: Notify::default(),
            refusals: RefCell::default(),
            unpaid: RefCell::default(),
            replacements,
            closes,
        });
        onchain.catch_up();
        Ok(onchain)
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

    /// Reserve for the channels, open and closing, and `more` of them, in sat.
    pub fn reserve_sat(&self, more: u64) -> u64 {
        self.base.ldk.anchor_reserve_sat(more)
    }

    /// A receiving address not handed out before; durable before it is returned.
    ///
    /// # Errors
    /// [`Unsaved`].
    pub async fn new_address(&self) -> Result<Address, Unsaved> {
        self.base.staged.check()?;
        let address = self.base.ldk.wallet.new_address();
        self.address_asked_at.set(Some(self.base.platform.monotonic()));
        self.deposits_awaited.notify();
        self.base.flushed().await?;
        Ok(address)
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

    /// Builds a transaction of the size and the fee of a channel's funding, beside the reserve that it needs then.
    ///
    /// # Errors
    /// [`OnchainError`].
    pub fn build_funding(&self, capacity_sat: u64) -> Result<SignedSend, OnchainError> {
        let wallet = &self.base.ldk.wallet;
        // A P2WSH output, as a funding's (BOLT 3); it is never broadcast.
        let script = ScriptBuf::new_p2wsh(&WScriptHash::all_zeros());
        wallet.build_funding(vec![(script, capacity_sat)], self.fee_rate(6), self.reserve_sat(1))
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
}
