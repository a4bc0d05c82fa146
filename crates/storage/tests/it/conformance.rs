//! The suite against memory and SQLite.

use amplet_storage::conformance::{Lab, backend, store};
use amplet_storage::{MemoryBackend, SharedBackend, SqliteBackend, StoreError, backend_cases, store_cases};
use futures::executor::block_on;
use futures::future::{FutureExt, LocalBoxFuture};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

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

/// Each name is one file in a folder that goes with the test.
struct Files(tempfile::TempDir);

impl Default for Files {
    #[allow(clippy::unwrap_used)]
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Lab for Files {
    fn open<'a>(&'a self, wallet: &'a str) -> LocalBoxFuture<'a, Result<SharedBackend, StoreError>> {
        let path = self.0.path().join(wallet);
        async move { Ok(Rc::new(SqliteBackend::open(path)?) as SharedBackend) }.boxed_local()
    }
}

macro_rules! tests {
    ($suite:ident $lab:ty: $($case:ident),*) => {
        $(
            #[test]
            fn $case() {
                block_on($suite::$case(&<$lab>::default()));
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

mod sqlite {
    use super::*;
    backend_cases!(tests! backend Files:);
}

mod sqlite_sealed {
    use super::*;
    store_cases!(tests! store Files:);
}
