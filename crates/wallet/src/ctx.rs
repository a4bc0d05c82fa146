//! The context of an action.

use std::rc::Rc;

use amplet_node::Node;
use amplet_protocol::page::Network;
use amplet_transport::Platform;

/// The node that actions act on, and its surroundings. Clones are the same.
#[derive(Clone)]
pub struct Ctx {
    /// The node.
    pub node: Node,
    /// Its network.
    pub network: Network,
    /// Clock, timers, randomness.
    pub platform: Rc<dyn Platform>,
    /// The wallet's name, which budgets of sites belong to.
    pub name: String,
}
