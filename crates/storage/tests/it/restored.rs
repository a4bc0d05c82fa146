//! Servers of backups that were restored from older copies of their own.

#![allow(clippy::unwrap_used)]

use super::mirror::{HERE, RESTORE, all, kill, world};
use super::vss::{batch, commit};
use amplet_storage::{Purpose, Store};

#[test]
fn a_server_that_was_restored_is_recognised_and_gets_everything_again() {
    for reopen in [false, true] {
        let mut world = world();
        let (device, other) = (world.device("one"), world.device("two"));
        let server = world.server.clone();
        world.run(async {
            let mut a = device.open(Purpose::SetUp).await.unwrap();
            commit(&*a.store, "payment/1", "one").await;
            commit(&*a.store, "payment/2", "two").await;
            let old = server.snapshot();
            let mut next = batch("payment/3", "three");
            next.remove("payment/2");
            a.store.commit(next).await.unwrap().durable().await.unwrap();
            commit(&*a.store, "payment/4", "four").await;
            if reopen {
                kill(a).await;
                server.restore(old);
                a = device.open(HERE).await.unwrap();
            } else {
                server.restore(old);
                commit(&*a.store, "payment/5", "five").await;
            }
            assert!(a.store.was_older());
            let b = other.open(RESTORE).await.unwrap();
            assert_eq!(all(&b.store).await, all(&a.store).await);
            assert!(!b.store.was_older());
        });
    }
}

/// The second copy is newer than the first, and had seen more writes than there were since.
#[test]
fn a_server_that_was_restored_twice_is_recognised_each_time() {
    for later in [0, 1, 5, 40] {
        let mut world = world();
        let (device, other) = (world.device("one"), world.device("two"));
        let server = world.server.clone();
        world.run(async {
            let a = device.open(Purpose::SetUp).await.unwrap();
            commit(&*a.store, "payment/1", "one").await;
            let old = server.snapshot();
            for _ in 0..10 {
                commit(&*a.store, "payment/2", "two").await;
            }
            let newer = server.snapshot();
            server.restore(old);
            for number in 0..=later {
                commit(&*a.store, &format!("payment/3/{number}"), "three").await;
            }
            server.restore(newer);
            commit(&*a.store, "payment/4", "four").await;
            let b = other.open(RESTORE).await.unwrap();
            assert_eq!(all(&b.store).await, all(&a.store).await);
        });
    }
}
