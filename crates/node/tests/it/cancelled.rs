//! Invoices that are cancelled, and what the application says of an invoice.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::{NewInvoice, Node, PayError, PaymentId};
use amplet_protocol::page::{ErrorCode, PaymentStatus};
use amplet_transport::Platform;

use crate::world::{Net, World, mortal, msat, net};

fn cancel(world: &World, node: &Node, id: PaymentId) -> Result<(), PayError> {
    let node = node.clone();
    world.platform.run(async move { node.payments().cancel_invoice(id).await })
}

#[test]
fn whoever_pays_a_cancelled_invoice_gets_the_money_back_also_after_a_restart() {
    for restarts in [false, true] {
        let Net { world, wallet, payee, .. } = net();
        let invoice = world.ask(&payee, 2_000_000);
        let id = PaymentId(invoice.payment_hash().0);
        cancel(&world, &payee, id).unwrap();
        let payee = if restarts {
            world.kill("payee", payee);
            let payee = world.open("payee");
            world.platform.advance(Duration::from_secs(90));
            payee
        } else {
            payee
        };
        let before = wallet.channels().balance().lightning_msat;
        let paid = world.pay(&wallet, &invoice);
        assert!(matches!(paid.status, PaymentStatus::Failed { .. }), "{paid:?}");
        assert_eq!(wallet.channels().balance().lightning_msat, before);
        let record = world.payment(&payee, id).unwrap();
        let PaymentStatus::Failed { error } = record.status else { panic!("{record:?}") };
        assert_eq!(error.code, ErrorCode::Cancelled);
        assert_eq!(cancel(&world, &payee, id).unwrap_err(), PayError::NotWaiting, "it is over");
    }
}

#[test]
fn an_invoice_that_is_being_paid_or_was_paid_is_not_cancelled() {
    for commits in 0..4 {
        let Net { world, wallet, payee, .. } = net();
        assert_eq!(world.pay(&wallet, &world.ask(&payee, 1_000_000)).status, PaymentStatus::Succeeded);
        let invoice = world.ask(&payee, 2_000_000);
        let id = PaymentId(invoice.payment_hash().0);
        world.begin(&wallet, &invoice, 100_000).unwrap();
        // The payment has got so far.
        world.platform.advance(Duration::from_millis(5 * commits));
        let cancelled = cancel(&world, &payee, id);
        world.platform.advance(Duration::from_secs(30));
        let (paid, record) = (world.payment(&wallet, id).unwrap(), world.payment(&payee, id).unwrap());
        match cancelled {
            Ok(()) => {
                assert!(matches!(paid.status, PaymentStatus::Failed { .. }), "{paid:?}");
                assert!(matches!(record.status, PaymentStatus::Failed { .. }), "{record:?}");
            }
            Err(error) => {
                assert_eq!(error, PayError::NotWaiting);
                assert_eq!(paid.status, PaymentStatus::Succeeded);
                assert_eq!(record.status, PaymentStatus::Succeeded);
            }
        }
        assert_eq!(cancel(&world, &payee, id).unwrap_err(), PayError::NotWaiting);
    }
}

#[test]
fn what_is_no_waiting_invoice_of_ours_is_not_cancelled() {
    let Net { world, wallet, payee, .. } = net();
    assert_eq!(cancel(&world, &payee, PaymentId([7; 32])).unwrap_err(), PayError::NotWaiting);
    let invoice = world.ask(&payee, 2_000_000);
    let id = PaymentId(invoice.payment_hash().0);
    assert_eq!(cancel(&world, &wallet, id).unwrap_err(), PayError::NotWaiting, "another's");
    assert_eq!(world.pay(&wallet, &invoice).status, PaymentStatus::Succeeded);
    assert_eq!(cancel(&world, &wallet, id).unwrap_err(), PayError::NotWaiting, "a payment of ours");
}

/// The disk fails under the cancelling.
#[test]
fn an_invoice_is_cancelled_durably_or_not_at_all() {
    let Net { world, wallet, payee, .. } = net();
    let invoice = world.ask(&payee, 2_000_000);
    let id = PaymentId(invoice.payment_hash().0);
    world.platform.run_until_stalled();
    world.kill("payee", payee);
    let (dying, store) = mortal(&world, "payee");
    world.platform.run_until_stalled();
    store.die_before_commit(0);
    let (asked, node) = (Rc::new(Cell::new(false)), dying.clone());
    let done = Rc::clone(&asked);
    let cancelling = async move { done.set(node.payments().cancel_invoice(id).await.is_ok()) };
    world.platform.spawn(Box::pin(cancelling));
    world.platform.advance(Duration::from_secs(5));
    assert!(!asked.get(), "nothing was saved");
    world.kill("payee", dying);
    let payee = world.open("payee");
    world.platform.advance(Duration::from_secs(90));
    assert_eq!(world.payment(&payee, id).unwrap().status, PaymentStatus::Pending);
    assert_eq!(world.pay(&wallet, &invoice).status, PaymentStatus::Succeeded);
}

#[test]
fn metadata_comes_back_with_the_payment_and_outlives_a_restart() {
    let Net { world, wallet, payee, .. } = net();
    let metadata = [("order".to_owned(), "17 ü".to_owned())].into();
    let new = NewInvoice {
        amount_msat: Some(msat(2_000_000)),
        description: "tea".into(),
        expiry_secs: 3600,
        metadata,
    };
    let (node, asked) = (payee.clone(), new.clone());
    let invoice = world.platform.run(async move { node.payments().invoice(&asked).await }).unwrap();
    let id = PaymentId(invoice.payment_hash().0);
    assert!(!invoice.to_string().contains("order"), "the payer does not see it");
    assert_eq!(world.pay(&wallet, &invoice).status, PaymentStatus::Succeeded);
    world.platform.advance(Duration::from_secs(1));
    world.kill("payee", payee);
    let payee = world.open("payee");
    let record = world.payment(&payee, id).unwrap();
    assert_eq!((record.status, record.metadata), (PaymentStatus::Succeeded, new.metadata));
}
