//! Three nodes on one chain: channels, payments both ways, restarts at every step.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::{Node, PaymentId};
use amplet_protocol::page::{PartState, PaymentStatus};
use amplet_storage::Store;

use crate::world::{Killable, Net, World, msat, net};

#[test]
fn a_wallet_pays_two_hops_away_and_is_paid_back() {
    let Net { world, wallet, gateway, payee } = net();
    // The payee's channel is younger than the wallet's graph: the first payment has it updated.
    let asked = world.snapshots.borrow().len();
    let first = world.pay(&wallet, &world.ask(&payee, 10_000_000));
    assert_eq!(first.status, PaymentStatus::Succeeded, "{first:?}");
    assert_eq!(world.snapshots.borrow().len(), asked + 1);
    let invoice = world.ask(&payee, 50_000_000);
    let paid = world.pay(&wallet, &invoice);
    assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
    assert_eq!(paid.hops, Some(2));
    let [part] = &paid.parts[..] else { panic!("{paid:?}") };
    assert_eq!(
        (part.amount_msat, part.fee_msat, part.state),
        (msat(50_000_000), msat(6_000), PartState::Succeeded)
    );
    let nodes: Vec<String> = part.path.iter().map(|hop| hop.node.to_string()).collect();
    assert_eq!(nodes, [gateway.node_id().to_string(), payee.node_id().to_string()]);
    assert_eq!(paid.fee_msat, Some(msat(1000 + 50_000_000 * 100 / 1_000_000)));
    let back = world.ask(&wallet, 20_000_000);
    let got = world.pay(&payee, &back);
    assert_eq!(got.status, PaymentStatus::Succeeded, "{got:?}");
    world.platform.advance(Duration::from_secs(1));
    let received = world.payment(&wallet, PaymentId(back.payment_hash().0)).unwrap();
    assert_eq!(received.status, PaymentStatus::Succeeded);
    assert_eq!(received.amount_msat, Some(msat(20_000_000)));
    let balance = wallet.channels().balance();
    let expected = msat(1_000_000_000 - 10_002_000 - 50_006_000 + 20_000_000);
    assert_eq!(balance.lightning_msat, expected, "{balance:?}");
}

/// The wallet is killed after so many commits of a payment, before or after it could speak.
#[test]
fn a_payment_survives_the_wallets_death_at_every_step() {
    for commits in 0..=4 {
        let Net { world, wallet, payee, .. } = net();
        let invoice = world.ask(&payee, 50_000_000);
        world.platform.run_until_stalled();
        // The same disk, opened by a wallet whose process will die after so many commits.
        world.kill("wallet", wallet);
        let dead = Rc::new(Cell::new(false));
        let flag = Rc::clone(&dead);
        let wrap =
            move |store: Rc<dyn Store>| -> Rc<dyn Store> { Rc::new(Killable::new(store, 3 + commits, flag)) };
        let wallet = world.open_with("wallet", world.disk("wallet"), wrap);
        let gateway_id = reconnect(&world, &wallet);
        let id = world.begin(&wallet, &invoice, 100_000);
        world.platform.advance(Duration::from_secs(2));
        world.kill("wallet", wallet);
        let wallet = world.open("wallet");
        reconnect(&world, &wallet);
        world.platform.advance(Duration::from_secs(30));
        let id = id.unwrap();
        match world.payment(&wallet, id).map(|payment| payment.status) {
            Some(PaymentStatus::Succeeded) => {}
            None | Some(PaymentStatus::Failed { .. }) => {
                // No funds were sent: paying again works.
                let paid = world.pay(&wallet, &invoice);
                assert_eq!(paid.status, PaymentStatus::Succeeded, "after {commits} commits: {paid:?}");
            }
            Some(PaymentStatus::Pending) => panic!("after {commits} commits the payment hangs"),
        }
        let got = world.payment(&payee, id).unwrap();
        assert_eq!(got.status, PaymentStatus::Succeeded, "after {commits} commits");
        assert_eq!(wallet.channels().list().len(), 1, "no channel was closed");
        assert!(wallet.peers().is_connected(&gateway_id));
    }
}

/// What a page is told of such a payment is its id; here is what the id finds.
#[test]
fn a_payment_under_way_when_the_wallet_is_closed_has_its_end_after_opening_again() {
    for pause_ms in [0, 1, 3, 10] {
        let Net { world, wallet, payee, .. } = net();
        assert_eq!(world.pay(&wallet, &world.ask(&payee, 1_000_000)).status, PaymentStatus::Succeeded);
        let invoice = world.ask(&payee, 50_000_000);
        world.platform.run_until_stalled();
        let id = world.begin(&wallet, &invoice, 100_000).unwrap();
        assert_eq!(id, PaymentId(invoice.payment_hash().0), "known from the invoice, before it is begun");
        world.platform.advance(Duration::from_millis(pause_ms));
        world.close("wallet", wallet);
        let wallet = world.open("wallet");
        reconnect(&world, &wallet);
        world.platform.advance(Duration::from_secs(30));
        let ended = world.payment(&wallet, id).expect("begun is recorded");
        let got = world.payment(&payee, id).unwrap();
        match ended.status {
            PaymentStatus::Succeeded => assert_eq!(got.status, PaymentStatus::Succeeded, "{pause_ms} ms"),
            PaymentStatus::Failed { .. } => assert_eq!(got.status, PaymentStatus::Pending, "{pause_ms} ms"),
            PaymentStatus::Pending => panic!("after {pause_ms} ms the payment hangs"),
        }
    }
}

fn reconnect(world: &World, wallet: &Node) -> amplet_node::bitcoin::secp256k1::PublicKey {
    let gateway = world.node("gateway");
    world.connect(wallet, &gateway, "gateway");
    world.platform.advance(Duration::from_secs(1));
    gateway.node_id()
}
