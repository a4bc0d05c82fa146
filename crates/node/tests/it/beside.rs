//! Records of the application that go with a payment: both are there or neither, whenever the power fails.

use std::time::Duration;

use amplet_node::lightning_invoice::Bolt11Invoice;
use amplet_node::{Authorization, Node, PayError, PayInvoice, PayStream, PaymentId, StreamTo};
use amplet_storage::Batch;

use crate::world::{Moment, Net, World, msat, net};

const NOTE: &str = "app/note";
const OLD: &str = "app/old";

/// The user, with a record that is written beside the payment, and one that is removed.
fn noting() -> Authorization {
    let mut beside = Batch::new();
    beside.put(NOTE, b"a credential".to_vec());
    beside.remove(OLD);
    Authorization { beside, ..Authorization::user() }
}

fn pay(world: &World, from: &Node, invoice: &Bolt11Invoice) -> Result<PaymentId, PayError> {
    let (from, invoice) = (from.clone(), invoice.clone());
    let pay = PayInvoice { invoice, amount_msat: None, max_fee_msat: msat(100_000) };
    world.platform.run(async move { from.payments().begin(pay, &noting()).await })
}

fn put_old(world: &World, node: &Node) {
    let node = node.clone();
    world.platform.run(async move {
        node.ledger().stage(|batch| batch.put(OLD, vec![1]));
        node.ledger().flushed().await.unwrap();
    });
}

/// Names of the application's committed records.
fn recorded(world: &World, node: &Node) -> Vec<String> {
    let node = node.clone();
    world.platform.run(async move { node.ledger().committed_names("app/").await.unwrap() })
}

#[test]
fn they_are_there_exactly_when_the_payment_is() {
    let moments = [
        Moment::BeforeCommit(0),
        Moment::AfterCommit(0),
        Moment::BeforeMessage(0),
        Moment::BeforeCommit(1),
        Moment::AfterCommit(1),
    ];
    let mut outcomes = Vec::new();
    for moment in moments {
        let Net { world, wallet, gateway, payee } = net();
        world.platform.run_until_stalled();
        world.kill("wallet", wallet);
        let (wallet, power) = world.open_powered("wallet");
        put_old(&world, &wallet);
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(2));
        let invoice = world.ask(&payee, 50_000_000);
        power.arm(moment, None);
        let id = pay(&world, &wallet, &invoice).unwrap();
        world.platform.advance(Duration::from_secs(2));
        assert!(power.is_off(), "{moment:?}");
        world.kill("wallet", wallet);
        let wallet = world.open("wallet");
        let is_known = world.payment(&wallet, id).is_some();
        assert_eq!(recorded(&world, &wallet), [if is_known { NOTE } else { OLD }], "{moment:?}");
        outcomes.push(is_known);
    }
    assert_eq!(outcomes.first(), Some(&false), "nothing was committed");
    assert_eq!(outcomes.last(), Some(&true));
}

#[test]
fn of_a_payment_that_is_refused_nothing_is_recorded() {
    let Net { world, wallet, payee, .. } = net();
    put_old(&world, &wallet);
    let unpayable = world.ask(&payee, 5_000_000_000);
    assert!(matches!(pay(&world, &wallet, &unpayable), Err(PayError::NoRoute(_))));
    world.platform.advance(Duration::from_secs(1));
    assert_eq!(recorded(&world, &wallet), [OLD]);
}

#[test]
fn they_go_with_a_stream_that_is_opened_and_with_its_payments() {
    let Net { world, wallet, gateway, .. } = net();
    let (node, to) = (wallet.clone(), StreamTo { payee: gateway.node_id(), session: "film".into() });
    let stream = world.platform.run(async move {
        let mut beside = Batch::new();
        beside.put(OLD, vec![1]);
        node.payments().open_stream_with(&to, beside).await.unwrap()
    });
    assert_eq!(recorded(&world, &wallet), [OLD]);
    let (node, next) =
        (wallet.clone(), PayStream { stream, amount_msat: msat(5_000), max_fee_msat: msat(0) });
    world.platform.run(async move { node.payments().begin(next, &noting()).await.unwrap() });
    world.platform.advance(Duration::from_secs(1));
    assert_eq!(recorded(&world, &wallet), [NOTE]);
}
