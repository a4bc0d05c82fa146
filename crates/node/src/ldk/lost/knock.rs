//! A connection to a peer as a lost installation of the same recovery phrase: to hear which channels the peer has with it, and to
//! say that their state is lost, so that the peer closes them.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_transport::{CloseCode, ConnectError, Duplex, PeerAddress, Platform};
use bitcoin::secp256k1::PublicKey;
use futures::future::{Either, select};
use futures::pin_mut;
use lightning::ln::msgs::{BaseMessageHandler, ChannelMessageHandler, OnionMessageHandler};
use lightning::ln::msgs::{RoutingMessageHandler, SendOnlyMessageHandler};
use lightning::ln::peer_handler::{IgnoringMessageHandler, MessageHandler};
use lightning::ln::types::ChannelId;
use lightning::sign::{EntropySource, NodeSigner, Recipient};

use super::former::Former;
use crate::ldk::Ldk;
use crate::ldk::keys::split;
use crate::ldk::messages::CustomMessages;
use crate::ldk::signer::Signer;
use crate::ldk::socket::{Dialer, drive};
use crate::ldk::types::PeerManager;
use crate::notify::Notify;

/// Maximum duration of BOLT 8's handshake and init.
const INIT_LIMIT: Duration = Duration::from_secs(15);

/// Time between the peer's word on its channels and ours. A living installation, whose connection to the peer ended for this one,
/// is back within 5 s (`amplet_transport::Backoff::QUICK`), and then ours ends for it.
const HOLD: Duration = Duration::from_secs(20);

/// Time in which what was said leaves, and the peer responds.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// Interval of looks at what has come.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A peer to connect to, as a lost installation.
#[derive(Clone, Debug)]
pub(crate) struct Knock {
    /// Number of the installation.
    pub number: u32,
    /// The peer's key, that of `address`.
    pub peer: PublicKey,
    /// Where it listens.
    pub address: PeerAddress,
    /// Time after init in which its channels are waited for.
    pub patience: Duration,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer was told that the state of these channels is lost.
    Told,
    /// It has no channel with the installation.
    Silent,
    /// It hung up before it was told: it may be connected to the installation itself.
    HungUp,
    /// It has the feature bit of gateways, and was told nothing here.
    Gateway,
    /// It may not be told any more.
    Unwanted,
}

/// What was heard on a connection.
#[derive(Debug)]
pub(crate) struct Heard {
    /// How it ended.
    pub end: End,
    /// Channels that the peer has with the installation.
    pub channels: Vec<ChannelId>,
    /// What the installation has left with the peer (BOLT 1, `peer_storage_retrieval`).
    pub stored: Option<Vec<u8>>,
}

impl Ldk {
    /// Connects to a peer as a lost installation, and says that the state of its channels is lost if `may_tell` still allows it then.
    ///
    /// # Errors
    /// The peer cannot be reached, or does not answer.
    pub(crate) async fn knock(
        &self,
        platform: &Rc<dyn Platform>,
        knock: &Knock,
        may_tell: impl Fn() -> bool,
    ) -> Result<Heard, ConnectError> {
        let unreachable =
            || ConnectError::Timeout { endpoint: knock.address.endpoint.clone(), after: INIT_LIMIT };
        // The wallet looks for no number that is out of range.
        let signer =
            self.signer.of_installation(knock.number, split(platform.now())).ok_or_else(unreachable)?;
        let node = signer.get_node_id(Recipient::Node).map_err(|()| unreachable())?;
        let chains = self.manager.get_chain_hashes();
        let features = self.manager.provided_init_features(knock.peer);
        let former = Rc::new(Former::new(node, knock.peer, chains, features));
        let peers = peer_manager(platform, &former, Arc::clone(&self.log), Arc::new(signer));
        let duplex = Dialled(platform.connect(knock.address.clone()).await?);
        let notify = Notify::default();
        let hung_up = {
            let driven = drive(&peers, Rc::clone(&duplex.0), Dialer::Us(knock.peer), &notify);
            let served = async {
                loop {
                    notify.notified().await;
                    peers.process_events();
                }
            };
            let talk = talk(platform, &former, knock.patience, || {
                if may_tell() {
                    former.speak();
                    notify.notify();
                }
            });
            pin_mut!(driven, served, talk);
            matches!(select(driven, select(talk, served)).await, Either::Left(_))
        };
        drop(duplex);
        let end = match () {
            () if former.has_spoken() => End::Told,
            () if former.is_gateway.get() => End::Gateway,
            () if hung_up => End::HungUp,
            () if !former.is_met.get() => return Err(unreachable()),
            () if former.channels().is_empty() => End::Silent,
            () => End::Unwanted,
        };
        let channels = former.channels().into_iter().collect();
        Ok(Heard { end, channels, stored: former.stored.take() })
    }
}

/// A connection that ends with whoever has it, also when the node closes in the middle.
struct Dialled(Rc<dyn Duplex>);

impl Drop for Dialled {
    fn drop(&mut self) {
        self.0.close(CloseCode::Normal);
    }
}

/// What is said on the connection, and when.
async fn talk(platform: &Rc<dyn Platform>, former: &Former, patience: Duration, tell: impl Fn()) {
    if !until(platform, INIT_LIMIT, || former.is_met.get()).await
        || !until(platform, patience, || !former.channels().is_empty()).await
    {
        return;
    }
    platform.sleep(HOLD).await;
    tell();
    platform.sleep(AFTERWARDS).await;
}

/// Waits until something is so; returns `false` when it was not within the limit.
async fn until(platform: &Rc<dyn Platform>, limit: Duration, is_so: impl Fn() -> bool) -> bool {
    let end = platform.monotonic().saturating_add(limit);
    while !is_so() {
        if platform.monotonic() >= end {
            return false;
        }
        platform.sleep(LOOK_EVERY).await;
    }
    true
}

/// LDK's peer manager for one connection, which has nothing of the node's but its log.
fn peer_manager(
    platform: &Rc<dyn Platform>,
    former: &Rc<Former>,
    log: Arc<crate::ldk::log::Log>,
    signer: Arc<Signer>,
) -> PeerManager {
    let handlers = MessageHandler {
        chan_handler: Rc::clone(former) as Rc<dyn ChannelMessageHandler>,
        route_handler: Rc::new(IgnoringMessageHandler {}) as Rc<dyn RoutingMessageHandler>,
        onion_message_handler: Rc::new(IgnoringMessageHandler {}) as Rc<dyn OnionMessageHandler>,
        custom_message_handler: Rc::new(CustomMessages::new(Notify::default())),
        send_only_message_handler: Rc::new(IgnoringMessageHandler {}) as Rc<dyn SendOnlyMessageHandler>,
    };
    let now = u32::try_from(platform.now().as_secs()).unwrap_or(u32::MAX);
    let random = signer.get_secure_random_bytes();
    PeerManager::new(handlers, now, &random, log, signer)
}
