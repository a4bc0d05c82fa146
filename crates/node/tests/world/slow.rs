//! A disk that takes its time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use amplet_storage::Store;
use amplet_storage::testing::through;
use amplet_transport::Platform;
use amplet_transport::testing::TestPlatform;

/// A store whose commits take their time.
pub fn slow(inner: Rc<dyn Store>, platform: TestPlatform, delay: Rc<Cell<Duration>>) -> Rc<dyn Store> {
    through(inner, move |store, batch| {
        let pause = platform.sleep(delay.get());
        async move {
            pause.await;
            store.commit(batch).await
        }
    })
}
