//! A survey of a payment's network without solving it: bounds on what can leave and arrive, and the links of the arcs.

use crate::flow::Network;
use crate::graph::{Direction, NodeId, arc_of};
use crate::network::PaymentNetwork;
use crate::parts::Draft;
use crate::request::{LastHops, Link, NoPlan, Part, Request};
use alloc::vec::Vec;
use amplet_protocol::Msat;

impl PaymentNetwork<'_> {
    /// The maximum believed to reach the sink's channels, msat: no more than this can arrive.
    pub(crate) fn inbound_msat(&self) -> u64 {
        let arriving = self.incident(self.sink).map(|(_, out)| out ^ 1);
        let open = arriving.filter(|&arc| self.ahead(arc, 0).is_some());
        open.fold(0, |sum: u64, arc| sum.saturating_add(self.limit_msat(arc)))
    }

    /// The amount that each open channel into the sink takes, largest first, msat; tiny ones included.
    pub(crate) fn inlets_msat(&self) -> Vec<u64> {
        let arriving = self.incident(self.sink).map(|(_, out)| out ^ 1).filter(|&arc| {
            let policy = self.policy(arc);
            let forwards = self.extra(arc).is_none() || arc & 1 == 0;
            forwards && policy.enabled && policy.min_msat.get() <= self.amount_msat
        });
        let mut limits: Vec<u64> =
            arriving.map(|arc| self.limit_msat(arc)).filter(|&msat| msat > 0).collect();
        limits.sort_unstable_by(|a, b| b.cmp(a));
        limits
    }

    /// The maximum that can leave our own channels, msat.
    pub(crate) fn outbound_msat(&self) -> u64 {
        let own = self.extras.iter().filter(|extra| extra.tail == self.source);
        own.fold(0, |sum: u64, extra| sum.saturating_add(extra.limit_msat))
    }

    /// The maximum that can leave our own channels and is believed to leave their gateways, msat.
    pub(crate) fn departing_msat(&self) -> u64 {
        let mut gateways: Vec<u32> =
            self.extras.iter().filter(|extra| extra.tail == self.source).map(|extra| extra.head).collect();
        // Several channels to one gateway: its outgoing channels count once.
        gateways.sort_unstable();
        gateways.dedup();
        // A direct channel: nothing has to leave the gateway.
        if gateways.contains(&self.sink) {
            return self.outbound_msat();
        }
        let leaving = gateways.iter().flat_map(|&gateway| self.incident(gateway)).map(|(_, out)| out);
        let open = leaving.filter(|&arc| self.ahead(arc, 0).is_some());
        let sum = open.fold(0, |sum: u64, arc| sum.saturating_add(self.limit_msat(arc)));
        sum.min(self.outbound_msat())
    }

    pub(crate) fn extra_arc(&self, link: Link) -> Option<u32> {
        let index = self.extras.iter().position(|extra| extra.link == link)?;
        Some((self.slots.len() + 2 * index) as u32)
    }

    /// The link of an arc.
    pub(crate) fn link(&self, arc: u32) -> Link {
        self.extra(arc).map_or_else(
            || {
                let scid = self.graph.channels()[(arc / 2) as usize].scid;
                Link::Channel(scid, Direction::from_bit(arc))
            },
            |extra| extra.link,
        )
    }

    /// The node that forwards over a link that leaves `tail`; `None` for ourselves.
    pub(crate) fn node_id(&self, tail: u32, request: &Request, link: Link) -> Option<NodeId> {
        match link {
            Link::Own(_) => None,
            Link::Channel(..) => self.graph.nodes().get(tail as usize).copied(),
            Link::LastHop(index, hop) => match request.last_hops.get(index)? {
                LastHops::RouteHint(hops) => hops.get(hop).map(|hop| hop.from),
                LastHops::BlindedPath(hop) => Some(hop.from),
            },
        }
    }

    /// A part of a plan as arcs again.
    pub(crate) fn draft(&self, part: &Part) -> Draft {
        let arcs = part.hops.iter().filter_map(|hop| self.arc(hop.link)).collect();
        Draft { arcs, delivered_msat: part.delivered_msat.get() }
    }

    fn arc(&self, link: Link) -> Option<u32> {
        match link {
            Link::Channel(scid, direction) => {
                self.graph.channel(scid).map(|channel| arc_of(channel, direction))
            }
            link => self.extra_arc(link),
        }
    }
}

/// Refuses a request that cannot succeed, without a solve: too little can leave, or too little can arrive.
pub(crate) fn check(network: &PaymentNetwork<'_>, request: &Request) -> Result<(), NoPlan> {
    let own = network.outbound_msat();
    if own < network.amount_msat {
        return Err(NoPlan::Balance { largest_msat: Msat::up_to_max(own) });
    }
    let inbound = network.inbound_msat();
    if inbound < network.amount_msat {
        return Err(no_inbound(network, request.max_parts, inbound));
    }
    let departing = network.departing_msat();
    if departing < network.amount_msat {
        let missing_msat = Msat::up_to_max(network.amount_msat - departing);
        let largest_msat = Msat::up_to_max(departing);
        return Err(NoPlan::Capacity { largest_msat, missing_msat, fee_msat: Msat::ZERO });
    }
    Ok(())
}

/// The reason for which too little can arrive: no channel leads there, only tiny ones do, or too little in all.
fn no_inbound(network: &PaymentNetwork<'_>, max_parts: usize, inbound_msat: u64) -> NoPlan {
    if inbound_msat > 0 {
        return NoPlan::Inbound { largest_msat: Msat::up_to_max(inbound_msat) };
    }
    let inlets = network.inlets_msat();
    let largest = inlets.iter().take(max_parts).fold(0, |sum: u64, msat| sum.saturating_add(*msat));
    if largest == 0 {
        return NoPlan::NoPath;
    }
    if inlets.len() <= max_parts && largest < network.amount_msat {
        return NoPlan::Inbound { largest_msat: Msat::up_to_max(largest) };
    }
    let largest_msat = Msat::up_to_max(largest.min(network.amount_msat - 1));
    NoPlan::Parts { limit: max_parts, largest_msat }
}
