//! Adapters: they implement the traits that LDK and BDK ask for. They act only when they are called.

pub(crate) mod absence;
pub(crate) mod backup;
pub(crate) mod bdk;
pub(crate) mod closing;
pub(crate) mod commitment;
mod difference;
mod error;
mod fee_limit;
pub(crate) mod fees;
pub(crate) mod intercept;
pub(crate) mod justice;
pub mod keys;
pub(crate) mod listen;
pub(crate) mod log;
pub mod lost;
pub(crate) mod manager;
pub(crate) mod messages;
pub(crate) mod monitors;
pub(crate) mod old_copy;
pub(crate) mod onion;
mod overtaken;
mod reserve;
pub(crate) mod routing;
pub(crate) mod signer;
pub(crate) mod socket;
pub(crate) mod spendable;
pub(crate) mod spends;
pub(crate) mod staged;
pub(crate) mod taken_back;
pub(crate) mod types;
pub(crate) mod unheard;
pub(crate) mod unsaved;
pub(crate) mod watch;

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use amplet_protocol::PaymentId;
use bitcoin::secp256k1::PublicKey;
use bitcoin::{OutPoint, Txid};
use lightning::chain::chainmonitor::LockedChannelMonitor;
use lightning::chain::channelmonitor::Balance;
use lightning::events::bump_transaction::BumpTransactionEvent;
use lightning::ln::channelmanager::RecentPaymentDetails;
use lightning::sign::{InMemorySigner, NodeSigner, Recipient};

use crate::config::Gossip;
use bdk::{DirectClaims, OnchainWallet};
use fees::Fees;
use intercept::Intercept;
use listen::{MonitorsAdapter, UntoldBlock};
use log::Log;
use lost::{Found, LostChannels};
use messages::CustomMessages;
use onion::OnionMessages;
use routing::FlowRouter;
use signer::Signer;
use spends::FundingSpends;
use staged::StagedWrites;
use taken_back::TakenBackHtlcs;
use types::{Bumper, ChainMonitor, ChannelManager, Monitor, PeerManager, Sweeper};
use watch::Watch;

pub(crate) use error::ReadError;
pub(crate) use fee_limit::HTLC_WEIGHT;

/// LDK's parts, and the adapters that services use beside them.
pub(crate) struct Ldk {
    pub manager: Rc<ChannelManager>,
    pub intercept: Rc<Intercept>,
    pub monitors: Rc<ChainMonitor>,
    pub peers: Rc<PeerManager>,
    pub router: Rc<FlowRouter>,
    /// A gateway's.
    pub gossip: Option<Rc<dyn Gossip>>,
    pub sweeper: Sweeper,
    pub bumper: Bumper,
    pub signer: Arc<Signer>,
    pub messages: Rc<CustomMessages>,
    pub onions: OnionMessages,
    pub log: Arc<Log>,
    pub wallet: Arc<OnchainWallet>,
    pub fees: Arc<Fees>,
    pub watch: Arc<Watch>,
    pub taken_back: TakenBackHtlcs,
    pub spends: FundingSpends,
    pub lost: Arc<LostChannels>,
    /// The last block, as long as the monitors do not know of it.
    pub untold: UntoldBlock,
    /// Blocks are held back from LDK's parts (`runtime::held_back`): heights that LDK compares with are too low.
    pub behind: Cell<bool>,
}

impl Ldk {
    /// The monitors as a listener for blocks.
    pub fn monitors_listener(&self) -> MonitorsAdapter<'_> {
        MonitorsAdapter { monitors: &self.monitors, untold: &self.untold }
    }

    /// The node id.
    pub fn node_id(&self) -> PublicKey {
        // LDK's key manager always has this key.
        self.signer.get_node_id(Recipient::Node).unwrap_or_else(|()| self.manager.get_our_node_id())
    }

    /// Returns whether a channel's funding is on the chain, or ours and may come there. Of an opening that its funder forgot, and of one
    /// whose coins another transaction has spent for good, there is a monitor, but nothing that could be spent or paid for.
    pub fn is_funded(&self, monitor: &Monitor) -> bool {
        let funding = monitor.get_funding_txo().txid;
        // LDK has the funding transaction among these from its confirmation on.
        let is_confirmed = monitor.get_relevant_txids().iter().any(|(txid, ..)| *txid == funding);
        is_confirmed || (self.wallet.knows(funding) && !self.wallet.is_dead(funding))
    }

    /// Returns whether a closing transaction that both sides have signed spends a channel's funding. LDK keeps no note of one: read
    /// before it is in a block, LDK takes the channel for one that it has lost, and wants to close it by force.
    pub fn is_closed_together(&self, monitor: &Monitor) -> bool {
        self.wallet.is_closed_together(monitor.get_funding_txo().into_bitcoin_outpoint())
    }

    /// Claims of what this channel's commitment left that the savings have already, and the monitor still counts.
    pub fn direct_claims(&self, monitor: &Monitor) -> DirectClaims {
        let funding = monitor.get_funding_txo().txid;
        // Beside the funding a monitor watches what it has seen in blocks.
        let watched = monitor.get_outputs_to_watch().into_iter().map(|(txid, _)| txid);
        self.wallet.direct_claims(&watched.filter(|txid| *txid != funding).collect())
    }

    /// The monitors of all channels, one after the other.
    pub fn all_monitors(&self) -> impl Iterator<Item = LockedChannelMonitor<'_, InMemorySigner>> {
        self.monitors.list_monitors().into_iter().filter_map(|id| self.monitors.get_monitor(id).ok())
    }

    /// Outputs of lost installations' channels that nobody has spent and the sweeper does not have yet. A channel that this node has a
    /// monitor of is not lost: LDK brings its money home.
    pub fn lost_outputs(&self) -> Vec<Found> {
        let mut found = self.lost.found();
        found.retain(|it| it.spent_at.is_none() && !it.swept);
        if !found.is_empty() {
            let own = self.all_monitors().map(|monitor| monitor.get_funding_txo().into_bitcoin_outpoint());
            let own: HashSet<OutPoint> = own.collect();
            found.retain(|it| !own.contains(&it.funding));
        }
        found
    }

    /// The same, in sat.
    pub fn lost_sat(&self) -> u64 {
        self.lost_outputs().iter().map(|found| found.sat).fold(0, u64::saturating_add)
    }

    /// Stages all monitors whole: LDK itself writes one only when a new block asks for it.
    pub fn stage_monitors(&self, staged: &StagedWrites) {
        self.all_monitors().for_each(|monitor| staged.put_monitor(&monitor));
    }

    /// Fundings that are not ([`is_funded`](Self::is_funded)).
    pub fn missing_fundings(&self) -> HashSet<Txid> {
        let missing = self.all_monitors().filter(|monitor| !self.is_funded(monitor));
        missing.map(|monitor| monitor.get_funding_txo().txid).collect()
    }

    /// A bump that spends no more of the savings than the channel is worth.
    pub fn limited_bump(&self, event: BumpTransactionEvent) -> BumpTransactionEvent {
        let BumpTransactionEvent::ChannelClose { channel_id, .. } = &event else {
            return fee_limit::limited_bump(event, 0);
        };
        let monitor = self.monitors.get_monitor(*channel_id);
        let balances = monitor.map(|monitor| monitor.get_claimable_balances()).unwrap_or_default();
        let at_stake = balances.iter().map(Balance::claimable_amount_satoshis);
        let at_stake_sat = at_stake.fold(0, u64::saturating_add);
        fee_limit::limited_bump(event, at_stake_sat)
    }

    /// Ids of the outbound payments that LDK knows, or has not forgotten yet.
    pub fn payment_ids(&self) -> BTreeSet<PaymentId> {
        use RecentPaymentDetails::*;
        let ids = self.manager.list_recent_payments().into_iter().map(|payment| match payment {
            AwaitingInvoice { payment_id }
            | Pending { payment_id, .. }
            | Abandoned { payment_id, .. }
            | Fulfilled { payment_id, .. } => PaymentId(payment_id.0),
        });
        ids.collect()
    }

    /// Returns whether an HTLC to us of this hash is in a channel, whatever becomes of it.
    pub fn has_inbound_htlc(&self, hash: [u8; 32]) -> bool {
        let channels = self.manager.list_channels();
        channels
            .iter()
            .flat_map(|channel| &channel.pending_inbound_htlcs)
            .any(|htlc| htlc.payment_hash.0 == hash)
    }

    /// Returns whether LDK knows an outbound payment of this id or hash, or has not forgotten it yet.
    pub fn knows_payment(&self, id: [u8; 32]) -> bool {
        use RecentPaymentDetails::*;
        self.manager.list_recent_payments().iter().any(|payment| match payment {
            AwaitingInvoice { payment_id } => payment_id.0 == id,
            Pending { payment_id, payment_hash, .. } | Abandoned { payment_id, payment_hash, .. } => {
                payment_id.0 == id || payment_hash.0 == id
            }
            Fulfilled { payment_id, payment_hash, .. } => {
                payment_id.0 == id || payment_hash.is_some_and(|hash| hash.0 == id)
            }
        })
    }
}
