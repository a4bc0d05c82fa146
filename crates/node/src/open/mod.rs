//! Opening a node: from the store to services.

mod assemble;
mod catch_up;
mod kit;
mod missed;
mod unheard;

use std::rc::Rc;
use std::sync::Arc;

use amplet_chain::{Chain, ChainError, Position};
use amplet_storage::{Store, StoreError};
use amplet_transport::Platform;
use lightning::ln::msgs::DecodeError;

use crate::base::{Base, Closing, StepFollower, Subscribers};
use crate::channels::Channels;
use crate::config::{NodeConfig, Role};
use crate::graph::Graph;
use crate::ldk::ReadError;
use crate::ldk::bdk::OpenError;
use crate::ldk::keys::{KeyError, Keys};
use crate::ldk::lost::OpenError as LostError;
use crate::ldk::old_copy::OldCopy;
use crate::ldk::staged::{StagedWrites, names};
use crate::ledger::budgets::Budgets;
use crate::ledger::{Ledger, LedgerError};
use crate::notify::Notify;
use crate::onchain::Onchain;
use crate::payments::Payments;
use crate::payments::attempts::Attempts;
use crate::peers::{Copies, Lost, Peers};
use crate::runtime::{ChainSync, Engine, Services};
#[cfg(feature = "tower")]
use crate::watchtower::Tower;
use crate::watchtower::Towers;
use assemble::{Assembled, Parts};

pub use kit::Kit;

/// A node could not be opened, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The history failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The on-chain wallet failed.
    #[error(transparent)]
    Onchain(#[from] OpenError),
    /// The chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The keys could not be derived.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// LDK cannot read what it wrote.
    #[error(
        "the stored {what} cannot be read ({reason:?}); do not delete this wallet: update, or send the diagnostics to the developers"
    )]
    Corrupt {
        /// Name of the part.
        what: String,
        /// LDK's reason.
        reason: DecodeError,
    },
    /// Parts of the stored state are at different blocks and no chain source could bring them together.
    #[error(
        "the wallet was interrupted while it read blocks and no chain source gives the rest: connect to the network, or configure another source, and open it again"
    )]
    Unsynced,
    /// The storage is an old copy of a gateway's: a later state of its channels exists.
    #[error(
        "this data folder is an old copy: node {} has proved that a later state of channel {} exists (commitment {} was revoked, the newest here is {}). Nothing of this copy was broadcast and none of its peers was spoken to since. Start the gateway with the newest data folder. If there is none any more, ask the peers to close the channels (their side knows the newest state), keep the seed and this folder, and move the on-chain money with the seed's words in a wallet; never delete the record of this finding, a revoked commitment would cost the whole channel",
        .0.peer, .0.channel, .0.revoked, .0.stored
    )]
    OldCopy(Box<OldCopy>),
}

/// The mark of an old copy that a store bears.
async fn old_copy(store: &dyn Store) -> Result<Option<OldCopy>, NodeError> {
    let bytes = match store.get(names::OLD_COPY).await {
        // That there is one is what counts.
        Err(StoreError::Corrupt { .. }) => Some(Vec::new()),
        other => other?,
    };
    Ok(bytes.map(|bytes| OldCopy::read(&bytes)))
}

/// Recalls that this storage was recognised as an old copy, before anything could be broadcast. A wallet opens all the same, for its
/// on-chain money; a gateway has nothing to do without its channels.
async fn recall_old_copy(
    store: &dyn Store,
    staged: &StagedWrites,
    config: &NodeConfig,
) -> Result<(), NodeError> {
    let Some(proof) = old_copy(store).await? else { return Ok(()) };
    if let Role::Gateway(_) = config.role {
        return Err(NodeError::OldCopy(Box::new(proof)));
    }
    log::warn!("this wallet is an old copy: its channels rest");
    staged.old_copy.set(proof);
    Ok(())
}

impl From<ReadError> for NodeError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => Self::Store(error),
            ReadError::Corrupt { what, reason } => Self::Corrupt { what, reason },
        }
    }
}

impl From<LostError> for NodeError {
    fn from(error: LostError) -> Self {
        match error {
            LostError::Read(error) => error.into(),
            LostError::Keys(error) => error.into(),
        }
    }
}

/// An opened node, not running yet.
pub(crate) struct Opened {
    pub services: Rc<Services>,
    pub engine: Rc<Engine>,
    pub sync: Rc<ChainSync>,
}

/// Reads everything, brings every part to the chain's tip (as far as the sources give its blocks), and only then puts them
/// together.
pub(crate) async fn open(
    platform: Rc<dyn Platform>,
    store: Rc<dyn Store>,
    chain: Rc<Chain>,
    keys: &Keys,
    birthday: &Position,
    config: NodeConfig,
) -> Result<Opened, NodeError> {
    let staged = Arc::new(StagedWrites::default());
    let notify = Notify::default();
    recall_old_copy(&*store, &staged, &config).await?;
    if let Role::Wallet = config.role {
        staged.justice.begin(&*store).await?;
    }
    let attempts = Rc::new(Attempts::default());
    let parts = Parts::new(&platform, &store, &chain, &config, &staged, keys, birthday).await?;
    let recorder = Rc::clone(&attempts);
    let Assembled { ldk, graph_source, sync } =
        assemble::assemble(parts, birthday, recorder, &notify).await?;
    staged.stage(|batch| chain.stage(batch));
    let (subscribers, closing) = (Subscribers::default(), Closing::default());
    let base = Rc::new(Base { platform, store, chain, config, ldk, staged, notify, subscribers, closing });
    let budgets = Rc::new(Budgets::open(Rc::clone(&base)).await?);
    let ledger = Rc::new(Ledger::open(Rc::clone(&base), Rc::clone(&budgets)).await?);
    let copies = Copies::open(&base).await?;
    let lost = Lost::open(&base).await?;
    let peers = Rc::new(Peers::new(Rc::clone(&base), copies, lost));
    let onchain = Onchain::open(Rc::clone(&base), Rc::clone(&ledger)).await?;
    let channels = Rc::new(Channels::new(Rc::clone(&base), Rc::clone(&ledger)));
    let graph = Rc::new(Graph::new(Rc::clone(&base), Rc::clone(&peers), graph_source));
    let payments = Payments::open(
        Rc::clone(&base),
        (Rc::clone(&ledger), Rc::clone(&budgets)),
        Rc::clone(&onchain),
        Rc::clone(&graph),
        Rc::clone(&attempts),
    );
    let payments = Rc::new(payments.await?);
    let sync = Rc::new(ChainSync::new(Rc::clone(&base), Rc::clone(&onchain), Rc::clone(&payments), sync));
    let towers = Towers::open(&base).await?;
    #[cfg(feature = "tower")]
    let tower = matches!(base.config.role, Role::Gateway(_)).then(|| Tower::open(&base));
    let followers: Vec<Rc<dyn StepFollower>> =
        vec![attempts, Rc::clone(&towers) as Rc<dyn StepFollower>, Rc::clone(&base) as Rc<dyn StepFollower>];
    let services = Services {
        base,
        ledger,
        budgets,
        peers,
        onchain,
        channels,
        graph,
        payments,
        towers,
        #[cfg(feature = "tower")]
        tower,
    };
    let services = Rc::new(services);
    let engine = Rc::new(Engine::new(Rc::clone(&services), followers));
    Ok(Opened { services, engine, sync })
}
