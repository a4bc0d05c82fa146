//! Backups of more records than one request deletes.

#![allow(clippy::unwrap_used)]

use super::mirror::{Device, RESTORE, Running, all, world};
use super::vss::{turn, turns};
use amplet_protocol::page::BackupState;
use amplet_storage::{Backend, Batch, Purpose, Store, StoreError, VssBackend};
use futures::FutureExt;
use std::rc::Rc;

/// A device whose backup has `count` records of one kind.
async fn backed_up(device: &Device, count: usize) -> Running {
    let running = device.open(Purpose::SetUp).await.unwrap();
    let mut large = Batch::new();
    (0..count).for_each(|number| large.put(format!("payment/{number}"), b"x".to_vec()));
    running.store.commit(large).await.unwrap().durable().await.unwrap();
    running
}

/// Records that the world's server has of the backup, the lease aside.
async fn left(device: &Device) -> usize {
    let backend = VssBackend::new(Rc::new(device.way.clone()), "regtest", [1; 32], "an observer");
    backend.names().await.unwrap().len()
}

#[test]
fn nothing_is_left_of_a_large_backup_that_is_ended() {
    for count in [449, 450, 451, 900, 1000, 2000] {
        let mut world = world();
        let (device, other) = (world.device("one"), world.device("two"));
        world.run(async {
            let a = backed_up(&device, count).await;
            assert_eq!(left(&device).await, count);
            a.store.end(false).await.unwrap();
            assert_eq!(left(&device).await, 0, "{count} records");
            assert!(matches!(other.open(RESTORE).await, Err(StoreError::NoBackup { .. })));
        });
    }
}

#[test]
fn a_large_backup_whose_end_fails_is_whole_again() {
    for turns_before in 0..12 {
        let mut world = world();
        let (device, other) = (world.device("one"), world.device("two"));
        let server = world.server.clone();
        world.run(async {
            let a = backed_up(&device, 1000).await;
            let ending = a.store.end(false);
            futures::pin_mut!(ending);
            futures::future::select(&mut ending, turns(turns_before).boxed_local()).await;
            server.lose_answers(1);
            let ended = ending.await;
            server.lose_answers(0);
            if ended.is_ok() {
                assert!(matches!(other.open(RESTORE).await, Err(StoreError::NoBackup { .. })));
                return;
            }
            while a.store.status().unwrap().state != BackupState::Current {
                turn().await;
            }
            let b = other.open(RESTORE).await.unwrap();
            assert_eq!(all(&b.store).await, all(&a.store).await, "{turns_before} turns");
        });
    }
}
