//! A step that is local and not durable yet (a remote backup is behind): messages wait.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::Node;
use amplet_protocol::page::PaymentStatus;
use amplet_storage::{Receipt, Store};
use amplet_transport::Platform;
use amplet_transport::testing::TestPlatform;

use crate::world::{Net, net, through};

/// A store whose commits are local at once, and durable once `behind` is over.
fn backup(inner: Rc<dyn Store>, platform: TestPlatform, behind: Rc<Cell<bool>>) -> Rc<dyn Store> {
    through(inner, move |store, batch| {
        let (platform, behind) = (platform.clone(), Rc::clone(&behind));
        async move {
            let local = store.commit(batch).await?;
            Ok(Receipt::new(async move {
                while behind.get() {
                    platform.sleep(Duration::from_millis(10)).await;
                }
                local.durable().await
            }))
        }
    })
}

/// A network whose wallet has a backup, which is not behind at first.
fn backed_up() -> (Net, Rc<Cell<bool>>) {
    let mut net = net();
    net.world.kill("wallet", net.wallet.clone());
    let behind = Rc::new(Cell::new(false));
    let (platform, switch) = (net.world.platform.clone(), Rc::clone(&behind));
    net.wallet =
        net.world.open_with("wallet", net.world.disk("wallet"), move |inner| backup(inner, platform, switch));
    net.world.connect(&net.wallet, &net.gateway, "gateway");
    net.world.platform.advance(Duration::from_secs(2));
    (net, behind)
}

/// HTLCs that the gateway has heard of from this peer.
fn heard(gateway: &Node, from: &Node) -> usize {
    let channels = gateway.channels().list().into_iter();
    let shared = channels.filter(|channel| channel.counterparty.node_id == from.node_id());
    shared.map(|channel| channel.pending_inbound_htlcs.len()).sum()
}

#[test]
fn a_payment_is_not_told_to_the_peer_before_it_is_durable() {
    let (Net { world, wallet, gateway, payee }, behind) = backed_up();
    let invoice = world.ask(&payee, 50_000_000);
    behind.set(true);
    let before = wallet.commits();
    let id = world.begin(&wallet, &invoice, 100_000).unwrap();
    world.platform.advance(Duration::from_secs(10));
    assert!(wallet.commits() > before, "its step is local");
    assert_eq!(heard(&gateway, &wallet), 0, "and nobody has heard of it");
    assert_eq!(world.payment(&wallet, id).unwrap().status, PaymentStatus::Pending);
    behind.set(false);
    world.platform.advance(Duration::from_secs(10));
    assert_eq!(world.payment(&wallet, id).unwrap().status, PaymentStatus::Succeeded);
}
