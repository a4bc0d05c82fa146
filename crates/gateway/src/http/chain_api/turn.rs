//! Turns: one at a time, and the gateway's own node before strangers.

use tokio::sync::{Mutex, MutexGuard};

/// A queue of questions to bitcoind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// The gateway's node, which watches over money.
    Own,
    /// Everybody else.
    Strangers,
}

/// A mutex whose waiters are served in order, except that [`Lane::Own`] waits for nobody but the one who holds it.
#[derive(Default)]
pub(super) struct Turn {
    gate: Mutex<()>,
    inner: Mutex<()>,
}

/// A turn that is taken.
pub(super) struct TurnGuard<'a> {
    _inner: MutexGuard<'a, ()>,
    _gate: Option<MutexGuard<'a, ()>>,
}

impl Turn {
    /// Waits for the turn.
    pub(super) async fn take(&self, lane: Lane) -> TurnGuard<'_> {
        let gate = match lane {
            Lane::Own => None,
            Lane::Strangers => Some(self.gate.lock().await),
        };
        TurnGuard { _inner: self.inner.lock().await, _gate: gate }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::future::join3;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn the_node_goes_before_strangers_who_came_earlier() {
        let (turn, order) = (Turn::default(), RefCell::new(Vec::new()));
        let work = async |lane: Lane, name: u32| {
            let _turn = turn.take(lane).await;
            order.borrow_mut().push(name);
            yield_now().await;
        };
        let strangers = async {
            let all = (0..5).map(|number| work(Lane::Strangers, number));
            futures::future::join_all(all).await;
        };
        join3(strangers, work(Lane::Own, 100), work(Lane::Own, 101)).await;
        assert_eq!(*order.borrow(), [0, 100, 101, 1, 2, 3, 4]);
    }
}
