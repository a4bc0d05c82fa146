//! LDK's requests as the planner's and back, for every kind of payee; gossip that goes away again.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use amplet_protocol::Msat;
use amplet_router::{Beliefs, Direction, Graph, NodeId, Planner, Policy, Scid, rgs};
use amplet_transport::Platform;
use amplet_transport::testing::TestPlatform;
use bitcoin::Network;
use bitcoin::constants::ChainHash;
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Message, PublicKey, Secp256k1, SecretKey};
use lightning::blinded_path::BlindedHop;
use lightning::blinded_path::payment::{BlindedPayInfo, BlindedPaymentPath};
use lightning::ln::channel_state::{ChannelCounterparty, ChannelDetails};
use lightning::ln::msgs::{
    ChannelAnnouncement, ChannelUpdate, MessageSendEvent, UnsignedChannelAnnouncement,
};
use lightning::ln::types::ChannelId;
use lightning::routing::gossip::{self as ldk, NetworkUpdate};
use lightning::routing::router::{Path, PaymentParameters, RouteParameters};
use lightning::types::features::{BlindedHopFeatures, Bolt12InvoiceFeatures, ChannelFeatures, InitFeatures};
use lightning::util::ser::Writeable;

use super::request::{RouteRequest, node_id};
use super::{gossip, route};
use crate::ldk::log::Log;

fn key(name: u8) -> PublicKey {
    PublicKey::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&[name; 32]).unwrap())
}

fn msat(amount: u64) -> Msat {
    Msat::new(amount).unwrap()
}

const US: u8 = 1;
const GATEWAY: u8 = 2;
const MIDDLE: u8 = 3;
const PAYEE: u8 = 4;

/// gateway - middle (channel 11), middle - payee (channel 12); 1000 msat + 100 ppm each.
fn graph() -> Graph {
    let mut graph = Graph::new();
    for (scid, from, to) in [(11, GATEWAY, MIDDLE), (12, MIDDLE, PAYEE)] {
        let ends = [from, to].map(|name| graph.add_node(node_id(&key(name))).unwrap());
        let channel = graph.add_channel(Scid(scid), ends, Some(msat(5_000_000_000))).unwrap();
        let (base_msat, ppm, min_msat, max_msat) = (1000, 100, msat(1), msat(5_000_000_000));
        let policy = Policy { enabled: true, base_msat, ppm, cltv: 80, min_msat, max_msat };
        graph.set_policy(channel, Direction::Forward, policy);
        graph.set_policy(channel, Direction::Backward, policy);
    }
    graph.index();
    graph
}

/// Our channel 7 to the gateway.
fn own(limit_msat: u64) -> ChannelDetails {
    ChannelDetails {
        channel_id: ChannelId::new_zero(),
        counterparty: ChannelCounterparty {
            node_id: key(GATEWAY),
            features: InitFeatures::empty(),
            unspendable_punishment_reserve: 0,
            forwarding_info: None,
            outbound_htlc_minimum_msat: None,
            outbound_htlc_maximum_msat: None,
        },
        funding_txo: None,
        channel_type: None,
        short_channel_id: Some(7),
        outbound_scid_alias: None,
        inbound_scid_alias: None,
        channel_value_satoshis: limit_msat / 1000,
        unspendable_punishment_reserve: None,
        user_channel_id: 0,
        feerate_sat_per_1000_weight: Some(1000),
        outbound_capacity_msat: limit_msat,
        next_outbound_htlc_limit_msat: limit_msat,
        next_outbound_htlc_minimum_msat: 1,
        next_splice_out_maximum_sat: 0,
        inbound_capacity_msat: 0,
        confirmations_required: None,
        confirmations: None,
        force_close_spend_delay: None,
        is_outbound: true,
        is_channel_ready: true,
        channel_shutdown_state: None,
        is_usable: true,
        is_announced: false,
        inbound_htlc_minimum_msat: None,
        inbound_htlc_maximum_msat: None,
        config: None,
        pending_inbound_htlcs: Vec::new(),
        pending_outbound_htlcs: Vec::new(),
        funding_redeem_script: None,
        current_dust_exposure_msat: None,
        splice_details: None,
    }
}

fn blinded(introduction: u8) -> BlindedPaymentPath {
    let hop = |name| BlindedHop { blinded_node_id: key(name), encrypted_payload: vec![name; 3] };
    let payinfo = BlindedPayInfo {
        fee_base_msat: 500,
        fee_proportional_millionths: 1000,
        cltv_expiry_delta: 200,
        htlc_minimum_msat: 1,
        htlc_maximum_msat: 400_000_000,
        features: BlindedHopFeatures::empty(),
    };
    let hops = vec![hop(40), hop(41)];
    BlindedPaymentPath::from_blinded_path_and_payinfo(
        key(introduction),
        key(50 + introduction),
        hops,
        payinfo,
    )
}

/// Plans and gives LDK's paths.
fn paths(params: &RouteParameters, limit_msat: u64) -> Vec<Path> {
    let (graph, channel) = (graph(), own(limit_msat));
    let request = RouteRequest::new(&key(US), params, &[&channel], &graph, 0);
    let plan = Planner::new().plan(&graph, &Beliefs::new(), &request.wanted, 0).unwrap();
    plan.parts.iter().map(|part| route::path(&graph, &request, params, part).unwrap()).collect()
}

#[test]
fn a_keysend_goes_in_one_part_with_every_hops_fee_and_delay() {
    let payment = PaymentParameters::for_keysend(key(PAYEE), 144, false);
    let params = RouteParameters::from_payment_params_and_value(payment, 100_000_000);
    let paths = paths(&params, 500_000_000);
    let [path] = &paths[..] else { panic!("{paths:?}") };
    let hops: Vec<_> =
        path.hops.iter().map(|hop| (hop.short_channel_id, hop.fee_msat, hop.cltv_expiry_delta)).collect();
    // The middle forwards 100,000,000: 11,000. The gateway forwards that and 11,000: 11,001 (BOLT 7 rounds down).
    assert_eq!(hops, [(7, 11_001, 80), (11, 11_000, 80), (12, 100_000_000, 144)]);
    assert_eq!(path.hops.iter().map(|hop| hop.pubkey).collect::<Vec<_>>(), [GATEWAY, MIDDLE, PAYEE].map(key));
    assert_eq!((path.final_value_msat(), path.fee_msat()), (100_000_000, 22_001));
}

#[test]
fn blinded_paths_are_last_arcs_and_failed_ones_are_left_out() {
    let features: Bolt12InvoiceFeatures = {
        let mut features = Bolt12InvoiceFeatures::empty();
        features.set_basic_mpp_optional();
        features
    };
    let tails = vec![blinded(MIDDLE), blinded(GATEWAY), blinded(US)];
    let mut payment = PaymentParameters::blinded(tails).with_bolt12_features(features).unwrap();
    let params = |payment: &PaymentParameters, msat| {
        RouteParameters::from_payment_params_and_value(payment.clone(), msat)
    };
    // The cheaper one, which begins at our peer.
    let near = paths(&params(&payment, 100_000_000), 900_000_000);
    let [path] = &near[..] else { panic!("{near:?}") };
    let tail = path.blinded_tail.as_ref().unwrap();
    assert_eq!((path.hops.len(), tail.blinding_point), (1, key(50 + GATEWAY)));
    assert_eq!((path.hops[0].fee_msat, path.hops[0].cltv_expiry_delta), (500 + 100_000, 200));
    assert_eq!((tail.final_value_msat, tail.hops.len()), (100_000_000, 2));
    // That one failed before: by the other, though it costs more.
    payment.previously_failed_blinded_path_idxs = vec![1];
    let far = paths(&params(&payment, 100_000_000), 900_000_000);
    assert!(far.iter().all(|path| path.hops.len() == 2), "{far:?}");
    let delivered: u64 = far.iter().map(Path::final_value_msat).sum();
    assert_eq!(delivered, 100_000_000);
}

#[test]
fn what_failed_before_and_what_the_payee_cannot_take_is_honoured() {
    let (graph, channel) = (graph(), own(500_000_000));
    let payment = PaymentParameters::from_node_id(key(PAYEE), 144);
    let mut params = RouteParameters::from_payment_params_and_value(payment, 1_000);
    params.max_total_routing_fee_msat = Some(77);
    params.payment_params.max_total_cltv_expiry_delta = 555;
    let request = RouteRequest::new(&key(US), &params, &[&channel], &graph, 3);
    let request = &request.wanted;
    assert_eq!(
        (request.max_parts, request.max_fee_msat, request.max_cltv, request.retries),
        (1, msat(77), 555, 3)
    );
    params.payment_params.previously_failed_channels = vec![7];
    assert!(RouteRequest::new(&key(US), &params, &[&channel], &graph, 0).wanted.first_hops.is_empty());
}

#[test]
fn several_htlcs_on_a_commitment_that_we_pay_for_leave_room_for_its_fee() {
    let (graph, channel) = (graph(), own(300_000_000));
    let payment = PaymentParameters::for_keysend(key(PAYEE), 144, true);
    let params = RouteParameters::from_payment_params_and_value(payment, 299_000_000);
    let request = RouteRequest::new(&key(US), &params, &[&channel], &graph, 0);
    let plan = |amounts: &[u64]| {
        let mut plan = Planner::new().plan(&graph, &Beliefs::new(), &request.wanted, 0).unwrap();
        let part = plan.parts[0].clone();
        plan.parts = amounts
            .iter()
            .map(|&amount_msat| {
                let mut part = part.clone();
                part.hops[0].amount_msat = msat(amount_msat);
                part
            })
            .collect();
        plan
    };
    let mut wanted = request.wanted.clone();
    assert!(!request.overdraws(&plan(&[300_000_000]), &mut wanted), "LDK's limit has room for one");
    // 172 weight at 1000 sat per 1000, twice: 344 sat for each further HTLC.
    assert!(!request.overdraws(&plan(&[150_000_000, 149_656_000]), &mut wanted));
    assert!(request.overdraws(&plan(&[150_000_000, 149_656_001]), &mut wanted));
    assert_eq!(wanted.first_hops[0].spendable_msat, msat(299_656_000));
}

#[test]
fn a_shadow_of_further_hops_stays_within_the_limit() {
    let payment = PaymentParameters::for_keysend(key(PAYEE), 144, false);
    let params = RouteParameters::from_payment_params_and_value(payment, 100_000_000);
    let path = &paths(&params, 500_000_000)[0];
    let before = path.total_cltv_expiry_delta();
    for seed in 0..=255 {
        for limit in [before, before + 10, 1008] {
            let mut shaded = path.clone();
            route::add_shadow_cltv(&graph(), &mut shaded, limit, &[seed; 32]);
            let after = shaded.total_cltv_expiry_delta();
            assert!((before..=limit).contains(&after), "{seed}: {before} {after} {limit}");
            assert!(after > before || limit == before);
        }
    }
}

/// Now: LDK with `std` takes no update that is weeks old by the system's clock, or a day ahead of it.
fn heard_at() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

#[test]
fn a_channel_that_is_gone_is_left_out_of_the_whole_and_told_in_deltas() {
    let known = ldk::NetworkGraph::new(Network::Regtest, Arc::new(Log));
    for (scid, to) in [(11, MIDDLE), (12, PAYEE)] {
        let ends = [GATEWAY, to].map(|name| ldk::NodeId::from_pubkey(&key(name)));
        let (features, now) = (ChannelFeatures::empty(), heard_at());
        known.add_channel_from_partial_announcement(scid, None, now, features, ends[0], ends[1]).unwrap();
        for flags in 0..2 {
            known.update_channel_unsigned(&update(scid, flags)).unwrap();
        }
    }
    let start = heard_at();
    let platform = TestPlatform::new(1, Duration::from_secs(start));
    let heard: Rc<dyn Platform> = Rc::new(platform.clone());
    let gossip = gossip::open(Network::Regtest, heard, Some(known.encode()));
    let mut graph = Graph::new();
    gossip.refresh(&mut graph);
    let chain = ChainHash::using_genesis_block(Network::Regtest).to_bytes();
    let read = |graph: &Graph, since, into: &mut Graph| {
        rgs::apply(into, &gossip.snapshots(graph)(since), &chain).unwrap()
    };
    let mut wallet = Graph::new();
    assert_eq!(read(&graph, 0, &mut wallet).policies, 4);
    let generation = gossip.generation();

    platform.advance(Duration::from_secs(60));
    gossip.failed(&NetworkUpdate::ChannelFailure { short_channel_id: 12, is_permanent: true });
    gossip.refresh(&mut graph);
    assert!(gossip.generation() > generation);
    let since = wallet.timestamp + 1;
    let applied = read(&graph, since, &mut wallet);
    assert_eq!((applied.channels, applied.policies), (0, 2));
    let closed = wallet.channel(Scid(12)).unwrap();
    assert!(wallet.policy(closed, Direction::Forward).is_some_and(|policy| !policy.enabled));
    let mut fresh = Graph::new();
    assert_eq!(read(&graph, 0, &mut fresh).channels, 1);
    assert!(fresh.channel(Scid(12)).is_none() && fresh.node(&NodeId(key(PAYEE).serialize())).is_none());

    // Two weeks without a word: the other one goes, too.
    gossip.prune(start + 15 * 24 * 3600);
    gossip.refresh(&mut graph);
    let mut fresh = Graph::new();
    assert_eq!(read(&graph, 0, &mut fresh).channels, 0);
}

fn update(scid: u64, flags: u8) -> lightning::ln::msgs::UnsignedChannelUpdate {
    lightning::ln::msgs::UnsignedChannelUpdate {
        chain_hash: ChainHash::using_genesis_block(Network::Regtest),
        short_channel_id: scid,
        timestamp: u32::try_from(heard_at()).unwrap(),
        message_flags: 1,
        channel_flags: flags,
        cltv_expiry_delta: 80,
        htlc_minimum_msat: 1,
        htlc_maximum_msat: 1_000_000,
        fee_base_msat: 1,
        fee_proportional_millionths: 1,
        excess_data: Vec::new(),
    }
}

#[test]
fn an_update_that_comes_before_its_announcement_is_told_after_it() {
    let platform: Rc<dyn Platform> = Rc::new(TestPlatform::new(1, Duration::from_secs(heard_at())));
    let gossip = gossip::open(Network::Regtest, platform, None);
    let handler = Rc::clone(&gossip).handler();
    let (mut ends, peer) = ([GATEWAY, PAYEE], key(PAYEE));
    ends.sort_by_key(|name| key(*name).serialize());
    let signed = |name: u8, bytes: &[u8]| {
        let digest = bitcoin::hashes::sha256d::Hash::hash(bytes).to_byte_array();
        let secret = SecretKey::from_slice(&[name; 32]).unwrap();
        Secp256k1::new().sign_ecdsa(&Message::from_digest(digest), &secret)
    };
    let from_payee = u8::from(ends[1] == PAYEE);
    let update = |scid| {
        let contents = update(scid, from_payee);
        ChannelUpdate { signature: signed(PAYEE, &contents.encode()), contents }
    };
    let [one, two] = ends.map(|name| ldk::NodeId::from_pubkey(&key(name)));
    let contents = UnsignedChannelAnnouncement {
        features: ChannelFeatures::empty(),
        chain_hash: ChainHash::using_genesis_block(Network::Regtest),
        short_channel_id: 21,
        node_id_1: one,
        node_id_2: two,
        bitcoin_key_1: one,
        bitcoin_key_2: two,
        excess_data: Vec::new(),
    };
    let [first, second] = ends.map(|name| signed(name, &contents.encode()));
    let announcement = ChannelAnnouncement {
        node_signature_1: first,
        node_signature_2: second,
        bitcoin_signature_1: first,
        bitcoin_signature_2: second,
        contents,
    };

    // Another peer's flood does not drive it out.
    for scid in 100..200 {
        assert!(handler.handle_channel_update(Some(key(MIDDLE)), &update(scid)).is_err());
    }
    assert!(handler.handle_channel_update(Some(peer), &update(21)).is_err());
    assert!(handler.get_and_clear_pending_msg_events().is_empty());
    handler.handle_channel_announcement(None, &announcement).unwrap();
    let events = handler.get_and_clear_pending_msg_events();
    let [MessageSendEvent::BroadcastChannelUpdate { msg, .. }] = &events[..] else { panic!("{events:?}") };
    // As LDK's peer manager does with it.
    handler.handle_channel_update(None, msg).unwrap();
    assert!(handler.get_and_clear_pending_msg_events().is_empty());
    let mut graph = Graph::new();
    gossip.refresh(&mut graph);
    let channel = graph.channel(Scid(21)).unwrap();
    let known =
        [Direction::Forward, Direction::Backward].map(|direction| graph.policy(channel, direction).copied());
    assert_eq!(known.into_iter().flatten().filter(|policy| policy.enabled).count(), 1);
}
