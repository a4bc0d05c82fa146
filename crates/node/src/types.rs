//! LDK's generic parts, put together once.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bitcoin::constants::ChainHash;
use lightning::chain::{chainmonitor, channelmonitor};
use lightning::events::bump_transaction::sync::BumpTransactionEventHandlerSync;
use lightning::ln::peer_handler::IgnoringMessageHandler;
use lightning::ln::{channelmanager, peer_handler};
use lightning::onion_message::messenger::NullMessageRouter;
use lightning::routing::gossip;
use lightning::routing::router::DefaultRouter;
use lightning::routing::scoring::{ProbabilisticScorer, ProbabilisticScoringFeeParameters};
use lightning::routing::utxo::{UtxoLookup, UtxoResult};
use lightning::sign::InMemorySigner;
use lightning::util::sweep::OutputSweeperSync;
use lightning::util::wakers::Notifier;
use lightning::util::wallet_utils::WalletSync;

use crate::fees::Fees;
use crate::journal::{Journal, SweeperStore};
use crate::log::Log;
use crate::messages::Messages;
use crate::onchain::Onchain;
use crate::peers::Socket;
use crate::routing::NotingRouter;
use crate::signer::Signer;
use crate::watch::Watch;

pub type Graph = gossip::NetworkGraph<Arc<Log>>;
pub type Scorer = ProbabilisticScorer<Rc<Graph>, Arc<Log>>;
pub type LdkRouter = DefaultRouter<
    Rc<Graph>,
    Arc<Log>,
    Arc<Signer>,
    Rc<RefCell<Scorer>>,
    ProbabilisticScoringFeeParameters,
    Scorer,
>;
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
    Rc<NotingRouter>,
    Rc<NullMessageRouter>,
    Arc<Log>,
>;
pub type GossipSync = gossip::P2PGossipSync<Rc<Graph>, NoUtxoLookup, Arc<Log>>;

/// Announced channels are not looked up in the chain: a light client has no index. No value of this type exists.
pub enum NoUtxoLookup {}

impl UtxoLookup for NoUtxoLookup {
    fn get_utxo(&self, _: &ChainHash, _: u64, _: Arc<Notifier>) -> UtxoResult {
        match *self {}
    }
}

pub type PeerManager = peer_handler::PeerManager<
    Socket,
    Rc<ChannelManager>,
    Rc<GossipSync>,
    IgnoringMessageHandler,
    Arc<Log>,
    Rc<Messages>,
    Arc<Signer>,
    Rc<ChainMonitor>,
>;
pub type Sweeper = OutputSweeperSync<
    Arc<Journal>,
    Arc<Onchain>,
    Arc<Fees>,
    Arc<Watch>,
    Arc<SweeperStore>,
    Arc<Log>,
    Arc<Signer>,
>;
pub type Bumper = BumpTransactionEventHandlerSync<
    Arc<Journal>,
    Rc<WalletSync<Arc<Onchain>, Arc<Log>>>,
    Arc<Signer>,
    Arc<Log>,
>;
