//! The storage suite against memory and IndexedDB, in a dedicated worker (where the engine runs).
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

use amplet_storage::conformance::{Lab, backend, store};
use amplet_storage::{
    IndexedDbBackend, MemoryBackend, SharedBackend, StoreError, backend_cases, store_cases,
};
use futures::future::{FutureExt, LocalBoxFuture};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Each name is one memory; a further open is a further handle.
#[derive(Default)]
struct Memories(RefCell<HashMap<String, MemoryBackend>>);

impl Lab for Memories {
    fn open<'a>(&'a self, wallet: &'a str) -> LocalBoxFuture<'a, Result<SharedBackend, StoreError>> {
        let mut memories = self.0.borrow_mut();
        let handle = memories.entry(wallet.to_owned()).or_default().clone();
        async move { Ok(Rc::new(handle) as SharedBackend) }.boxed_local()
    }
}

/// Each name is one database of this (throwaway) browser profile.
#[derive(Default)]
struct Browser;

impl Lab for Browser {
    fn open<'a>(&'a self, wallet: &'a str) -> LocalBoxFuture<'a, Result<SharedBackend, StoreError>> {
        async move { Ok(Rc::new(IndexedDbBackend::open(wallet).await?) as SharedBackend) }.boxed_local()
    }
}

macro_rules! tests {
    ($suite:ident $lab:ty: $($case:ident),*) => {
        $(
            #[wasm_bindgen_test]
            async fn $case() {
                $suite::$case(&<$lab>::default()).await;
            }
        )*
    };
}

mod memory {
    use super::*;
    backend_cases!(tests! backend Memories:);
}

mod memory_sealed {
    use super::*;
    store_cases!(tests! store Memories:);
}

mod indexeddb {
    use super::*;
    backend_cases!(tests! backend Browser:);
}

mod indexeddb_sealed {
    use super::*;
    store_cases!(tests! store Browser:);
}
