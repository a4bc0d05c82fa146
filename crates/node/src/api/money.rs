//! Channels, on-chain money, and the chain.

use std::rc::Rc;

use bitcoin::secp256k1::PublicKey;
use bitcoin::{Address, BlockHash, FeeRate};
use lightning::ln::channel_state::ChannelDetails;
use lightning::ln::types::ChannelId;

use crate::balance::{self, LightningBalance};
use crate::channels::{OpenChannel, reserve_sat};
use crate::error::{ChannelError, NodeError};
use crate::inner::{Inner, SyncState};
use crate::onchain::{OnchainError, OnchainWallet, SignedSend};
use crate::sync;

/// Lightning channels.
#[derive(Clone)]
pub struct Channels(pub(crate) Rc<Inner>);

impl Channels {
    /// Opens a channel; resolves when both sides have signed its funding.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub async fn open(&self, peer: PublicKey, how: &OpenChannel) -> Result<ChannelId, ChannelError> {
        self.0.open_channel(peer, how).await
    }

    /// Closes a channel, with the peer's cooperation or by force.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn close(&self, id: ChannelId, force: bool) -> Result<(), ChannelError> {
        self.0.close_channel(id, force)
    }

    /// All channels, opening ones included.
    pub fn list(&self) -> Vec<ChannelDetails> {
        self.0.ldk.manager.list_channels()
    }

    /// Balance of all channels.
    pub fn balance(&self) -> LightningBalance {
        balance::of(&self.0)
    }
}

/// On-chain money.
#[derive(Clone)]
pub struct Onchain(pub(crate) Rc<Inner>);

impl Onchain {
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
        self.0.onchain.balance()
    }

    /// Reserve for the present channels and `more` of them, in sat.
    pub fn reserve_sat(&self, more: u64) -> u64 {
        reserve_sat(&self.0, more)
    }

    /// A receiving address not handed out before; durable before it is returned.
    pub async fn new_address(&self) -> Address {
        let address = self.0.onchain.new_address();
        self.0.asked_for_address.set(Some(self.0.platform.monotonic()));
        self.0.deposits.wake();
        self.0.settled().await;
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
        let rate = rate.unwrap_or_else(|| self.0.fees.within(6));
        self.0.onchain.build(address.script_pubkey(), amount_sat, rate, reserve_sat(&self.0, 0))
    }

    /// Fee rate to confirm within `blocks`.
    pub fn fee_rate(&self, blocks: u16) -> FeeRate {
        self.0.fees.within(blocks)
    }
}

/// Following the chain.
#[derive(Clone)]
pub struct ChainSync(pub(crate) Rc<Inner>);

impl ChainSync {
    /// How far the node has read the chain.
    pub fn state(&self) -> SyncState {
        self.0.sync.borrow().clone()
    }

    /// Polls the chain sources and reads new blocks now.
    ///
    /// # Errors
    /// [`NodeError::Chain`].
    pub async fn now(&self) -> Result<(), NodeError> {
        sync::once(&self.0, None).await.map_err(NodeError::Chain)
    }

    /// Best block that every part has read: height and hash.
    pub fn best_block(&self) -> (u32, BlockHash) {
        let best = self.0.ldk.manager.current_best_block();
        (best.height, best.block_hash)
    }
}
