//! A plan as LDK's route.

use amplet_router::{Graph, Link, NodeId, Part};
use bitcoin::secp256k1::PublicKey;
use lightning::routing::router::{BlindedTail, Path, Payee, RouteHop, RouteParameters};
use lightning::types::features::{ChannelFeatures, NodeFeatures};

use super::request::{LastHopsSource, RouteRequest};

/// Maximum number of blocks added to the payee's own, so that nobody on the way can tell how near the payee is (BOLT 4 recommends an
/// offset that looks like further hops).
const MAX_SHADOW: u32 = 3 * 144;

/// A part as LDK's path; `None` if a node's id is no point of the curve, or the part does not fit the request.
pub(super) fn path(
    graph: &Graph,
    request: &RouteRequest<'_>,
    params: &RouteParameters,
    part: &Part,
) -> Option<Path> {
    let blinded = request.blinded(part);
    let visible = request.visible_hops(part);
    let mut hops = Vec::with_capacity(visible);
    for (place, hop) in part.hops.iter().enumerate().take(visible) {
        let next = part.hops.get(place + 1);
        let pubkey = match next {
            Some(next) => key(&next.from?)?,
            None => key(&request.wanted.destination)?,
        };
        // What the node at the far end keeps, and the blocks it asks for; the payee: what it gets, and its own blocks.
        let (fee_msat, cltv_expiry_delta) = next
            .map_or((part.delivered_msat, request.wanted.final_cltv), |next| {
                (next.fee_msat, u32::from(next.cltv))
            });
        let fee_msat = fee_msat.get();
        let (short_channel_id, maybe_announced_channel) = channel(graph, request, hop.link)?;
        let node_features = if next.is_none() { payee_features(params) } else { NodeFeatures::empty() };
        let channel_features = ChannelFeatures::empty();
        hops.push(RouteHop {
            pubkey,
            node_features,
            short_channel_id,
            channel_features,
            fee_msat,
            cltv_expiry_delta,
            maybe_announced_channel,
        });
    }
    let blinded_tail = blinded.map(|path| BlindedTail {
        trampoline_hops: Vec::new(),
        hops: path.blinded_hops().to_vec(),
        blinding_point: path.blinding_point(),
        excess_final_cltv_expiry_delta: 0,
        final_value_msat: part.delivered_msat.get(),
    });
    Some(Path { hops, blinded_tail })
}

fn key(id: &NodeId) -> Option<PublicKey> {
    PublicKey::from_slice(&id.0).ok()
}

fn payee_features(params: &RouteParameters) -> NodeFeatures {
    match &params.payment_params.payee {
        Payee::Clear { features: Some(features), .. } => features.to_context(),
        _ => NodeFeatures::empty(),
    }
}

/// A link's channel id, and whether the channel may be public.
fn channel(graph: &Graph, request: &RouteRequest<'_>, link: Link) -> Option<(u64, bool)> {
    match link {
        Link::Own(index) => {
            let channel = request.first_hops.get(index)?;
            Some((channel.get_outbound_payment_scid()?, channel.is_announced))
        }
        Link::Channel(scid, _) => Some((scid.0, true)),
        Link::LastHop(index, place) => match request.last_hops.get(index)? {
            LastHopsSource::RouteHint(hint) => {
                let scid = hint.0.get(place)?.short_channel_id;
                Some((scid, graph.channel(amplet_router::Scid(scid)).is_some()))
            }
            LastHopsSource::BlindedPath(_) => None,
        },
    }
}

/// Adds blocks to the payee's own: those of a walk of one to three channels from the last public node, chosen by `random`.
pub(super) fn add_shadow_cltv(graph: &Graph, path: &mut Path, limit: u32, random: &[u8; 32]) {
    let room = limit.saturating_sub(path.total_cltv_expiry_delta()).min(MAX_SHADOW);
    let (mut dice, mut blocks) = (random.iter().map(|byte| usize::from(*byte)), 0u32);
    let steps = dice.next().map_or(1, |die| die % 3 + 1);
    let public = |hop: &RouteHop| graph.node(&NodeId(hop.pubkey.serialize()));
    let mut node = path.hops.iter().rev().find_map(public);
    for _ in 0..steps {
        let row = node.map_or(&[][..], |node| graph.incident(node));
        let [Some(high), Some(low)] = [dice.next(), dice.next()] else { break };
        let Some(next) = (high * 256 + low).checked_rem(row.len()).and_then(|place| row.get(place)) else {
            break;
        };
        let direction = amplet_router::Direction::from_bit(next.out);
        let policy = graph.policy(next.out / 2, direction);
        blocks = blocks.saturating_add(policy.map_or(0, |policy| u32::from(policy.cltv)));
        node = Some(next.peer);
    }
    let blocks = if blocks == 0 { USUAL_DELTA.saturating_mul(steps as u32) } else { blocks }.min(room);
    if let Some(tail) = &mut path.blinded_tail {
        tail.excess_final_cltv_expiry_delta = blocks;
    }
    if let Some(last) = path.hops.last_mut() {
        last.cltv_expiry_delta = last.cltv_expiry_delta.saturating_add(blocks);
    }
}

/// Blocks that a hop usually asks for, where the graph has none to show.
const USUAL_DELTA: u32 = 40;
