//! Bytes that a gateway with many channels commits for each payment that it forwards.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::page::PaymentStatus;

use crate::world::{World, open, through};

/// Channels beside the two that payments take.
const IDLE_CHANNELS: u32 = 16;
const PAYMENTS: u32 = 20;

/// Transactions and bytes of each kind of record.
type Volume = Rc<RefCell<(u32, BTreeMap<String, usize>)>>;

#[test]
fn a_forward_writes_what_it_changes_however_many_channels_there_are() {
    let world = World::new();
    let volume = Volume::default();
    let out = Rc::clone(&volume);
    let gateway = world.open_with("gateway", world.disk("gateway"), move |inner| {
        through(inner, move |store, batch| {
            let mut out = out.borrow_mut();
            out.0 += 1;
            for (name, value) in batch.iter() {
                let kind = name.split('/').take(2).collect::<Vec<_>>().join("/");
                *out.1.entry(kind).or_default() += name.len() + value.map_or(0, <[u8]>::len);
            }
            async move { store.commit(batch).await }
        })
    });
    let [payee, wallet] = ["payee", "wallet"].map(|name| world.open(name));
    world.fund(&gateway, 40_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&gateway, &payee, "payee");
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&gateway, &payee, open(5_000_000, 2_000_000_000, true));
    world.channel(&wallet, &gateway, open(1_000_000, 400_000_000, false));
    for _ in 0..IDLE_CHANNELS {
        world.channel(&gateway, &payee, open(1_000_000, 0, false));
    }
    world.platform.advance(Duration::from_secs(180));
    let pay = || {
        let paid = world.pay(&wallet, &world.ask(&payee, 1_000_000));
        assert_eq!(paid.status, PaymentStatus::Succeeded);
    };
    pay();
    world.platform.advance(Duration::from_secs(5));
    *volume.borrow_mut() = Default::default();
    (0..PAYMENTS).for_each(|_| pay());
    world.platform.advance(Duration::from_secs(5));
    let (transactions, kinds) = volume.take();
    let bytes = kinds.values().sum::<usize>() / PAYMENTS as usize;
    println!(
        "{bytes} bytes in {} transactions for each: {kinds:#?}",
        f64::from(transactions) / f64::from(PAYMENTS)
    );
    assert!(bytes < 40_000, "{bytes} bytes for each: {kinds:#?}");
    // What was written is what is read.
    world.close("gateway", gateway);
    let gateway = world.open("gateway");
    world.connect(&gateway, &payee, "payee");
    world.connected(&wallet, gateway.node_id());
    world.platform.advance(Duration::from_secs(5));
    pay();
}
