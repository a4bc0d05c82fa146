//! Three nodes and a wallet go on where an earlier tree was killed: what was under way ends, once.
//!
//! The files are frozen (`../fixtures/stored/README.md`); that the wallet's is read whole is tested by the wallet.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use amplet_chain::testing::TestChain;
use amplet_node::bitcoin::Transaction;
use amplet_node::bitcoin::consensus::encode::deserialize_hex;
use amplet_node::budget::{BudgetId, Rule};
use amplet_node::{Node, PaymentId};
use amplet_protocol::Msat;
use amplet_protocol::page::{Direction, Payment, PaymentKind, PaymentStatus};
use amplet_router::{Scid, snapshot};
use amplet_storage::kdf::Kek;
use amplet_storage::{Backend, MemoryBackend, SealedStore, SqliteBackend, Store, Write};
use serde_json::Value;

use crate::world::{World, msat};

const OUTSIDE: &str = include_str!("../fixtures/stored/outside.json");
const DISKS: [(&str, &[u8]); 4] = [
    ("gateway", include_bytes!("../fixtures/stored/gateway.sqlite")),
    ("payee", include_bytes!("../fixtures/stored/payee.sqlite")),
    ("island", include_bytes!("../fixtures/stored/island.sqlite")),
    ("wallet", include_bytes!("../fixtures/stored/wallet.sqlite")),
];

/// The chain, the mempool and the clock as they were, and the nodes' disks; no node runs.
fn stored() -> World {
    let outside: Value = serde_json::from_str(OUTSIDE).unwrap();
    let txs = |list: &Value| -> Vec<Transaction> {
        list.as_array().unwrap().iter().map(|hex| deserialize_hex(hex.as_str().unwrap()).unwrap()).collect()
    };
    let world = World::at(Duration::from_secs(outside["clock"].as_u64().unwrap()));
    let mut chain = TestChain::new(0);
    for height in 1..=outside["height"].as_u64().unwrap() {
        let mined = outside["blocks"].get(height.to_string()).map(txs);
        chain.mine(mined.unwrap_or_default());
    }
    assert_eq!(chain.tip_hash().to_string(), outside["tip"].as_str().unwrap(), "the same blocks again");
    *world.server.chain.borrow_mut() = chain;
    *world.mempool.borrow_mut() = txs(&outside["mempool"]);
    world
}

/// A copy of a frozen disk.
fn disk(bytes: &[u8]) -> MemoryBackend {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node");
    std::fs::write(&path, bytes).unwrap();
    futures::executor::block_on(async {
        let (file, copy) = (SqliteBackend::open(path).unwrap(), MemoryBackend::new());
        let epoch = copy.take_over().await.unwrap();
        let mut writes = Vec::new();
        for name in file.names().await.unwrap() {
            let value = file.read(&name).await.unwrap();
            writes.push(Write { name, value });
        }
        copy.commit(writes, epoch).await.unwrap();
        copy
    })
}

fn history(world: &World, node: &Node) -> Vec<Payment> {
    let node = node.clone();
    world.platform.run(async move { node.ledger().history(None, 100).await.unwrap() })
}

/// Payments that are reserved, and by budget what was spent in all.
fn budgets(node: &Node) -> (usize, BTreeMap<u32, u64>) {
    node.budgets().read(|policy, clock| {
        let total = |id| {
            let usage = policy.usage(id, clock);
            usage.iter().find(|limit| limit.rule == Rule::Total).map(|limit| limit.spent.get())
        };
        let spent =
            policy.budgets().filter_map(|(BudgetId(id), _)| Some((id, total(BudgetId(id))?))).collect();
        (policy.all_reserved().count(), spent)
    })
}

/// Everybody meets again, and six blocks are found.
fn go_on(world: &World) {
    let (gateway, wallet) = (world.node("gateway"), world.node("wallet"));
    for peer in ["payee", "island"] {
        world.connect(&gateway, &world.node(peer), peer);
    }
    world.connect(&wallet, &gateway, "gateway");
    world.platform.advance(Duration::from_secs(30));
    world.mine(6);
    world.platform.advance(Duration::from_secs(30));
}

/// Payments of `before` that go on while nobody does anything: not streams, nor invoices that nobody pays.
fn under_way(before: &[Payment]) -> Vec<&Payment> {
    let goes_on = |payment: &&Payment| {
        payment.status == PaymentStatus::Pending
            && payment.kind != PaymentKind::Stream
            && (payment.direction == Direction::Outbound || payment.kind == PaymentKind::Onchain)
    };
    before.iter().filter(goes_on).collect()
}

fn find(all: &[Payment], id: PaymentId) -> &Payment {
    all.iter().find(|payment| payment.id == id).unwrap()
}

/// Every payment is there once; what had ended is as it was, what was under way has succeeded.
fn all_ended(before: &[Payment], after: &[Payment]) {
    assert_eq!(after.len(), before.len(), "none was lost, and none is there twice");
    for payment in under_way(before) {
        let ended = find(after, payment.id);
        assert_eq!(ended.status, PaymentStatus::Succeeded, "{ended:?}");
        assert_eq!((ended.amount_msat, ended.created_at), (payment.amount_msat, payment.created_at));
    }
    let had_ended =
        |payment: &&Payment| payment.status != PaymentStatus::Pending && payment.kind != PaymentKind::Stream;
    for payment in before.iter().filter(had_ended) {
        let same = Payment { confirmations: payment.confirmations, ..find(after, payment.id).clone() };
        assert_eq!(same, *payment);
    }
}

#[test]
fn what_was_under_way_when_an_earlier_tree_stopped_ends_now() {
    let world = stored();
    for (name, bytes) in DISKS {
        world.open_on(name, disk(bytes));
    }
    let wallet = world.node("wallet");
    let before = history(&world, &wallet);
    let (reserved, spent_before) = budgets(&wallet);
    assert_eq!(reserved, 4, "an invoice, a keysend, one of a stream, and on-chain money");
    assert_eq!(under_way(&before).len(), 5);

    go_on(&world);

    let after = history(&world, &wallet);
    all_ended(&before, &after);
    let stream = after
        .iter()
        .find(|payment| payment.kind == PaymentKind::Stream && payment.status == PaymentStatus::Pending)
        .unwrap();
    let totals = stream.stream.as_ref().unwrap();
    assert_eq!((totals.payments, totals.failed, totals.pending_msat), (4, 0, msat(0)));
    assert_eq!(stream.amount_msat, Some(msat(60_000)));

    let (reserved, spent) = budgets(&wallet);
    assert_eq!(reserved, 0, "each reservation ended with its payment");
    let cost = |kind: PaymentKind| {
        let mut of_kind = under_way(&before).into_iter().filter(|payment| payment.kind == kind);
        let outbound = of_kind.find(|payment| payment.direction == Direction::Outbound).unwrap();
        let ended = find(&after, outbound.id);
        ended.amount_msat.unwrap().get() + ended.fee_msat.unwrap().get()
    };
    // What the stream's three earlier payments cost above their amounts was spent before.
    let game = cost(PaymentKind::Onchain) + 15_000 + stream.fee_msat.unwrap().get() - 3_003;
    let others = cost(PaymentKind::Bolt11) + cost(PaymentKind::Keysend);
    assert_eq!(spent[&3] - spent_before[&3], game);
    assert_eq!(spent[&0] - spent_before[&0], game + others, "what others draw from it counts there, too");
    assert_eq!(spent[&4], spent_before[&4], "closed");
    let usable = wallet.channels().list().iter().filter(|channel| channel.is_usable).count();
    assert_eq!(usable, 2, "the channel that waited for its block is there, and none was closed");

    // And on it goes, with what was stored of the network.
    let paid = world.pay(&wallet, &world.ask(&world.node("payee"), 1_000_000));
    assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
}

#[test]
fn routing_data_and_beliefs_of_an_earlier_tree_are_read_and_kept() {
    let world = stored();
    let wallet = disk(DISKS[3].1);
    let read = |name: &'static str| {
        let wallet = wallet.clone();
        let read = async move {
            let store = SealedStore::open(Rc::new(wallet), Kek::from_bytes([7; 32])).await.unwrap();
            store.get(name).await.unwrap().unwrap()
        };
        world.platform.run(read)
    };
    let graph = snapshot::read_graph(&read("routing/graph")).unwrap();
    let beliefs = snapshot::read_beliefs(&read("routing/beliefs")).unwrap();
    assert_eq!((graph.node_count(), graph.channels().len(), beliefs.len()), (3, 2, 2));
    let believed = |scid| {
        let belief = beliefs.get(Scid(scid), 0).unwrap();
        [belief.low_msat, belief.high_msat, belief.capacity_msat].map(Msat::get)
    };
    assert_eq!(graph.channels()[0].scid, Scid(135_239_930_281_985));
    assert_eq!(believed(135_239_930_281_985), [106_265_341, 4_498_105_440, 4_500_000_000]);
    assert_eq!(graph.channels()[1].scid, Scid(142_936_511_676_416));
    assert_eq!(believed(142_936_511_676_416), [2_640_000_001, 2_700_000_000, 2_700_000_000]);
    // The new tree takes both up, and writes back what it has learnt.
    let node = world.open_on("wallet", wallet.clone());
    world.platform.advance(Duration::from_secs(1));
    world.close("wallet", node);
    assert_eq!(snapshot::read_beliefs(&read("routing/beliefs")).unwrap().len(), beliefs.len());
    assert_eq!(
        snapshot::read_graph(&read("routing/graph")).unwrap().channels().len(),
        graph.channels().len()
    );
}
