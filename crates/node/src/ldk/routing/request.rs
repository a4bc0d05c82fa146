//! LDK's requests for routes, in the planner's terms.

use std::collections::BTreeMap;

use amplet_protocol::Msat;
use amplet_router::{FirstHop, Graph, HintHop, LastHops, Link, Mode, NodeId, Part, Plan, Request, Scid};
use bitcoin::secp256k1::PublicKey;
use lightning::blinded_path::payment::BlindedPaymentPath;
use lightning::blinded_path::{Direction, IntroductionNode};
use lightning::ln::channel_state::ChannelDetails;
use lightning::routing::router::{Payee, RouteHint, RouteHintHop, RouteParameters};

/// HTLCs that any peer takes from us at a time in a channel (Core Lightning's default; BOLT 2 allows 483). LDK does not tell
/// the peer's own limit; when it is reached, LDK says that nothing can be sent.
const SLOTS: usize = 30;

/// HTLCs that our own kind takes: BOLT 2's maximum, and that of commitments without a fee.
const MAX_SLOTS: usize = 483;
const MAX_SLOTS_ZERO_FEE: usize = 114;

/// Weight of an HTLC output in a commitment with anchors (BOLT 3), and how much of its fee the funder keeps ready: twice.
const HTLC_WEIGHT: u64 = 172;
const FEE_SPIKE: u64 = 2;

/// How a payment may be split whose parts have hashes of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// Maximum number of parts, at least 1.
    pub max_parts: usize,
    /// Maximum amount of a part.
    pub max_part_msat: Msat,
}

/// A payment as the planner takes it, and what its indices stand for.
pub(super) struct RouteRequest<'a> {
    pub wanted: Request,
    /// By the index in [`Request::first_hops`].
    pub first_hops: Vec<&'a ChannelDetails>,
    /// By the index in [`Request::last_hops`].
    pub last_hops: Vec<LastHopsSource<'a>>,
}

/// LDK's hint or path that last hops are from.
#[derive(Clone, Copy)]
pub(super) enum LastHopsSource<'a> {
    RouteHint(&'a RouteHint),
    BlindedPath(&'a BlindedPaymentPath),
}

/// A public key as the graph has it.
pub(super) fn node_id(key: &PublicKey) -> NodeId {
    NodeId(key.serialize())
}

impl<'a> RouteRequest<'a> {
    pub fn new(
        payer: &PublicKey,
        params: &'a RouteParameters,
        first_hops: &[&'a ChannelDetails],
        graph: &Graph,
        retries: u32,
    ) -> Self {
        let payment = &params.payment_params;
        let failed = &payment.previously_failed_channels;
        let usable = |channel: &&ChannelDetails| {
            channel.is_usable
                && channel.get_outbound_payment_scid().is_some_and(|scid| !failed.contains(&scid))
                && channel.next_outbound_htlc_limit_msat > 0
        };
        let first_hops: Vec<_> = first_hops.iter().copied().filter(usable).collect();
        let (destination, final_cltv, mpp, last_hops) = match &payment.payee {
            Payee::Clear { node_id: key, route_hints, features, final_cltv_expiry_delta } => {
                let mpp = features.as_ref().is_some_and(|features| features.supports_basic_mpp());
                let hints = route_hints.iter().filter(|hint| is_open(hint, failed));
                let last_hops = hints
                    .map(|hint| (LastHops::RouteHint(hops(hint)), LastHopsSource::RouteHint(hint)))
                    .collect();
                (node_id(key), *final_cltv_expiry_delta, mpp, last_hops)
            }
            Payee::Blinded { route_hints, features } => {
                let mpp = features.as_ref().is_some_and(|features| features.supports_basic_mpp());
                let failed = &payment.previously_failed_blinded_path_idxs;
                (HIDDEN, 0, mpp, blinded(payer, route_hints, failed, (&first_hops, graph)))
            }
        };
        let (last_hops, sources) = last_hops.into_iter().unzip();
        let request = Request {
            first_hops: first_hops.iter().map(|channel| first_hop(channel)).collect(),
            destination,
            last_hops,
            amount_msat: Msat::up_to_max(params.final_value_msat),
            max_fee_msat: params.max_total_routing_fee_msat.map_or(Msat::MAX, Msat::up_to_max),
            final_cltv,
            max_cltv: payment.max_total_cltv_expiry_delta,
            max_parts: if mpp { usize::from(payment.max_path_count) } else { 1 },
            max_part_msat: Msat::MAX,
            retries,
            mode: Mode::Balanced,
        };
        Self { wanted: request, first_hops, last_hops: sources }
    }

    /// Allows as many parts as `split` says. Where a peer takes fewer HTLCs than a channel of ours may hold, the further ones come back
    /// at once, and go over other channels.
    pub fn split(&mut self, split: Split) {
        self.wanted.max_parts = split.max_parts;
        self.wanted.max_part_msat = split.max_part_msat;
        for (hop, channel) in self.wanted.first_hops.iter_mut().zip(&self.first_hops) {
            let zero_fee =
                channel.channel_type.as_ref().is_some_and(|kind| kind.supports_anchor_zero_fee_commitments());
            let most = if zero_fee { MAX_SLOTS_ZERO_FEE } else { MAX_SLOTS };
            hop.slots = slots(channel, most);
        }
    }

    /// The blinded path that a part ends with, if it does.
    pub fn blinded(&self, part: &Part) -> Option<&'a BlindedPaymentPath> {
        let Link::LastHop(index, _) = part.hops.last()?.link else { return None };
        match self.last_hops.get(index)? {
            LastHopsSource::BlindedPath(path) => Some(path),
            LastHopsSource::RouteHint(_) => None,
        }
    }

    /// Hops of a part that the onion is made for by us: all, but what is blinded.
    pub fn visible_hops(&self, part: &Part) -> usize {
        part.hops.len().saturating_sub(usize::from(self.blinded(part).is_some()))
    }

    /// Returns whether the plan lays several HTLCs on one of our channels whose commitment then costs us, its funder, more than is left
    /// beside them; if so, `request` has that taken off. LDK's limit knows of one further HTLC only.
    pub fn overdraws(&self, plan: &Plan, request: &mut Request) -> bool {
        let mut used: BTreeMap<usize, (Msat, u64)> = BTreeMap::new();
        for hop in plan.parts.iter().filter_map(|part| part.hops.first()) {
            if let Link::Own(index) = hop.link {
                let entry = used.entry(index).or_default();
                *entry = (entry.0.plus_up_to_max(hop.amount_msat), entry.1.saturating_add(1));
            }
        }
        let mut overdrawn = false;
        for (index, (amount_msat, htlcs)) in used {
            let Some((hop, channel)) = request.first_hops.get_mut(index).zip(self.first_hops.get(index))
            else {
                continue;
            };
            let rate = if channel.is_outbound { channel.feerate_sat_per_1000_weight.unwrap_or(0) } else { 0 };
            let more = HTLC_WEIGHT.saturating_mul(FEE_SPIKE).saturating_mul(htlcs.saturating_sub(1));
            let fee_msat = Msat::up_to_max(u64::from(rate).saturating_mul(more));
            let room = Msat::up_to_max(channel.next_outbound_htlc_limit_msat).less(fee_msat);
            if amount_msat > room {
                hop.spendable_msat = hop.spendable_msat.min(room);
                overdrawn = true;
            }
        }
        overdrawn
    }
}

/// Stands for whoever is behind blinded paths: no node has this id.
const HIDDEN: NodeId = NodeId([0; 33]);

fn slots(channel: &ChannelDetails, most: usize) -> u16 {
    let free = most.saturating_sub(channel.pending_outbound_htlcs.len()).max(1);
    u16::try_from(free).unwrap_or(1)
}

fn first_hop(channel: &ChannelDetails) -> FirstHop {
    let limit_msat = Msat::up_to_max(channel.next_outbound_htlc_limit_msat);
    FirstHop {
        peer: node_id(&channel.counterparty.node_id),
        spendable_msat: limit_msat,
        min_msat: Msat::up_to_max(channel.next_outbound_htlc_minimum_msat),
        max_msat: limit_msat,
        slots: slots(channel, SLOTS),
    }
}

fn is_open(hint: &RouteHint, failed: &[u64]) -> bool {
    !hint.0.is_empty() && hint.0.iter().all(|hop| !failed.contains(&hop.short_channel_id))
}

fn hops(hint: &RouteHint) -> Vec<HintHop> {
    let hop = |hop: &RouteHintHop| HintHop {
        from: node_id(&hop.src_node_id),
        scid: Scid(hop.short_channel_id),
        base_msat: hop.fees.base_msat,
        ppm: hop.fees.proportional_millionths,
        cltv: hop.cltv_expiry_delta,
        min_msat: hop.htlc_minimum_msat.map_or(Msat::ZERO, Msat::up_to_max),
        max_msat: hop.htlc_maximum_msat.map_or(Msat::MAX, Msat::up_to_max),
    };
    hint.0.iter().map(hop).collect()
}

fn blinded<'a>(
    payer: &PublicKey,
    paths: &'a [BlindedPaymentPath],
    failed: &[u64],
    (own, graph): (&[&ChannelDetails], &Graph),
) -> Vec<(LastHops, LastHopsSource<'a>)> {
    let us = node_id(payer);
    let open = paths.iter().enumerate().filter(|(index, _)| !failed.contains(&(*index as u64)));
    let last_hops = |(_, path): (usize, &'a BlindedPaymentPath)| {
        let from = introduction(path, own, graph).filter(|from| *from != us)?;
        let hop = HintHop {
            from,
            scid: Scid(0),
            base_msat: path.payinfo.fee_base_msat,
            ppm: path.payinfo.fee_proportional_millionths,
            cltv: path.payinfo.cltv_expiry_delta,
            min_msat: Msat::up_to_max(path.payinfo.htlc_minimum_msat),
            max_msat: Msat::up_to_max(path.payinfo.htlc_maximum_msat),
        };
        Some((LastHops::BlindedPath(hop), LastHopsSource::BlindedPath(path)))
    };
    open.filter_map(last_hops).collect()
}

/// First node of a blinded path. Named by a channel, it is looked up among ours and in the graph.
fn introduction(path: &BlindedPaymentPath, own: &[&ChannelDetails], graph: &Graph) -> Option<NodeId> {
    match path.introduction_node() {
        IntroductionNode::NodeId(key) => Some(node_id(key)),
        IntroductionNode::DirectedShortChannelId(direction, scid) => {
            let ours = own.iter().find(|channel| channel.short_channel_id == Some(*scid));
            if let Some(channel) = ours {
                return Some(node_id(&channel.counterparty.node_id));
            }
            let channel = graph.channels().get(graph.channel(Scid(*scid))? as usize)?;
            let side = match direction {
                Direction::NodeOne => 0,
                Direction::NodeTwo => 1,
            };
            graph.nodes().get(channel.nodes[side] as usize).copied()
        }
    }
}
