//! A bell: rung by whoever has work for the engine, heard by the engine.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

#[derive(Default)]
struct State {
    rung: bool,
    waker: Option<Waker>,
}

/// Clones ring the same bell. One listener at a time; rings before it listens are not lost, and several count as one.
#[derive(Clone, Default)]
pub struct Wake(Rc<RefCell<State>>);

impl Wake {
    /// Rings.
    pub fn wake(&self) {
        let waker = {
            let mut state = self.0.borrow_mut();
            state.rung = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Resolves when the bell was rung since the last time this resolved.
    pub async fn heard(&self) {
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            if std::mem::take(&mut state.rung) {
                return Poll::Ready(());
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
