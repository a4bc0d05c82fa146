//! Waiting times of users in the browser: `cargo bench --target wasm32-unknown-unknown -p wasm-tests`, with the runner of
//! wasm-bindgen. Figures to read, no pass or fail.
#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(missing_docs)]

#[cfg(not(target_arch = "wasm32"))]
fn main() {}

#[cfg(target_arch = "wasm32")]
mod browser {
    #![allow(clippy::unwrap_used)]
    use amplet_storage::kdf::{KdfParams, Kek, derive};
    use amplet_storage::{Batch, IndexedDbBackend, SealedStore, Store};
    use std::rc::Rc;
    use std::time::Duration;
    use wasm_bindgen_test::{Criterion, wasm_bindgen_bench, wasm_bindgen_test_configure};

    wasm_bindgen_test_configure!(run_in_dedicated_worker);

    fn quick() -> Criterion {
        Criterion::default()
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(3))
            .nresamples(1001)
    }

    #[wasm_bindgen_bench]
    fn derive_a_key(_: &mut Criterion) {
        let params = KdfParams::generate().unwrap();
        quick().bench_function("derive a key: Argon2id as for a new wallet", |bencher| {
            bencher.iter(|| derive("a passphrase", &params).unwrap())
        });
    }

    #[wasm_bindgen_bench]
    async fn commit_and_read(_: &mut Criterion) {
        let backend = Rc::new(IndexedDbBackend::open("bench").await.unwrap());
        let kek = Kek::from_bytes([1; 32]);
        let store = Rc::new(SealedStore::create(backend, &KdfParams::external_key(), kek).await.unwrap());
        let committing = store.clone();
        quick()
            .bench_async_function("IndexedDB: commit 4 x 20 kB, sealed", move |bencher| {
                let store = committing.clone();
                Box::pin(bencher.iter_future(move || {
                    let store = store.clone();
                    async move { store.commit(step()).await.unwrap().durable().await.unwrap() }
                }))
            })
            .await;
        quick()
            .bench_async_function("IndexedDB: read 20 kB, sealed", move |bencher| {
                let store = store.clone();
                Box::pin(bencher.iter_future(move || {
                    let store = store.clone();
                    async move { store.get("record/0").await.unwrap() }
                }))
            })
            .await;
    }

    /// Roughly the writes of a step of a payment.
    fn step() -> Batch {
        let mut batch = Batch::new();
        (0..4_u8).for_each(|number| batch.put(format!("record/{number}"), vec![number; 20_000]));
        batch
    }
}
