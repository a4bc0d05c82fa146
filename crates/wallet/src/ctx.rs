//! The context of an action.

use std::rc::Rc;

use amplet_instructions::{Instructions, Reader, Refusal};
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

impl Ctx {
    /// Reads what a text offers to be paid by.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn read(&self, text: &str) -> Result<Instructions, Refusal> {
        let to_ascii = |domain: &str| self.platform.ascii_domain(domain);
        Reader { network: self.network, to_ascii: &to_ascii }.read(text)
    }
}
