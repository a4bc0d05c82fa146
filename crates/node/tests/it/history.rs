//! A long history: opening reads none of it, and what keeps an invoice from being paid twice holds.

use std::rc::Rc;
use std::time::Duration;

use crate::world::{World, WriteMeter, metered, pair};
use amplet_node::{Node, PayError};
use amplet_protocol::page::PaymentStatus;
use amplet_storage::kdf::Kek;
use amplet_storage::{Batch, SealedStore, SharedBackend, Store};

const PAYMENTS: usize = 5_000;

/// Writes that many payments to us of 1 sat into a closed wallet's history, as its one payment is stored there.
fn fill(world: &World) {
    let disk = world.disk("wallet");
    world.platform.run(async move {
        let backend: SharedBackend = Rc::new(disk);
        let store = SealedStore::open(backend, Kek::from_bytes([7; 32])).await.unwrap();
        let name = store.list("payment/done/").await.unwrap().pop().unwrap();
        let record = String::from_utf8(store.get(&name).await.unwrap().unwrap()).unwrap();
        let (at, id) = name.strip_prefix("payment/done/").unwrap().split_once("/out/").unwrap();
        let record = record.replace("\"direction\":\"outbound\"", "\"direction\":\"inbound\"");
        for thousand in 0..PAYMENTS / 1_000 {
            let mut batch = Batch::new();
            for number in thousand * 1_000..(thousand + 1) * 1_000 {
                let other = format!("{number:064x}");
                batch.put(format!("payment/done/{at}/in/{other}"), record.replace(id, &other).into_bytes());
            }
            store.commit(batch).await.unwrap().durable().await.unwrap();
        }
    });
}

fn opened(world: &World) -> (Node, Rc<WriteMeter>) {
    let (wrap, meter) = metered();
    let wallet = world.open_with("wallet", world.disk("wallet"), wrap);
    world.platform.advance(Duration::from_secs(5));
    (wallet, meter.take().unwrap())
}

#[test]
fn a_wallet_opens_with_as_many_reads_however_long_its_history_is() {
    let (world, wallet, gateway) = pair();
    let invoice = world.ask(&gateway, 1_000_000);
    assert_eq!(world.pay(&wallet, &invoice).status, PaymentStatus::Succeeded);
    world.platform.advance(Duration::from_secs(5));
    world.close("wallet", wallet);
    // What the payment left to be put together is put together.
    let (wallet, _) = opened(&world);
    world.close("wallet", wallet);
    let (wallet, short) = opened(&world);
    let counts = |meter: &WriteMeter| (meter.reads.get(), meter.lists.get());
    let few = counts(&short);
    world.close("wallet", wallet);
    fill(&world);
    let (wallet, long) = opened(&world);
    assert_eq!(counts(&long), few, "records read, and listings");

    assert_eq!(world.begin(&wallet, &invoice, 10_000), Err(PayError::Duplicate));
    let before = long.reads.get();
    let node = wallet.clone();
    let page = world.platform.run(async move { node.ledger().history(None, 20).await.unwrap() });
    assert_eq!((page.len(), long.reads.get() - before), (20, 20), "a page reads its own records");
    let last = page.last().unwrap().id;
    let node = wallet.clone();
    let next = world.platform.run(async move { node.ledger().history(Some(last), 20).await.unwrap() });
    assert!(next.len() == 20 && next.iter().all(|payment| !page.contains(payment)));
}
