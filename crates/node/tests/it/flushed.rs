//! Waiting for durability waits for the step that holds their writes; records of earlier releases are taken over.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::bitcoin::Address;
use amplet_node::{Node, PayStream, StreamTo};
use amplet_protocol::page::Payment;
use amplet_storage::{Batch, Store};
use amplet_transport::Platform;

use crate::world::{Net, World, msat, net, slow};

fn address(world: &World, node: &Node) -> Address {
    let node = node.clone();
    world.platform.run(async move { node.onchain().new_address().await.unwrap() })
}

#[test]
fn an_address_that_was_returned_is_durable() {
    let world = World::new();
    let delay = Rc::new(Cell::new(Duration::ZERO));
    let (platform, slowness) = (world.platform.clone(), Rc::clone(&delay));
    let wallet =
        world.open_with("wallet", world.disk("wallet"), move |inner| slow(inner, platform, slowness));
    world.platform.advance(Duration::from_secs(1));
    delay.set(Duration::from_millis(50));
    let (node, platform) = (wallet.clone(), world.platform.clone());
    let second = world.platform.run(async move {
        let first = node.onchain().new_address();
        let second = async {
            // The commit with the first one is in flight.
            platform.sleep(Duration::from_millis(10)).await;
            node.onchain().new_address().await
        };
        futures::pin_mut!(first, second);
        match futures::future::select(first, second).await {
            futures::future::Either::Left((_, second)) => second.await,
            futures::future::Either::Right(_) => panic!("the second one waits for a later commit"),
        }
    });
    world.kill("wallet", wallet);
    let wallet = world.open("wallet");
    assert_ne!(address(&world, &wallet), second.unwrap(), "handed out before");
}

#[test]
fn what_was_staged_is_waited_for_also_when_its_step_was_taken() {
    let world = World::new();
    let delay = Rc::new(Cell::new(Duration::ZERO));
    let (platform, slowness) = (world.platform.clone(), Rc::clone(&delay));
    let wallet =
        world.open_with("wallet", world.disk("wallet"), move |inner| slow(inner, platform, slowness));
    world.platform.advance(Duration::from_secs(1));
    delay.set(Duration::from_millis(50));
    let (node, platform) = (wallet.clone(), world.platform.clone());
    world.platform.run(async move {
        node.ledger().stage(|batch| batch.put("app/note", vec![7]));
        // Its step is taken, and not durable yet.
        platform.sleep(Duration::from_millis(10)).await;
        let before = node.commits();
        node.ledger().flushed().await.unwrap();
        assert_eq!(node.commits(), before + 1);
    });
    world.kill("wallet", wallet);
}

fn history(world: &World, node: &Node) -> Vec<Payment> {
    let node = node.clone();
    world.platform.run(async move { node.ledger().history(None, 100).await.unwrap() })
}

/// Gives the records the names that they had before those told the direction.
fn as_before(world: &World, name: &str) -> usize {
    let kept: Rc<std::cell::RefCell<Option<Rc<dyn Store>>>> = Rc::default();
    let out = Rc::clone(&kept);
    let node = world.open_with(name, world.disk(name), move |store| {
        out.borrow_mut().replace(Rc::clone(&store));
        store
    });
    world.platform.run_until_stalled();
    let store = kept.borrow().clone().unwrap();
    let renamed = world.platform.run(async move {
        let mut batch = Batch::default();
        let mut renamed = 0;
        for prefix in ["payment/", "stream/"] {
            for name in store.list(prefix).await.unwrap() {
                let before = name.replace("/in/", "/").replace("/out/", "/");
                let value = store.get(&name).await.unwrap().unwrap();
                assert_ne!(name, before);
                batch.remove(name);
                batch.put(before, value);
                renamed += 1;
            }
        }
        store.commit(batch).await.unwrap().durable().await.unwrap();
        renamed
    });
    world.kill(name, node);
    renamed
}

#[test]
fn records_of_releases_without_directions_are_taken_over() {
    let Net { world, wallet, gateway, payee } = net();
    world.pay(&wallet, &world.ask(&payee, 50_000_000));
    world.pay(&payee, &world.ask(&wallet, 5_000_000));
    world.ask(&wallet, 7_000_000);
    let to = StreamTo { payee: payee.node_id(), session: "film".into() };
    let node = wallet.clone();
    let stream = world.platform.run(async move { node.payments().open_stream(&to).await }).unwrap();
    let pay = |wallet: &Node| {
        let node = wallet.clone();
        let next = PayStream { stream, amount_msat: msat(10_000), max_fee_msat: msat(10_000) };
        let begun = async move { node.payments().begin(next, &amplet_node::Authorization::user()).await };
        world.platform.run(begun).unwrap();
        world.platform.advance(Duration::from_secs(5));
    };
    pay(&wallet);
    let both = [("wallet", wallet.clone()), ("payee", payee.clone())];
    for (name, node) in both {
        let before = history(&world, &node);
        let streams = node.payments().streams();
        world.kill(name, node);
        assert!(as_before(&world, name) >= before.len());
        for _ in 0..2 {
            let node = world.open(name);
            assert_eq!(history(&world, &node), before);
            assert_eq!(node.payments().streams(), streams);
            world.platform.run_until_stalled();
            world.kill(name, node);
        }
        world.open(name);
    }
    let (wallet, payee) = (world.node("wallet"), world.node("payee"));
    world.connect(&wallet, &gateway, "gateway");
    world.connect(&gateway, &payee, "payee");
    world.platform.advance(Duration::from_secs(2));
    pay(&wallet);
    assert_eq!(wallet.payments().stream(stream).unwrap().amount_msat, Some(msat(20_000)));
    assert_eq!(payee.payments().session("film").unwrap().amount_msat, Some(msat(20_000)));
}
