//! LDK's generic parts, put together once.

use std::rc::Rc;
use std::sync::Arc;

use lightning::chain::{chainmonitor, channelmonitor};
use lightning::events::bump_transaction::sync::BumpTransactionEventHandlerSync;
use lightning::ln::msgs::RoutingMessageHandler;
use lightning::ln::{channelmanager, peer_handler};
use lightning::sign::InMemorySigner;
use lightning::util::sweep::OutputSweeperSync;
use lightning::util::wallet_utils::WalletSync;

use crate::fees::Fees;
use crate::journal::{Journal, SweeperStore};
use crate::log::Log;
use crate::messages::Messages;
use crate::offers::{OnionMessages, Ways};
use crate::onchain::OnchainWallet;
use crate::peers::Socket;
use crate::routing::FlowRouter;
use crate::signer::Signer;
use crate::watch::Watch;

pub type Monitor = channelmonitor::ChannelMonitor<InMemorySigner>;
pub type ChainMonitor = chainmonitor::ChainMonitor<
    InMemorySigner,
    Arc<Watch>,
    Arc<Journal>,
    Arc<Fees>,
    Arc<Log>,
    Arc<Journal>,
    Arc<Signer>,
>;
pub type ChannelManager = channelmanager::ChannelManager<
    Rc<ChainMonitor>,
    Arc<Journal>,
    Arc<Signer>,
    Arc<Signer>,
    Arc<Signer>,
    Arc<Fees>,
    Rc<FlowRouter>,
    Ways,
    Arc<Log>,
>;

pub type PeerManager = peer_handler::PeerManager<
    Socket,
    Rc<ChannelManager>,
    Rc<dyn RoutingMessageHandler>,
    OnionMessages,
    Arc<Log>,
    Rc<Messages>,
    Arc<Signer>,
    Rc<ChainMonitor>,
>;
pub type Sweeper = OutputSweeperSync<
    Arc<Journal>,
    Arc<OnchainWallet>,
    Arc<Fees>,
    Arc<Watch>,
    Arc<SweeperStore>,
    Arc<Log>,
    Arc<Signer>,
>;
pub type Bumper = BumpTransactionEventHandlerSync<
    Arc<Journal>,
    Rc<WalletSync<Arc<OnchainWallet>, Arc<Log>>>,
    Arc<Signer>,
    Arc<Log>,
>;
