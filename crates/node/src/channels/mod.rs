//! Lightning channels: opening, accepting, closing and counting them.

mod balance;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::Msat;
use amplet_protocol::page::{Direction, ErrorCode, EventKind, Payment, PaymentKind, WalletError};
use bitcoin::secp256k1::PublicKey;
use bitcoin::{FeeRate, ScriptBuf, Txid};
use futures::channel::oneshot;
use futures::future::{Either, select};
use lightning::events::{ClosureReason, FundingInfo, InboundChannelFunds};
use lightning::ln::channel_state::ChannelDetails;
use lightning::ln::channelmanager::TrustedChannelFeatures;
use lightning::ln::types::ChannelId;
use lightning::util::errors::APIError;

use crate::base::Base;
use crate::config::{Acceptance, InboundChannel};
use crate::ldk::bdk::{OnchainError, payment_id};
use crate::ledger::record::Key;
use crate::ledger::{Ledger, Outcome};

pub use balance::{ChannelBalance, LightningBalance, is_trusted};

/// Maximum duration of a channel's negotiation.
const OPEN_LIMIT: Duration = Duration::from_secs(60);

/// Settings of a channel to open.
#[derive(Clone, Debug)]
pub struct OpenChannel {
    /// Capacity, in sat.
    pub capacity_sat: u64,
    /// Given to the peer at once.
    pub push_msat: Msat,
    /// Announced to the network (between gateways).
    pub announce: bool,
    /// The peer keeps no reserve (a wallet's first channel): the risk is ours alone.
    pub zero_reserve: bool,
    /// For the funding transaction; `None`: to confirm within an hour.
    pub fee_rate: Option<FeeRate>,
}

/// Refusal of a channel operation.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The peer is not connected.
    #[error("the gateway is not connected; wait for the connection, then try again")]
    NotConnected,
    /// No such channel.
    #[error("there is no channel {0}; it may have been closed already")]
    Unknown(String),
    /// The on-chain money does not suffice, or not for such a transaction.
    #[error(transparent)]
    Onchain(#[from] OnchainError),
    /// The peer refused or hung up.
    #[error("the gateway did not open the channel: {0}; try another amount or another gateway")]
    Refused(String),
    /// LDK refused.
    #[error("{}", text(.0))]
    Ldk(APIError),
    /// It took too long.
    #[error("the gateway did not answer in time; nothing was spent, try again later")]
    Timeout,
    /// The node is closing.
    #[error("the wallet is being closed")]
    Closing,
}

fn text(error: &APIError) -> String {
    match error {
        APIError::APIMisuseError { err } | APIError::ChannelUnavailable { err } => err.clone(),
        other => format!("{other:?}"),
    }
}

/// A channel that is being opened, waiting for its funding to be signed by both sides.
struct Opening {
    sender: oneshot::Sender<Result<ChannelId, ChannelError>>,
    fee_rate: FeeRate,
}

/// A funding that LDK asks for.
pub(crate) struct Funding {
    pub temporary_id: ChannelId,
    pub peer: PublicKey,
    pub value_sat: u64,
    pub script: ScriptBuf,
    pub user_id: u128,
}

/// Lightning channels.
pub struct Channels {
    base: Rc<Base>,
    ledger: Rc<Ledger>,
    openings: RefCell<HashMap<u128, Opening>>,
}

impl Channels {
    pub(crate) fn new(base: Rc<Base>, ledger: Rc<Ledger>) -> Self {
        Self { base, ledger, openings: RefCell::default() }
    }

    /// All channels, opening ones included.
    pub fn list(&self) -> Vec<ChannelDetails> {
        self.base.ldk.manager.list_channels()
    }

    /// Balance of all channels.
    pub fn balance(&self) -> LightningBalance {
        balance::of(&self.base.ldk)
    }

    /// Money of one of the [listed](Self::list) channels; nothing before its funding is signed.
    pub fn balance_of(&self, channel: &ChannelDetails) -> ChannelBalance {
        balance::of_channel(&self.base.ldk, channel)
    }

    /// Maximum that can be sent now in one payment to `payee`, less the gateway's fee, unless the payee is the gateway.
    pub fn spendable_to(&self, payee: &PublicKey) -> Msat {
        balance::spendable_to(&self.list(), Some(payee))
    }

    /// Opens a channel; resolves when both sides have signed its funding.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub async fn open(&self, peer: PublicKey, how: &OpenChannel) -> Result<ChannelId, ChannelError> {
        let ldk = &self.base.ldk;
        if !ldk.messages.is_connected(&peer) {
            return Err(ChannelError::NotConnected);
        }
        let fee_rate = how.fee_rate.unwrap_or_else(|| ldk.fees.within(6));
        // Fails early, with the numbers, rather than in the middle of the negotiation.
        ldk.wallet.can_fund(how.capacity_sat, fee_rate, ldk.anchor_reserve_sat(1))?;
        let user_id = self.user_channel_id();
        let (sender, receiver) = oneshot::channel();
        self.openings.borrow_mut().insert(user_id, Opening { sender, fee_rate });
        if let Err(error) = self.create(peer, how, user_id) {
            self.openings.borrow_mut().remove(&user_id);
            return Err(ChannelError::Ldk(error));
        }
        self.base.notify.notify();
        match select(receiver, self.base.platform.sleep(OPEN_LIMIT)).await {
            Either::Left((Ok(result), _)) => result,
            Either::Left((Err(_), _)) => Err(ChannelError::Closing),
            Either::Right(_) => {
                self.openings.borrow_mut().remove(&user_id);
                Err(ChannelError::Timeout)
            }
        }
    }

    fn create(&self, peer: PublicKey, how: &OpenChannel, user_id: u128) -> Result<ChannelId, APIError> {
        let mut config = self.base.config.ldk();
        config.channel_handshake_config.announce_for_forwarding = how.announce;
        config.channel_handshake_config.negotiate_scid_privacy = !how.announce;
        let (manager, config) = (&self.base.ldk.manager, Some(config));
        let (capacity, push) = (how.capacity_sat, how.push_msat.get());
        if how.zero_reserve {
            manager.create_channel_to_trusted_peer_0reserve(peer, capacity, push, user_id, None, config)
        } else {
            manager.create_channel(peer, capacity, push, user_id, None, config)
        }
    }

    /// A fresh id for LDK's "user channel id".
    fn user_channel_id(&self) -> u128 {
        let mut bytes = [0; 16];
        self.base.platform.random(&mut bytes);
        u128::from_le_bytes(bytes)
    }

    /// Closes a channel, with the peer's cooperation or by force.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn close(&self, id: ChannelId, force: bool) -> Result<(), ChannelError> {
        let (manager, mut channels) = (&self.base.ldk.manager, self.list().into_iter());
        let channel = channels.find(|channel| channel.channel_id == id);
        let peer = channel.ok_or_else(|| ChannelError::Unknown(id.to_string()))?.counterparty.node_id;
        let result = if force {
            manager.force_close_broadcasting_latest_txn(&id, &peer, "closed by its owner".to_owned())
        } else if self.base.ldk.messages.is_connected(&peer) {
            manager.close_channel(&id, &peer)
        } else {
            return Err(ChannelError::NotConnected);
        };
        self.base.notify.notify();
        result.map_err(ChannelError::Ldk)
    }

    /// The peer accepted a channel that we open: builds and hands over its funding.
    pub(crate) fn fund(&self, funding: &Funding) {
        if let Err(error) = self.try_fund(funding) {
            let message = "the funding transaction could not be made".to_owned();
            // LDK then drops the channel; closing it cannot fail in any way that matters.
            let _ = self.base.ldk.manager.force_close_broadcasting_latest_txn(
                &funding.temporary_id,
                &funding.peer,
                message,
            );
            self.resolve(funding.user_id, Err(error));
        }
    }

    fn try_fund(&self, funding: &Funding) -> Result<(), ChannelError> {
        let ldk = &self.base.ldk;
        let rate = match self.openings.borrow().get(&funding.user_id) {
            Some(opening) => opening.fee_rate,
            None => ldk.fees.within(6),
        };
        let reserve = ldk.anchor_reserve_sat(1);
        let signed = ldk.wallet.build(funding.script.clone(), Some(funding.value_sat), rate, reserve)?;
        ldk.wallet.hold(&signed.tx);
        let tx = signed.tx.clone();
        let result = ldk.manager.funding_transaction_generated(funding.temporary_id, funding.peer, tx);
        if let Err(error) = result {
            ldk.wallet.release(&signed.tx);
            return Err(ChannelError::Ldk(error));
        }
        let id = payment_id(signed.tx.compute_txid());
        self.ledger.record(Payment {
            amount_msat: Msat::from_sat(funding.value_sat).ok(),
            fee_msat: Msat::from_sat(signed.fee_sat).ok(),
            payee: Some(funding.peer.to_string()),
            ..Payment::onchain(id, Direction::Outbound, PaymentKind::ChannelOpen, self.base.now())
        });
        Ok(())
    }

    /// A peer wants to open a channel to us.
    pub(crate) fn requested(
        &self,
        temporary_id: ChannelId,
        peer: PublicKey,
        capacity_sat: u64,
        funds: &InboundChannelFunds,
        announced: bool,
    ) {
        let push_msat = match funds {
            InboundChannelFunds::PushMsat(msat) => Msat::up_to_max(*msat),
            InboundChannelFunds::DualFunded => Msat::ZERO,
        };
        let manager = &self.base.ldk.manager;
        let channels_with_peer = manager.list_channels_with_counterparty(&peer).len();
        let request = InboundChannel { peer, capacity_sat, push_msat, announced, channels_with_peer };
        let user_id = self.user_channel_id();
        let result = match (self.base.config.accept_channel)(&request) {
            Acceptance::Accept => manager.accept_inbound_channel(&temporary_id, &peer, user_id, None),
            Acceptance::AcceptZeroConf => {
                let features = TrustedChannelFeatures::ZeroConf;
                manager.accept_inbound_channel_from_trusted_peer(
                    &temporary_id,
                    &peer,
                    user_id,
                    features,
                    None,
                )
            }
            Acceptance::Refuse(reason) => {
                log::info!("a channel of {capacity_sat} sat from {peer} was refused: {reason}");
                manager.force_close_broadcasting_latest_txn(&temporary_id, &peer, reason)
            }
        };
        if let Err(error) = result {
            log::warn!("the channel of {capacity_sat} sat from {peer} came to nothing: {error:?}");
        }
    }

    /// Both sides signed the funding.
    pub(crate) fn pending(&self, channel: ChannelId, user_id: u128) {
        self.resolve(user_id, Ok(channel));
        self.ledger.raise(EventKind::ChannelPending { channel_id: shared_id(channel) });
    }

    /// The channel can be used.
    pub(crate) fn ready(&self, channel: ChannelId) {
        self.ledger.raise(EventKind::ChannelReady { channel_id: shared_id(channel) });
    }

    /// The channel is gone, or never came to be.
    pub(crate) fn closed(&self, channel: ChannelId, user_id: u128, reason: &ClosureReason) {
        let reason = reason.to_string();
        log::info!("channel {channel}: {reason}");
        let was_opening = self.openings.borrow().contains_key(&user_id);
        self.resolve(user_id, Err(ChannelError::Refused(reason.clone())));
        if !was_opening {
            self.ledger.raise(EventKind::ChannelClosed { channel_id: shared_id(channel), reason });
        }
    }

    /// A funding transaction will never be used: its coins are free again.
    pub(crate) fn discard(&self, funding: &FundingInfo) {
        let Some(txid) = self.release(funding) else { return };
        let message = "the gateway did not complete the channel; the money stayed in your savings";
        let error = WalletError::new(ErrorCode::ChannelUnavailable, message);
        self.ledger.close(Key::outbound(payment_id(txid)), Outcome::Failed(error), |_| ());
    }

    fn release(&self, funding: &FundingInfo) -> Option<Txid> {
        let wallet = &self.base.ldk.wallet;
        match funding {
            FundingInfo::Tx { transaction } => {
                wallet.release(transaction);
                Some(transaction.compute_txid())
            }
            FundingInfo::OutPoint { outpoint } => {
                wallet.release_funding(outpoint.txid);
                Some(outpoint.txid)
            }
            FundingInfo::Contribution { .. } => None,
        }
    }

    fn resolve(&self, user_id: u128, result: Result<ChannelId, ChannelError>) {
        if let Some(opening) = self.openings.borrow_mut().remove(&user_id) {
            // Whoever waited may have given up.
            let _ = opening.sender.send(result);
        }
    }
}

/// The id as every crate has it.
fn shared_id(channel: ChannelId) -> amplet_protocol::ChannelId {
    amplet_protocol::ChannelId(channel.0)
}
