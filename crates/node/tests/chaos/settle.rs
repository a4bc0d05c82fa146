//! The end of a life: everything is well again, and time and blocks pass until nothing is under way.

use std::time::Duration;

use amplet_protocol::page::{Direction, Payment, PaymentKind, PaymentStatus};

use crate::acts::{NODES, Name};
use crate::life::Life;

/// Blocks of each round: a few, then HTLCs' delays.
const ROUNDS: [u32; 18] = [1, 1, 6, 6, 6, 144, 6, 144, 6, 144, 6, 6, 144, 6, 144, 144, 6, 6];
/// Blocks until commitments' delays are over as well, and what came of them is swept and buried.
const DELAYS: [u32; 8] = [2016, 6, 6, 6, 2016, 6, 6, 6];

impl Life {
    /// Heals the world and lets it come to rest; what is still under way then, if anything. What closed channels pay is waited
    /// for when `to_the_end`.
    pub fn settle(&mut self, to_the_end: bool) -> Vec<String> {
        self.heal();
        let mut under_way = self.rest(&ROUNDS, false);
        if to_the_end && under_way.is_empty() {
            under_way = self.rest(&DELAYS, true);
        }
        under_way
    }

    fn rest(&mut self, rounds: &[u32], closed: bool) -> Vec<String> {
        let mut under_way = Vec::new();
        let mut quiet = 0;
        for blocks in rounds {
            self.pass(Duration::from_secs(62));
            self.mine(*blocks);
            self.pass(Duration::from_secs(3));
            under_way = self.under_way(closed);
            quiet = if under_way.is_empty() { quiet + 1 } else { 0 };
            if quiet == 2 {
                break;
            }
        }
        under_way
    }

    pub fn history(&self, name: Name) -> Vec<Payment> {
        let Some(node) = self.node(name) else { return Vec::new() };
        let read = async move { node.ledger().history(None, 100_000).await.unwrap() };
        self.within(Duration::from_secs(10), read).expect("the history is read")
    }

    fn under_way(&self, closed: bool) -> Vec<String> {
        let mut found = Vec::new();
        for name in NODES {
            let Some(node) = self.node(name) else { continue };
            for channel in node.channels().list() {
                let peer = self.name_of(&channel.counterparty.node_id);
                let what = format!("{name}'s channel with {peer} of {} sat", channel.channel_value_satoshis);
                if !channel.is_usable {
                    found.push(format!("{what} is not usable"));
                }
                if !channel.pending_inbound_htlcs.is_empty() || !channel.pending_outbound_htlcs.is_empty() {
                    found.push(format!("{what} has HTLCs"));
                }
            }
            let balance = node.channels().balance();
            if closed && balance.closing_sat > 0 {
                found.push(format!("{name} has {} sat in closing channels", balance.closing_sat));
            }
            let waits = self.history(name).into_iter().filter(is_under_way);
            found.extend(waits.map(|payment| {
                format!("{name}: {:?} {:?} {} is pending", payment.direction, payment.kind, payment.id)
            }));
        }
        let waiting = self.world.mempool.borrow().len();
        if waiting > 0 {
            found.push(format!("{waiting} transactions wait to be mined"));
        }
        found
    }
}

/// Unpaid invoices wait until they expire, and open streams until they are closed.
fn is_under_way(payment: &Payment) -> bool {
    let in_flight = payment.stream.as_ref().is_some_and(|totals| totals.pending_msat.get() > 0);
    let waits = match (payment.direction, payment.kind) {
        (_, PaymentKind::Stream) => in_flight,
        (Direction::Inbound, PaymentKind::Bolt11) => false,
        _ => true,
    };
    waits && payment.status == PaymentStatus::Pending
}
