//! The platform in a browser (a window, a Worker or a SharedWorker) and, with a WebSocket of the host's, in Node.js.

mod fetch;
mod scope;
mod socket;

use std::rc::Rc;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use gloo_timers::future::TimeoutFuture;

use crate::{ConnectError, Duplex, FetchError, HttpRequest, HttpResponse, PeerAddress, Platform};

/// [`Platform`] on the browser's own interfaces.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebPlatform;

/// Maximum of `setTimeout`, which takes 31 bits of milliseconds; beyond them it fires at once.
const MAX_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

impl Platform for WebPlatform {
    fn now(&self) -> Duration {
        millis(js_sys::Date::now())
    }

    fn utc_offset_secs(&self, unix_secs: i64) -> i32 {
        let date = js_sys::Date::new(&(unix_secs as f64 * 1000.0).into());
        // UTC minus local, in minutes; NaN, for a date out of range, becomes 0.
        -(date.get_timezone_offset() as i32 * 60)
    }

    fn monotonic(&self) -> Duration {
        millis(scope::performance_now())
    }

    fn random(&self, out: &mut [u8]) {
        crate::platform::fill_random(out);
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        wasm_bindgen_futures::spawn_local(task);
    }

    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()> {
        sleep(time).boxed_local()
    }

    fn fetch(&self, request: HttpRequest) -> LocalBoxFuture<'static, Result<HttpResponse, FetchError>> {
        fetch::fetch(request).boxed_local()
    }

    fn connect(&self, address: PeerAddress) -> LocalBoxFuture<'static, Result<Rc<dyn Duplex>, ConnectError>> {
        socket::connect(address.endpoint).boxed_local()
    }
}

/// A duration from milliseconds; a negative or absurd reading becomes the nearest possible one.
fn millis(reading: f64) -> Duration {
    Duration::try_from_secs_f64(reading / 1000.0).unwrap_or_default()
}

async fn sleep(time: Duration) {
    let mut left = time;
    while !left.is_zero() {
        let step = left.min(MAX_TIMEOUT);
        // Rounded up: a timer must not fire before its time.
        let whole = step.as_micros().div_ceil(1000).min(MAX_TIMEOUT.as_millis());
        TimeoutFuture::new(whole as u32).await; // at most i32::MAX
        left = left.saturating_sub(step);
    }
}
