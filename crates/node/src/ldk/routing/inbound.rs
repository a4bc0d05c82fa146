//! Blinded paths (BOLT 4, "Route Blinding") by which others pay us.

use amplet_protocol::Msat;
use amplet_router::Graph;
use bitcoin::secp256k1::{PublicKey, Secp256k1, Signing, Verification};
use lightning::blinded_path::payment::{
    BlindedPaymentPath, ForwardTlvs, PaymentConstraints, PaymentForwardNode, PaymentRelay, ReceiveTlvs,
};
use lightning::ln::channel_state::ChannelDetails;
use lightning::sign::ReceiveAuthKey;
use lightning::types::features::BlindedHopFeatures;

use super::request::node_id;
use crate::config::HTLC_DELTA;
use crate::ldk::signer::Signer;

/// Paths in one invoice at most.
const MAX_PATHS: usize = 3;

/// An announced node hides only behind peers with so many channels: behind a lesser one there are few to hide among.
const MIN_CHANNELS: usize = 3;

/// Purpose of the paths.
pub(super) struct Wanted {
    pub recipient: PublicKey,
    pub key: ReceiveAuthKey,
    pub tlvs: ReceiveTlvs,
    pub amount_msat: Option<Msat>,
}

/// Paths through our peers; for an announced node that finds none, one that begins at itself.
pub(super) fn blinded_paths<T: Signing + Verification>(
    graph: &Graph,
    wanted: &Wanted,
    channels: &[ChannelDetails],
    (signer, secp): (&Signer, &Secp256k1<T>),
) -> Result<Vec<BlindedPaymentPath>, ()> {
    let make = |hops: &[PaymentForwardNode]| {
        let (tlvs, most) = (wanted.tlvs.clone(), u64::MAX);
        let delta = HTLC_DELTA;
        BlindedPaymentPath::new(hops, wanted.recipient, wanted.key, tlvs, most, delta, signer, secp)
    };
    let announced = graph.node(&node_id(&wanted.recipient)).is_some();
    let mut peers: Vec<PublicKey> = channels.iter().map(|channel| channel.counterparty.node_id).collect();
    peers.sort_unstable();
    peers.dedup();
    let hides_us = |peer: &PublicKey| match graph.node(&node_id(peer)) {
        Some(node) => !announced || graph.incident(node).len() >= MIN_CHANNELS,
        // A payer must find it: an unannounced peer will do only when there is no other.
        None => !announced && peers.len() == 1,
    };
    let fit = channels.iter().filter(|channel| carries(channel, wanted.amount_msat));
    let fit = fit.filter(|channel| hides_us(&channel.counterparty.node_id));
    let hops = fit.filter_map(|channel| forward(channel, &wanted.tlvs));
    let paths: Vec<_> = hops.take(MAX_PATHS).map(|hop| make(&[hop])).collect::<Result<_, _>>()?;
    if paths.is_empty() && announced {
        return Ok(vec![make(&[])?]);
    }
    if paths.is_empty() { Err(()) } else { Ok(paths) }
}

fn carries(channel: &ChannelDetails, amount_msat: Option<Msat>) -> bool {
    let least = channel.inbound_htlc_minimum_msat.map_or(Msat::ZERO, Msat::up_to_max);
    let most = channel.inbound_htlc_maximum_msat.map_or(Msat::MAX, Msat::up_to_max);
    let most = most.min(Msat::up_to_max(channel.inbound_capacity_msat));
    channel.counterparty.features.supports_route_blinding()
        && amount_msat.is_none_or(|amount| (least..=most).contains(&amount))
}

fn forward(channel: &ChannelDetails, tlvs: &ReceiveTlvs) -> Option<PaymentForwardNode> {
    let payment_relay: PaymentRelay = channel.counterparty.forwarding_info.clone()?.try_into().ok()?;
    let last = tlvs.payment_constraints.max_cltv_expiry;
    let payment_constraints = PaymentConstraints {
        max_cltv_expiry: last.saturating_add(u32::from(payment_relay.cltv_expiry_delta)),
        htlc_minimum_msat: channel.inbound_htlc_minimum_msat.unwrap_or(0),
    };
    let tlvs = ForwardTlvs {
        short_channel_id: channel.get_inbound_payment_scid()?,
        payment_relay,
        payment_constraints,
        features: BlindedHopFeatures::empty(),
        next_blinding_override: None,
    };
    let htlc_maximum_msat = channel.inbound_htlc_maximum_msat.unwrap_or(u64::MAX);
    Some(PaymentForwardNode { tlvs, node_id: channel.counterparty.node_id, htlc_maximum_msat })
}
