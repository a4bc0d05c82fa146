//! Devices that lose the wallet, or are removed from it, hear of it.

#![allow(clippy::unwrap_used)]

use super::mirror::{HERE, MOVE, RESTORE, all, kill, world};
use super::vss::{batch, commit, refusal, turns};
use amplet_protocol::page::ErrorCode;
use amplet_storage::testing::through;
use amplet_storage::{Purpose, Store, StoreError};
use futures::FutureExt;
use futures::future::join;
use std::cell::Cell;
use std::rc::Rc;

/// It waits for the server's answer, and does not ask all the time.
#[test]
fn an_idle_device_hears_at_once_that_it_lost_the_wallet() {
    let mut world = world();
    let (first, second) = (world.device("first"), world.device("second"));
    let server = world.server.clone();
    world.run(async {
        let a = first.open(Purpose::SetUp).await.unwrap();
        commit(&*a.store, "payment/1", "one").await;
        turns(10).await;
        let asked = server.requests();
        turns(200).await;
        assert!(server.requests() - asked <= 15, "an idle device asks {} times", server.requests() - asked);
        let lost = a.store.lost();
        let b = second.open(RESTORE).await.unwrap();
        turns(12).await;
        let lost = lost.now_or_never();
        assert!(matches!(lost, Some(StoreError::Moved { ref name, .. }) if name == "second"), "{lost:?}");
        commit(&*b.store, "payment/2", "two").await;
    });
}

/// Its disk was slow: whoever waits for the backup of what it committed last hears that it comes no more.
#[test]
fn a_commit_that_ends_after_the_wallet_was_lost_is_told_so() {
    let mut world = world();
    let (first, second) = (world.device("first"), world.device("second"));
    let stalls = Rc::new(Cell::new(false));
    let stalled = Rc::clone(&stalls);
    let slow = |disk| {
        through(disk, move |disk, batch| {
            let stalled = Rc::clone(&stalled);
            async move {
                while stalled.get() {
                    turns(1).await;
                }
                disk.commit(batch).await
            }
        })
    };
    world.run(async {
        let a = first.open_on(Purpose::SetUp, slow).await.unwrap();
        commit(&*a.store, "payment/1", "one").await;
        stalls.set(true);
        let taken_over = async {
            second.open(RESTORE).await.unwrap();
            let lost = a.store.lost().await;
            assert!(matches!(lost, StoreError::Moved { .. }), "{lost:?}");
            stalls.set(false);
        };
        let (committed, ()) = join(a.store.commit(batch("payment/2", "two")), taken_over).await;
        let mut durable = Box::pin(committed.unwrap().durable());
        turns(100).await;
        let told = (&mut durable).now_or_never();
        assert!(matches!(told, Some(Err(StoreError::Moved { .. }))), "{told:?}");
    });
}

#[test]
fn a_removed_device_is_fenced_and_told_and_the_others_go_on() {
    let mut world = world();
    let (first, second, third) = (world.device("first"), world.device("second"), world.device("third"));
    world.run(async {
        let a = first.open(Purpose::SetUp).await.unwrap();
        commit(&*a.store, "payment/1", "one").await;
        let b = second.open(RESTORE).await.unwrap();
        // The one that has the wallet is removed: it writes nothing more, and hears of it by itself.
        turns(10).await;
        let lost = b.store.lost();
        a.store.remove_device(&second.way.device_key()).await.unwrap();
        let late = refusal(&*b.store, batch("payment/2", "never")).await;
        assert!(matches!(late, StoreError::DeviceRemoved), "{late}");
        assert!(matches!(lost.now_or_never(), Some(StoreError::DeviceRemoved)));
        assert!(b.store.commit(batch("payment/2", "never")).await.is_err());
        kill(b).await;
        for purpose in [HERE, MOVE] {
            let refused = second.open(purpose).await.err().unwrap();
            assert!(matches!(refused, StoreError::DeviceRemoved), "{refused}");
            assert_eq!(amplet_protocol::page::WalletError::from(&refused).code, ErrorCode::DeviceRemoved);
        }
        // One that was offline meanwhile opens, and learns it with the first answer.
        super::mirror::cut(&second, true);
        let b = second.open(MOVE).await.unwrap();
        super::mirror::cut(&second, false);
        turns(40).await;
        assert!(matches!(b.store.ready().await, Err(StoreError::DeviceRemoved)));
        kill(a).await;
        let a = first.open(MOVE).await.unwrap();
        commit(&*a.store, "payment/2", "two").await;
        let c = third.open(RESTORE).await.unwrap();
        assert_eq!(all(&c.store).await, all(&a.store).await);
    });
}

/// Nothing is written at that moment: the server's answer to the one that waits is that it was removed.
#[test]
fn an_idle_device_hears_that_it_was_removed() {
    let mut world = world();
    let (first, second) = (world.device("first"), world.device("second"));
    world.run(async {
        let a = first.open(Purpose::SetUp).await.unwrap();
        commit(&*a.store, "payment/1", "one").await;
        let b = second.open(RESTORE).await.unwrap();
        turns(10).await;
        let lost = b.store.lost();
        a.store.remove_device(&second.way.device_key()).await.unwrap();
        turns(12).await;
        assert!(matches!(lost.now_or_never(), Some(StoreError::DeviceRemoved)));
    });
}
