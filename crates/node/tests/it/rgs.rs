//! Routing data that a gateway serves to wallets, read by two readers: ours, and LDK's own of Rapid Gossip Sync.

use std::time::Duration;

use amplet_node::Node;
use amplet_node::bitcoin::Network;
use amplet_node::bitcoin::constants::ChainHash;
use amplet_node::lightning::routing::gossip::{NetworkGraph, NodeId};
use amplet_node::lightning::util::logger::{Logger, Record};
use amplet_protocol::Msat;
use amplet_router::{Direction, Graph, Policy, Scid, rgs};
use amplet_transport::Platform;
use lightning_rapid_gossip_sync::RapidGossipSync;

use crate::world::{World, open};

struct Quiet;

impl Logger for Quiet {
    fn log(&self, record: Record) {
        println!("{}", record.args);
    }
}

fn ours(bytes: &[u8], graph: &mut Graph) -> rgs::Applied {
    let chain = ChainHash::using_genesis_block(Network::Regtest).to_bytes();
    let applied = rgs::apply(graph, bytes, &chain).unwrap();
    assert_eq!((applied.skipped.len(), applied.unknown), (0, 0));
    applied
}

/// LDK reads the same, and ends with the same channels and policies.
fn agrees(network: &NetworkGraph<&Quiet>, graph: &Graph) {
    let theirs = network.read_only();
    assert_eq!(theirs.channels().len(), graph.channels().len());
    for (index, channel) in graph.channels().iter().enumerate() {
        let known = theirs.channel(channel.scid.0).unwrap();
        let ends = channel.nodes.map(|node| NodeId::from_slice(&graph.nodes()[node as usize].0).unwrap());
        assert_eq!([known.node_one, known.node_two], ends);
        let directions = [Direction::Forward, Direction::Backward];
        for (direction, update) in directions.into_iter().zip([&known.one_to_two, &known.two_to_one]) {
            let ours = *graph.policy(u32::try_from(index).unwrap(), direction).unwrap();
            let update = update.as_ref().map(|update| Policy {
                enabled: update.enabled,
                base_msat: update.fees.base_msat,
                ppm: update.fees.proportional_millionths,
                cltv: update.cltv_expiry_delta,
                min_msat: Msat::new(update.htlc_minimum_msat).unwrap(),
                max_msat: Msat::new(update.htlc_maximum_msat).unwrap(),
            });
            assert_eq!(update.unwrap_or(Policy::UNKNOWN), ours, "{}", channel.scid);
        }
    }
}

fn scid(from: &Node, to: &Node) -> Scid {
    let to = to.node_id();
    let channel =
        from.channels().list().into_iter().find(|channel| channel.counterparty.node_id == to).unwrap();
    Scid(channel.short_channel_id.unwrap())
}

#[test]
fn whole_and_deltas_are_read_alike_by_two_readers() {
    let world = World::new();
    let [gateway, second, payee] = ["gateway", "second", "payee"].map(|name| world.open(name));
    world.fund(&gateway, 12_000_000);
    world.fund(&second, 6_000_000);
    world.connect(&gateway, &payee, "payee");
    world.connect(&gateway, &second, "second");
    world.connect(&second, &payee, "payee");
    world.channel(&gateway, &payee, open(5_000_000, 0, true));
    world.channel(&gateway, &second, open(3_000_000, 0, true));
    world.platform.advance(Duration::from_secs(180));

    let network = NetworkGraph::new(Network::Regtest, &Quiet);
    let reader = RapidGossipSync::new(&network, &Quiet);
    let mut graph = Graph::new();
    let mut take = |since: u32| {
        // What a snapshot holds was heard before the second that it is made in.
        gateway.graph().generation();
        world.platform.advance(Duration::from_secs(1));
        let bytes = gateway.graph().rgs_snapshots().unwrap()(since);
        let applied = ours(&bytes, &mut graph);
        let now = world.platform.now().as_secs();
        reader.update_network_graph_no_std(&bytes, Some(now)).unwrap();
        agrees(&network, &graph);
        (applied, graph.clone())
    };
    let (applied, graph) = take(0);
    assert_eq!((applied.channels, applied.policies), (2, 4));
    let before = gateway.graph().generation();

    world.platform.advance(Duration::from_secs(5));
    world.channel(&second, &payee, open(4_000_000, 0, true));
    world.platform.advance(Duration::from_secs(180));
    let (applied, graph) = take(graph.timestamp);
    assert!(graph.channel(scid(&second, &payee)).is_some());
    assert_eq!((applied.channels, graph.channels().len()), (1, 3));
    assert!(gateway.graph().generation() > before);

    let (applied, _) = take(graph.timestamp);
    assert_eq!((applied.channels, applied.policies), (0, 0), "nothing new");
}
