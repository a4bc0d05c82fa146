//! A wallet moves to another device, as its user meets it: opened there, and in use.

use std::time::Duration;

use amplet_node::Notice;
use amplet_protocol::page::PaymentStatus;
use amplet_storage::{MemoryBackend, Purpose, StoreError};
use amplet_transport::Platform;
use futures::{FutureExt, StreamExt};

use crate::backup::{backed_up, in_order};
use crate::world::{Net, World};

const STEP: Duration = Duration::from_millis(10);

/// Whatever the first device was doing, within two seconds from opening the second one has the channel, and the first one has ended
/// with the reason. The time of each is printed by `cargo test -p amplet-node --test it moves_within_two_seconds -- --nocapture`.
#[test]
fn a_wallet_moves_within_two_seconds() {
    for (delay_ms, quiet_ms) in
        [(0, 30_000), (60, 0), (60, 200), (60, 300), (60, 500), (60, 20_300), (300, 7_000)]
    {
        let Net { world, wallet: first, gateway, payee } = backed_up();
        world.vss.set_delay_ms(delay_ms);
        let before = in_order(&first, &gateway);
        let paid = world.pay(&first, &world.ask(&payee, 20_000_000));
        assert_eq!(paid.status, PaymentStatus::Succeeded);
        world.platform.advance(Duration::from_secs(5));
        // A last write, and then so long nothing.
        let onchain = first.clone();
        world.platform.run(async move { onchain.onchain().new_address().await.map(drop) }).unwrap();
        world.platform.advance(Duration::from_millis(quiet_ms));
        let mut notices = first.subscribe();

        let began = world.platform.monotonic();
        let took = || (world.platform.monotonic() - began).as_millis();
        world.backups.borrow_mut().insert("wallet@2".into(), Purpose::Restore { move_here: true });
        let second = world.open_on("wallet@2", MemoryBackend::new());
        second.peers().connect_persistently(World::address(&gateway, "gateway")).unwrap();
        let open = took();
        let (mut heard, mut in_use) = (None, None);
        for _ in 0..500 {
            while let Some(Some(notice)) = notices.next().now_or_never() {
                if let Notice::Stopped(error) = notice {
                    heard.get_or_insert((took(), error.to_string()));
                }
            }
            if second.channels().list().iter().any(|channel| channel.is_usable) {
                in_use.get_or_insert(took());
            }
            world.platform.advance(STEP);
        }
        let (heard, why) = heard.expect("the first one has not heard of it");
        let in_use = in_use.expect("the second one has not got the channel");
        println!(
            "{delay_ms} ms to the backup, after {quiet_ms} ms of silence: open in {open} ms, heard after {heard} ms, in use after {in_use} ms"
        );
        let moved = StoreError::Moved { name: "wallet@2".into(), since: 0 }.to_string();
        assert!(why.contains(&moved), "{why}");
        assert!(heard <= 2_000 && in_use <= 2_000);
        let cost = paid.amount_msat.unwrap().get() + paid.fee_msat.unwrap().get();
        assert_eq!(in_order(&second, &gateway), before - cost);
    }
}

/// A device that nobody uses asks three times a minute.
#[test]
fn an_idle_wallet_asks_its_backup_seldom() {
    let Net { world, wallet, gateway, .. } = backed_up();
    world.platform.advance(Duration::from_secs(60));
    let asked = world.vss.requests();
    world.platform.advance(Duration::from_secs(600));
    let asked = world.vss.requests() - asked;
    println!("{asked} requests in ten minutes");
    assert!(asked <= 40, "{asked}");
    in_order(&wallet, &gateway);
}
