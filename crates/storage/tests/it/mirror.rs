//! The mirrored store against a server that is slow or cut off, and devices that die and take over.

#![allow(clippy::unwrap_used)]

use super::vss::{Way, batch, commit, refusal, turn, turns};
use amplet_protocol::page::{BackupState, ErrorCode};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{
    Batch, MemoryBackend, MirroredStore, Purpose, SealedStore, Store, StoreError, VssBackend,
};
use amplet_vss::MemoryServer;
use amplet_vss::rules::Quota;
use futures::FutureExt;
use futures::executor::LocalPool;
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;

/// The world's server, and the executor.
pub struct World {
    pool: LocalPool,
    pub server: MemoryServer,
}

/// A device: its disk outlives its programs.
#[derive(Clone)]
pub struct Device {
    disk: MemoryBackend,
    pub way: Way,
    name: &'static str,
}

/// A running program of a device.
pub struct Running {
    pub store: Rc<MirroredStore>,
    sealed: Rc<SealedStore>,
}

pub fn world() -> World {
    World { pool: LocalPool::new(), server: MemoryServer::default() }
}

impl World {
    pub fn device(&self, name: &'static str) -> Device {
        // The same name, the same key.
        let device = name.bytes().fold(1, |key: u8, byte| key.wrapping_mul(31).wrapping_add(byte)).max(1);
        let way = Way { spawner: Some(self.pool.spawner()), device, ..Way::new(&self.server) };
        Device { disk: MemoryBackend::new(), way, name }
    }

    pub fn run<T>(&mut self, work: impl Future<Output = T>) -> T {
        self.pool.run_until(work)
    }
}

impl Device {
    fn kek() -> Kek {
        Kek::from_bytes([3; 32])
    }

    /// `wrap`: what the wallet sees of its disk.
    async fn start(&self, wrap: impl FnOnce(Rc<dyn Store>) -> Rc<dyn Store>) -> Running {
        let disk = Rc::new(self.disk.clone());
        let opened = SealedStore::open(disk.clone(), Self::kek()).await;
        let sealed = match opened {
            Err(StoreError::NotFound { .. }) => {
                SealedStore::create(disk, &KdfParams::external_key(), Self::kek()).await
            }
            opened => opened,
        };
        let sealed = Rc::new(sealed.unwrap());
        Running { store: MirroredStore::new(wrap(sealed.clone())), sealed }
    }

    async fn connect(&self, running: &Running, purpose: Purpose, lagging: bool) -> Result<(), StoreError> {
        let backend = VssBackend::new(Rc::new(self.way.clone()), "regtest", [1; 32], self.name);
        let mark = Some(("node/old_copy".to_owned(), b"mark".to_vec()));
        running.store.connect(backend, lagging, purpose, mark, &|_, _| ()).await
    }

    pub async fn open(&self, purpose: Purpose) -> Result<Running, StoreError> {
        self.open_on(purpose, |disk| disk).await
    }

    /// `wrap`: what the wallet sees of its disk.
    pub async fn open_on(
        &self,
        purpose: Purpose,
        wrap: impl FnOnce(Rc<dyn Store>) -> Rc<dyn Store>,
    ) -> Result<Running, StoreError> {
        let running = self.start(wrap).await;
        self.connect(&running, purpose, false).await.map(|()| running)
    }
}

pub const HERE: Purpose = Purpose::Open { move_here: false };
pub const MOVE: Purpose = Purpose::Open { move_here: true };
pub const RESTORE: Purpose = Purpose::Restore { move_here: true };

pub async fn all(store: &MirroredStore) -> Vec<(String, String)> {
    let (_, records) = store.snapshot().await.unwrap();
    records.into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect()
}

pub async fn kill(running: Running) {
    // Nothing more is written or sent; what is on the disk stays.
    running.sealed.close().await;
    running.store.close().await;
}

pub fn cut(device: &Device, is_cut: bool) {
    device.way.cut.set(is_cut);
}

#[test]
fn a_fresh_device_restores_all_of_it_and_the_first_is_fenced() {
    let mut world = world();
    let (first, second) = (world.device("first"), world.device("second"));
    let server = world.server.clone();
    world.run(async {
        let a = first.open(Purpose::SetUp).await.unwrap();
        commit(&*a.store, "payment/1", "one").await;
        commit(&*a.store, "routing/graph", "local").await;
        let mut removal = Batch::new();
        removal.put("payment/2", b"two".to_vec());
        a.store.commit(removal).await.unwrap().durable().await.unwrap();
        let mut removal = Batch::new();
        removal.remove("payment/2");
        a.store.commit(removal).await.unwrap().durable().await.unwrap();
        let refused = second.open(Purpose::Restore { move_here: false }).await.err().unwrap();
        assert!(matches!(refused, StoreError::Moved { name, .. } if name == "first"));
        let b = second.open(RESTORE).await.unwrap();
        assert_eq!(all(&b.store).await, all(&a.store).await);
        assert_eq!(all(&b.store).await.len(), 2, "what is local stays there, what was removed is gone");
        b.store.ready().await.unwrap();
        // The first is told with its next commit, and nothing of it is durable.
        let late = refusal(&*a.store, batch("payment/3", "never")).await;
        assert!(matches!(late, StoreError::Moved { ref name, .. } if name == "second"), "{late}");
        assert!(late.is_fenced() && a.store.ready().await.is_err());
        assert!(a.store.commit(batch("payment/3", "never")).await.is_err());
        commit(&*b.store, "payment/4", "four").await;
        // And back: only what changed is read, and what was not durable is undone.
        kill(a).await;
        assert!(matches!(first.open(HERE).await, Err(StoreError::Moved { .. })));
        let a = first.open(MOVE).await.unwrap();
        assert_eq!(all(&a.store).await, all(&b.store).await);
        assert!(refusal(&*b.store, batch("x", "y")).await.is_fenced());
        assert!(server.puts() > 5);
    });
}

#[test]
fn nothing_is_durable_before_the_server_has_it_and_batches_gather_meanwhile() {
    let mut world = world();
    let device = world.device("only");
    let server = world.server.clone();
    world.run(async {
        let a = device.open(Purpose::SetUp).await.unwrap();
        cut(&device, true);
        let mut durable = Vec::new();
        for number in 0..20 {
            let receipt = a.store.commit(batch("payment/1", &number.to_string())).await.unwrap();
            durable.push(receipt.durable().boxed_local());
        }
        turns(50).await;
        for receipt in &mut durable {
            assert!(receipt.now_or_never().is_none(), "said to be durable while the server was cut off");
        }
        assert!(a.store.status().unwrap().error.is_some());
        let before = server.puts();
        cut(&device, false);
        futures::future::join_all(durable).await.into_iter().for_each(Result::unwrap);
        assert_eq!(server.puts() - before, 1, "all that had gathered went together");
        assert!(a.store.status().unwrap().error.is_none());
    });
}

#[test]
fn a_server_without_room_is_told_and_takes_everything_once_there_is_some() {
    let mut world = world();
    let device = world.device("only");
    let server = world.server.clone();
    world.run(async {
        let a = device.open(Purpose::SetUp).await.unwrap();
        commit(&*a.store, "payment/1", "one").await;
        server.set_quota(Quota { max_bytes: 10, max_keys: 1 });
        let receipt = a.store.commit(batch("payment/2", "two")).await.unwrap();
        let mut durable = receipt.durable().boxed_local();
        turns(50).await;
        assert!((&mut durable).now_or_never().is_none());
        let status = a.store.status().unwrap();
        assert_eq!(status.state, BackupState::Refused);
        assert_eq!(status.error.unwrap().code, ErrorCode::StorageFull);
        server.set_quota(Quota::default());
        durable.await.unwrap();
        assert_eq!(a.store.status().unwrap().state, BackupState::Current);
    });
}

#[test]
fn a_lost_answer_is_resolved_whatever_was_lost() {
    for lost in 1..6 {
        let mut world = world();
        let (device, other) = (world.device("one"), world.device("two"));
        let server = world.server.clone();
        world.run(async {
            let a = device.open(Purpose::SetUp).await.unwrap();
            commit(&*a.store, "payment/1", "one").await;
            let mut next = batch("payment/2", "two");
            next.remove("payment/1");
            server.lose_answers(lost);
            a.store.commit(next).await.unwrap().durable().await.unwrap();
            let b = other.open(RESTORE).await.unwrap();
            assert_eq!(all(&b.store).await, all(&a.store).await, "{lost} answers lost");
        });
    }
}

/// The power fails after any number of turns of a device's work: what was said to be durable is there, for the device as for another.
#[test]
fn a_power_cut_anywhere_loses_nothing_that_was_durable() {
    for turns_left in 0..40 {
        for from_backup in [false, true] {
            let mut world = world();
            let (device, other) = (world.device("one"), world.device("two"));
            world.run(async {
                let a = device.open(Purpose::SetUp).await.unwrap();
                commit(&*a.store, "payment/0", "0").await;
                let said = Rc::new(Cell::new(0));
                let work = async {
                    for number in 1..5 {
                        commit(&*a.store, "payment/1", &number.to_string()).await;
                        said.set(number);
                    }
                };
                let (work, limit) = (work.boxed_local(), turns(turns_left).boxed_local());
                drop(futures::future::select(work, limit).await);
                device.way.cut.set(true);
                kill(a).await;
                turns(5).await;
                device.way.cut.set(false);
                let after = match from_backup {
                    true => other.open(RESTORE).await.unwrap(),
                    false => device.open(HERE).await.unwrap(),
                };
                let found = after.store.get("payment/1").await.unwrap();
                let found: i32 = found.map_or(0, |value| String::from_utf8(value).unwrap().parse().unwrap());
                assert!(found >= said.get(), "{found} is there, {} was durable", said.get());
                let manager = after.store.get("ldk/manager").await.unwrap().unwrap();
                assert_eq!(String::from_utf8(manager).unwrap(), found.to_string(), "half a batch");
                commit(&*after.store, "payment/1", "9").await;
            });
        }
    }
}

#[test]
fn an_old_copy_of_a_device_is_brought_up_to_date() {
    let mut world = world();
    let device = world.device("one");
    world.run(async {
        let a = device.open(Purpose::SetUp).await.unwrap();
        commit(&*a.store, "payment/1", "one").await;
        kill(a).await;
        let copy = Device { disk: device.disk.copy(), ..device.clone() };
        let a = device.open(HERE).await.unwrap();
        commit(&*a.store, "payment/2", "two").await;
        let there = all(&a.store).await;
        kill(a).await;
        let b = copy.open(MOVE).await.unwrap();
        assert_eq!(all(&b.store).await, there);
    });
}

#[test]
fn without_the_server_a_wallet_opens_and_may_not_act_until_it_is_reached() {
    for moved in [false, true] {
        let mut world = world();
        let (device, other) = (world.device("one"), world.device("two"));
        world.run(async {
            let a = device.open(Purpose::SetUp).await.unwrap();
            commit(&*a.store, "payment/1", "one").await;
            kill(a).await;
            if moved {
                let b = other.open(RESTORE).await.unwrap();
                commit(&*b.store, "payment/2", "two").await;
                kill(b).await;
            }
            cut(&device, true);
            let a = device.open(MOVE).await.unwrap();
            assert_eq!(a.store.get("payment/1").await.unwrap().unwrap(), b"one");
            let mut ready = a.store.ready();
            turns(50).await;
            assert!((&mut ready).now_or_never().is_none());
            assert!(!a.store.status().unwrap().active);
            cut(&device, false);
            match moved {
                // What the node has read meanwhile is old.
                true => assert!(matches!(ready.await, Err(StoreError::Stale))),
                false => ready.await.unwrap(),
            }
        });
    }
}

#[test]
fn a_backup_is_set_up_and_ended_while_the_wallet_runs() {
    let mut world = world();
    let (device, other) = (world.device("one"), world.device("two"));
    world.run(async {
        let a = device.start(|disk| disk).await;
        for number in 0..30 {
            commit(&*a.store, &format!("payment/{number}"), "before").await;
        }
        assert_eq!(a.store.status(), None);
        device.connect(&a, Purpose::SetUp, false).await.unwrap();
        commit(&*a.store, "payment/3", "after").await;
        let b = other.start(|disk| disk).await;
        let exists = other.connect(&b, Purpose::SetUp, false).await.unwrap_err();
        assert!(matches!(exists, StoreError::BackupExists { name, .. } if name == "one"));
        a.store.end(false).await.unwrap();
        commit(&*a.store, "payment/4", "alone").await;
        assert!(matches!(other.open(RESTORE).await, Err(StoreError::NoBackup { .. })));
        cut(&device, true);
        assert!(device.connect(&a, Purpose::SetUp, false).await.unwrap_err().is_retryable());
        commit(&*a.store, "payment/4", "alone").await;
        cut(&device, false);
        device.connect(&a, Purpose::SetUp, false).await.unwrap();
        kill(b).await;
        let b = other.open(RESTORE).await.unwrap();
        assert_eq!(all(&b.store).await, all(&a.store).await);
    });
}

#[test]
fn a_lagging_backup_waits_for_nothing_and_marks_what_is_restored_from_it() {
    let mut world = world();
    let (device, other) = (world.device("one"), world.device("two"));
    world.run(async {
        let a = device.start(|disk| disk).await;
        commit(&*a.store, "payment/1", "one").await;
        device.connect(&a, Purpose::SetUp, true).await.unwrap();
        cut(&device, true);
        commit(&*a.store, "payment/1", "two").await;
        cut(&device, false);
        while a.store.status().unwrap().state != BackupState::Current {
            turn().await;
        }
        let b = other.open(RESTORE).await.unwrap();
        assert_eq!(b.store.get("payment/1").await.unwrap().unwrap(), b"two");
        assert_eq!(b.store.get("node/old_copy").await.unwrap().unwrap(), b"mark");
    });
}

#[test]
fn a_part_of_a_backup_is_never_restored() {
    let mut world = world();
    let (device, other) = (world.device("one"), world.device("two"));
    let server = world.server.clone();
    world.run(async {
        let a = device.start(|disk| disk).await;
        let mut large = Batch::new();
        (0..1200).for_each(|number| large.put(format!("payment/{number}"), b"x".to_vec()));
        a.store.commit(large).await.unwrap().durable().await.unwrap();
        // The first upload takes three requests; the device is gone after the second.
        let uploading = device.connect(&a, Purpose::SetUp, false);
        futures::pin_mut!(uploading);
        while server.puts() < 3 {
            assert!((&mut uploading).now_or_never().is_none());
            turn().await;
        }
        assert!(matches!(other.open(RESTORE).await, Err(StoreError::NoBackup { .. })));
        uploading.await.unwrap();
        let b = other.open(RESTORE).await.unwrap();
        assert_eq!(all(&b.store).await.len(), 1200);
    });
}
