//! A server in memory, and the suite against backups on it.

#![allow(clippy::unwrap_used)]

use super::overlapping::{Chance, Fate};
use amplet_storage::conformance::{Lab, backend, store};
use amplet_storage::{
    Batch, SharedBackend, Store, StoreError, Surroundings, VssBackend, backend_cases, store_cases,
};
use amplet_vss::{MemoryServer, PREFIX, Proof, auth};
use bitcoin::secp256k1::{Secp256k1, SecretKey};
use futures::executor::{LocalSpawner, block_on};
use futures::future::{FutureExt, LocalBoxFuture};
use futures::task::LocalSpawnExt;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

pub const NOW: u64 = 1_800_000_000;

/// A device's way to the server. Time passes by itself: a sleep is one turn of the executor, a millisecond of the server's delay another.
#[derive(Clone)]
pub struct Way {
    pub server: MemoryServer,
    pub spawner: Option<LocalSpawner>,
    /// Requests from this device do not get through.
    pub cut: Rc<Cell<bool>>,
    /// The device's key is 32 of these bytes.
    pub device: u8,
    /// The network loses, delays and repeats requests, as this has it.
    pub storm: Option<Chance>,
}

impl Way {
    pub fn new(server: &MemoryServer) -> Self {
        Self { server: server.clone(), spawner: None, cut: Rc::default(), device: 1, storm: None }
    }

    fn key(&self) -> SecretKey {
        SecretKey::from_slice(&[self.device; 32]).unwrap()
    }

    /// The device's public key.
    pub fn device_key(&self) -> [u8; 33] {
        self.key().public_key(&Secp256k1::new()).serialize()
    }
}

impl Way {
    async fn exchange(self, operation: &'static str, body: Vec<u8>) -> Result<(u16, Vec<u8>), String> {
        turn().await;
        if self.cut.get() {
            return Err("cut".into());
        }
        let (secp, account) = (Secp256k1::new(), SecretKey::from_slice(&[42; 32]).unwrap());
        let authorization = auth::header(&secp, &account, NOW);
        let device = auth::device_header(&secp, &account.public_key(&secp), &self.key(), NOW);
        let proof = Proof { authorization: &authorization, device: Some(&device) };
        let path = format!("{PREFIX}/{operation}");
        let answer = self.server.request_and_wait(&path, proof, &body, || NOW, |_| turns(20)).await;
        turns(1 + self.server.delay_ms() as usize).await;
        answer.map(|answer| (answer.status, answer.body)).map_err(|error| error.to_string())
    }
}

/// Lets others act.
pub async fn turn() {
    let mut first = true;
    futures::future::poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::take(&mut first) { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
}

impl Surroundings for Way {
    fn url(&self) -> String {
        "https://backup.example/vss/v1".into()
    }

    fn call(
        &self,
        operation: &'static str,
        body: Vec<u8>,
        _: Duration,
    ) -> LocalBoxFuture<'static, Result<(u16, Vec<u8>), String>> {
        let way = self.clone();
        let Some(storm) = &self.storm else { return way.exchange(operation, body).boxed_local() };
        let fate = Fate::draw(storm);
        async move {
            let late = |left: usize| {
                let spawner = way.spawner.clone().unwrap();
                let (way, body) = (way.clone(), body.clone());
                let arrives = async move {
                    turns(left).await;
                    // Nobody waits for this answer.
                    drop(way.exchange(operation, body).await);
                };
                spawner.spawn_local(arrives).unwrap();
            };
            match fate {
                Fate::Delivered { before, after } => {
                    turns(before).await;
                    let answer = way.exchange(operation, body).await;
                    turns(after).await;
                    return answer;
                }
                Fate::Twice { turns } => {
                    late(turns);
                    return way.exchange(operation, body).await;
                }
                Fate::AnswerLost => drop(way.exchange(operation, body).await),
                Fate::Late { turns } => late(turns),
                Fate::Lost => {}
            }
            turns(5).await;
            Err("lost".into())
        }
        .boxed_local()
    }

    fn now(&self) -> u64 {
        NOW
    }

    fn sleep(&self, _: Duration) -> LocalBoxFuture<'static, ()> {
        turn().boxed_local()
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.spawner.as_ref().unwrap().spawn_local(task).unwrap();
    }
}

pub fn batch(name: &str, value: &str) -> Batch {
    let mut batch = Batch::new();
    batch.put(name, value.as_bytes().to_vec());
    batch.put("ldk/manager", value.as_bytes().to_vec());
    batch
}

pub async fn commit(store: &dyn Store, name: &str, value: &str) {
    store.commit(batch(name, value)).await.unwrap().durable().await.unwrap();
}

/// The reason for which a commit is refused, at once or when it is to be durable.
pub async fn refusal(store: &dyn Store, batch: Batch) -> StoreError {
    match store.commit(batch).await {
        Ok(receipt) => receipt.durable().await.unwrap_err(),
        Err(error) => error,
    }
}

pub async fn turns(count: usize) {
    for _ in 0..count {
        turn().await;
    }
}

/// Each name is a store on one server.
#[derive(Default)]
struct Servers(MemoryServer);

impl Lab for Servers {
    fn open<'a>(&'a self, wallet: &'a str) -> LocalBoxFuture<'a, Result<SharedBackend, StoreError>> {
        let backend = VssBackend::new(Rc::new(Way::new(&self.0)), wallet, [1; 32], "a device");
        async move { Ok(Rc::new(backend) as SharedBackend) }.boxed_local()
    }
}

macro_rules! tests {
    ($suite:ident: $($case:ident),*) => {
        $(
            #[test]
            fn $case() {
                block_on($suite::$case(&Servers::default()));
            }
        )*
    };
}

mod bare {
    use super::*;
    backend_cases!(tests! backend:);
}

mod sealed {
    use super::*;
    store_cases!(tests! store:);
}
