//! The runtime: takes steps, dispatches LDK's events, follows the chain. Only it commits.

mod claims;
mod commit;
mod dispatch;
mod engine;
pub(crate) mod held_back;
mod sync;

use std::rc::Rc;

use crate::base::Base;
use crate::channels::Channels;
use crate::graph::Graph;
use crate::ledger::Ledger;
use crate::ledger::budgets::Budgets;
use crate::onchain::Onchain;
use crate::payments::Payments;
use crate::peers::Peers;
#[cfg(feature = "tower")]
use crate::watchtower::Tower;
use crate::watchtower::Towers;

pub(crate) use engine::Engine;
pub use sync::{ChainSync, SyncState};

/// All services of a node.
pub(crate) struct Services {
    pub base: Rc<Base>,
    pub ledger: Rc<Ledger>,
    pub budgets: Rc<Budgets>,
    pub peers: Rc<Peers>,
    pub onchain: Rc<Onchain>,
    pub channels: Rc<Channels>,
    pub graph: Rc<Graph>,
    pub payments: Rc<Payments>,
    pub towers: Rc<Towers>,
    /// A gateway's.
    #[cfg(feature = "tower")]
    pub tower: Option<Rc<Tower>>,
}
