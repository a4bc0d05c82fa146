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

/// The commitment and what pays its fee need the step with the closing on this device, and no word of a backup.
#[test]
fn a_forced_close_leaves_once_it_is_local() {
    let (Net { world, wallet, .. }, behind) = backed_up();
    // More than the commitment pays by itself.
    *world.server.fees.borrow_mut() = Some(r#"{"1":20,"6":20,"144":20,"1008":20}"#.into());
    world.mine(0);
    let channel = wallet.channels().list()[0].channel_id;
    behind.set(true);
    wallet.channels().close(channel, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(world.mempool.borrow().len(), 2, "the commitment, and its anchor's child");
    behind.set(false);
    world.mine(1);
    world.platform.advance(Duration::from_secs(5));
    assert!(wallet.channels().list().is_empty());
}
