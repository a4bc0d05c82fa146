//! A server in memory, and the suite against backups on it.

#![allow(clippy::unwrap_used)]

use amplet_storage::conformance::{Lab, backend, store};
use amplet_storage::{
    Batch, SharedBackend, Store, StoreError, Surroundings, VssBackend, backend_cases, store_cases,
};
use amplet_vss::{MemoryServer, PREFIX, auth};
use bitcoin::secp256k1::{Secp256k1, SecretKey};
use futures::executor::{LocalSpawner, block_on};
use futures::future::{FutureExt, LocalBoxFuture};
use futures::task::LocalSpawnExt;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

pub const NOW: u64 = 1_800_000_000;

/// A device's way to the server. Time passes by itself: a sleep is one turn of the executor.
#[derive(Clone)]
pub struct Way {
    pub server: MemoryServer,
    pub spawner: Option<LocalSpawner>,
    /// Requests from this device do not get through.
    pub cut: Rc<Cell<bool>>,
}

impl Way {
    pub fn new(server: &MemoryServer) -> Self {
        Self { server: server.clone(), spawner: None, cut: Rc::default() }
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
    ) -> LocalBoxFuture<'static, Result<(u16, Vec<u8>), String>> {
        let way = self.clone();
        async move {
            turn().await;
            if way.cut.get() {
                return Err("cut".into());
            }
            let key = SecretKey::from_slice(&[42; 32]).unwrap();
            let header = auth::header(&Secp256k1::new(), &key, NOW);
            let answer = way.server.request(&format!("{PREFIX}/{operation}"), &header, &body, NOW);
            turn().await;
            answer.map(|answer| (answer.status, answer.body)).map_err(|error| error.to_string())
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
