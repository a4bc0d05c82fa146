//! A single-consumer notification, like `tokio::sync::Notify`.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

#[derive(Default)]
struct State {
    is_notified: bool,
    waker: Option<Waker>,
}

/// Clones share one notification. One task waits at a time; notifications before it waits are not lost, and several count as
/// one.
#[derive(Clone, Default)]
pub struct Notify(Rc<RefCell<State>>);

impl Notify {
    /// Notifies the waiting task.
    pub fn notify(&self) {
        let waker = {
            let mut state = self.0.borrow_mut();
            state.is_notified = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Resolves when there was a notification since the last time this resolved.
    pub async fn notified(&self) {
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            if std::mem::take(&mut state.is_notified) {
                return Poll::Ready(());
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
