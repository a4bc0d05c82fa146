//! Records that cannot be read: only those without which the money is not known keep a wallet from opening.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::{Authorization, Node, PayError, PayStream, StreamTo};
use amplet_protocol::page::PaymentStatus;
use amplet_storage::{Batch, Receipt, Store, StoreError};
use futures::FutureExt;
use futures::future::LocalBoxFuture;

use crate::world::{World, msat, pair};

/// The damage that a store has taken.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// Its seal does not open.
    Seal,
    /// What is in it makes no sense.
    Content,
}

/// A store with a damaged record.
struct Torn {
    inner: Rc<dyn Store>,
    name: String,
    damage: Damage,
}

const GARBAGE: &[u8] = b"{";

impl Store for Torn {
    fn get<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            match self.damage {
                _ if name != self.name => self.inner.get(name).await,
                Damage::Seal => Err(StoreError::Corrupt { name: name.to_owned(), what: "a test".into() }),
                Damage::Content => Ok(Some(GARBAGE.to_vec())),
            }
        }
        .boxed_local()
    }
    fn list<'a>(&'a self, prefix: &'a str) -> LocalBoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.inner.list(prefix)
    }
    fn ready<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), StoreError>> {
        self.inner.ready()
    }
    fn commit<'a>(&'a self, batch: Batch) -> LocalBoxFuture<'a, Result<Receipt, StoreError>> {
        self.inner.commit(batch)
    }
    fn commits(&self) -> u64 {
        self.inner.commits()
    }
    fn close<'a>(&'a self) -> LocalBoxFuture<'a, ()> {
        self.inner.close()
    }
}

fn stream(world: &World, wallet: &Node, gateway: &Node) {
    let to = StreamTo { payee: gateway.node_id(), session: "film".into() };
    let node = wallet.clone();
    world.platform.run(async move {
        let stream = node.payments().open_stream(&to).await.unwrap();
        let next = PayStream { stream, amount_msat: msat(10_000), max_fee_msat: msat(10_000) };
        node.payments().begin(next, &Authorization::user()).await.unwrap();
    });
    world.platform.advance(Duration::from_secs(5));
}

/// All names in a wallet's store.
fn names(world: &World) -> Vec<String> {
    let seen: Rc<RefCell<Option<Rc<dyn Store>>>> = Rc::default();
    let out = Rc::clone(&seen);
    let node = world.open_with("wallet", world.disk("wallet"), move |store| {
        out.borrow_mut().replace(Rc::clone(&store));
        store
    });
    let store = seen.take().unwrap();
    let names = world.platform.run(async move { store.list("").await.unwrap() });
    world.kill("wallet", node);
    names
}

#[test]
fn only_what_the_money_hangs_on_keeps_a_wallet_from_opening() {
    let (world, wallet, gateway) = pair();
    world.pay(&wallet, &world.ask(&gateway, 5_000_000));
    world.ask(&wallet, 7_000_000);
    stream(&world, &wallet, &gateway);
    world.platform.advance(Duration::from_secs(700));
    world.close("wallet", wallet);
    let names = names(&world);
    for kind in ["payment/open/", "payment/done/", "event/", "stream/", "policy/state/", "routing/", "chain/"]
    {
        assert!(names.iter().any(|name| name.starts_with(kind)), "{kind}: {names:?}");
    }
    let vital = ["ldk/manager", "ldk/monitor/", "ldk/monitor_update/", "ldk/output_sweeper", "onchain/"];
    for name in names {
        for damage in [Damage::Seal, Damage::Content] {
            let torn = name.clone();
            let wrap = move |inner| -> Rc<dyn Store> { Rc::new(Torn { inner, name: torn, damage }) };
            let opened = world.try_open("wallet", world.snapshot("wallet"), wrap);
            let Ok(node) = opened else {
                assert!(vital.iter().any(|vital| name.starts_with(vital)), "{name} {damage:?}");
                continue;
            };
            assert!(!vital.iter().any(|vital| name.starts_with(vital)), "{name} {damage:?} is missed");
            assert_eq!(node.channels().list().len(), 1, "{name} {damage:?}: its channel is watched");
            let reader = node.clone();
            let history = world.platform.run(async move { reader.ledger().history(None, 100).await });
            assert!(history.unwrap().len() >= 2, "{name} {damage:?}");
            let told = ["payment/", "event/", "stream/", "policy/", "counter/"];
            // A counter's content is a number of eight bytes, or begins again behind what is there.
            let silent = name.starts_with("counter/") && matches!(damage, Damage::Content);
            if told.iter().any(|told| name.starts_with(told)) && !silent {
                // Without its record a stream is not read either.
                assert!(node.ledger().damaged().contains(&name), "{name} {damage:?}");
            }
            world.kill("wallet", node);
        }
    }
}

#[test]
fn a_payment_in_flight_whose_record_cannot_be_read_keeps_its_reservation_and_ends() {
    for damage in [Damage::Seal, Damage::Content] {
        let (world, wallet, gateway) = pair();
        let invoice = world.ask(&gateway, 5_000_000);
        // It has the HTLC, and cannot answer.
        world.disk("gateway").set_quota(Some(1));
        let id = world.begin(&wallet, &invoice, 10_000).unwrap();
        world.platform.advance(Duration::from_secs(2));
        world.kill("wallet", wallet);
        let name = format!("payment/open/out/{id}");
        let torn = name.clone();
        let wrap = move |inner| -> Rc<dyn Store> { Rc::new(Torn { inner, name: torn, damage }) };
        let wallet = world.open_with("wallet", world.disk("wallet"), wrap);
        assert_eq!(wallet.ledger().damaged(), std::slice::from_ref(&name));
        assert_eq!(wallet.budgets().policy().all_reserved().count(), 1, "it may still be paid");
        assert_eq!(world.begin(&wallet, &invoice, 10_000), Err(PayError::Duplicate));
        world.disk("gateway").set_quota(None);
        world.platform.advance(Duration::from_secs(15));
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(30));
        let paid = world.payment(&wallet, id).unwrap();
        assert_eq!((paid.status, paid.amount_msat), (PaymentStatus::Succeeded, Some(msat(5_000_000))));
        assert_eq!(wallet.budgets().policy().all_reserved().count(), 0);
        world.kill("wallet", wallet);
        assert!(names(&world).contains(&name), "the record is kept");
    }
}
