//! Words of the node as the page has them, and the page's as the node has them.

use amplet_node::budget::{Kind, Period, Rule};
use amplet_protocol::NodeId;
use amplet_protocol::page::{BudgetRule, Network};
use bitcoin::secp256k1::PublicKey;

/// Bitcoin's own name of the network.
pub fn network(network: Network) -> bitcoin::Network {
    match network {
        Network::Mainnet => bitcoin::Network::Bitcoin,
        Network::Testnet4 => bitcoin::Network::Testnet4,
        Network::Signet => bitcoin::Network::Signet,
        Network::Regtest => bitcoin::Network::Regtest,
    }
}

/// A node's public key as its id.
pub fn node_id(key: &PublicKey) -> NodeId {
    NodeId(key.serialize())
}

/// A rule of a budget, in the page's words.
pub fn page_rule(rule: Rule) -> BudgetRule {
    let window = match rule {
        Rule::PerPayment => return BudgetRule::PerPayment,
        Rule::Rate => return BudgetRule::Rate,
        Rule::Total => return BudgetRule::Total,
        Rule::Window(window) => window,
    };
    match (window.kind, window.period) {
        (Kind::Calendar, Period::Hour) => BudgetRule::CalendarHour,
        (Kind::Calendar, Period::Day) => BudgetRule::CalendarDay,
        (Kind::Calendar, Period::Week) => BudgetRule::CalendarWeek,
        (Kind::Calendar, Period::Month) => BudgetRule::CalendarMonth,
        (Kind::Rolling, Period::Hour) => BudgetRule::RollingHour,
        (Kind::Rolling, Period::Day) => BudgetRule::RollingDay,
        (Kind::Rolling, Period::Week) => BudgetRule::RollingWeek,
        (Kind::Rolling, Period::Month) => BudgetRule::RollingMonth,
    }
}
