//! LDK's generic parts, put together once.

use std::rc::Rc;
use std::sync::Arc;

use lightning::chain::{chainmonitor, channelmonitor};
use lightning::events::bump_transaction::sync::BumpTransactionEventHandlerSync;
use lightning::ln::msgs::{
    ChannelMessageHandler, OnionMessageHandler, RoutingMessageHandler, SendOnlyMessageHandler,
};
use lightning::ln::{channelmanager, peer_handler};
use lightning::sign::InMemorySigner;
use lightning::util::sweep::OutputSweeperSync;
use lightning::util::wallet_utils::WalletSync;

use crate::ldk::bdk::OnchainWallet;
use crate::ldk::fees::Fees;
use crate::ldk::log::Log;
use crate::ldk::messages::CustomMessages;
use crate::ldk::onion::MessagePaths;
use crate::ldk::routing::FlowRouter;
use crate::ldk::signer::Signer;
use crate::ldk::socket::Socket;
use crate::ldk::staged::{StagedWrites, SweeperStore};
use crate::ldk::watch::Watch;

pub type Monitor = channelmonitor::ChannelMonitor<InMemorySigner>;
pub type ChainMonitor = chainmonitor::ChainMonitor<
    InMemorySigner,
    Arc<Watch>,
    Arc<StagedWrites>,
    Arc<Fees>,
    Arc<Log>,
    Arc<StagedWrites>,
    Arc<Signer>,
>;
pub type ChannelManager = channelmanager::ChannelManager<
    Rc<ChainMonitor>,
    Arc<StagedWrites>,
    Arc<Signer>,
    Arc<Signer>,
    Arc<Signer>,
    Arc<Fees>,
    Rc<FlowRouter>,
    MessagePaths,
    Arc<Log>,
>;

/// One type for the node's own connections and for those as a lost installation (`lost::knock`): the program has it once.
pub type PeerManager = peer_handler::PeerManager<
    Socket,
    Rc<dyn ChannelMessageHandler>,
    Rc<dyn RoutingMessageHandler>,
    Rc<dyn OnionMessageHandler>,
    Arc<Log>,
    Rc<CustomMessages>,
    Arc<Signer>,
    Rc<dyn SendOnlyMessageHandler>,
>;
pub type Sweeper = OutputSweeperSync<
    Arc<StagedWrites>,
    Arc<OnchainWallet>,
    Arc<Fees>,
    Arc<Watch>,
    Arc<SweeperStore>,
    Arc<Log>,
    Arc<Signer>,
>;
pub type Bumper = BumpTransactionEventHandlerSync<
    Arc<StagedWrites>,
    Rc<WalletSync<Arc<OnchainWallet>, Arc<Log>>>,
    Arc<Signer>,
    Arc<Log>,
>;
