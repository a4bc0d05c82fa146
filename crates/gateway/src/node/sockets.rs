//! Connections that peers made: counted, and closed together when the gateway restarts.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use amplet_transport::{CloseCode, CloseReason, Duplex, LocalBoxFuture};

use crate::limits::Guard;

/// Places for connections that are made at least.
const LEAST: usize = 64;

/// All open inbound connections.
#[derive(Default)]
pub(super) struct Sockets {
    open: RefCell<Vec<Weak<dyn Duplex>>>,
}

impl Sockets {
    /// Remembers a connection as long as somebody uses it, and a while longer: those that have ended are looked for only when there
    /// is no place for one more, and then so many places are made that each connection is looked at a few times, however many come.
    pub(super) fn track(&self, duplex: &Rc<dyn Duplex>) {
        let mut open = self.open.borrow_mut();
        if open.len() == open.capacity() {
            open.retain(|old| old.strong_count() > 0);
            let places = open.len().max(LEAST);
            open.reserve(places);
        }
        open.push(Rc::downgrade(duplex));
    }

    /// Closes every connection with the code for a restart.
    pub(super) fn close_all(&self) {
        for duplex in self.open.take().iter().filter_map(Weak::upgrade) {
            duplex.close(CloseCode::Restart);
        }
    }
}

/// A connection that counts until it is dropped.
pub(super) struct Counted {
    pub(super) duplex: Rc<dyn Duplex>,
    pub(super) _guard: Guard,
}

impl Duplex for Counted {
    fn try_send(&self, bytes: &[u8]) -> usize {
        self.duplex.try_send(bytes)
    }

    fn try_queue(&self, bytes: &[u8]) -> usize {
        self.duplex.try_queue(bytes)
    }

    fn flush(&self) {
        self.duplex.flush();
    }

    fn writable(&self) -> LocalBoxFuture<'static, ()> {
        self.duplex.writable()
    }

    fn recv(&self) -> LocalBoxFuture<'static, Result<Vec<u8>, CloseReason>> {
        self.duplex.recv()
    }

    fn close(&self, code: CloseCode) {
        self.duplex.close(code);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// A connection on which nothing happens; counts how often it is closed.
    #[derive(Default)]
    struct Quiet(RefCell<Vec<CloseCode>>);

    impl Duplex for Quiet {
        fn try_send(&self, _: &[u8]) -> usize {
            0
        }

        fn writable(&self) -> LocalBoxFuture<'static, ()> {
            std::future::pending().boxed_local()
        }

        fn recv(&self) -> LocalBoxFuture<'static, Result<Vec<u8>, CloseReason>> {
            std::future::pending().boxed_local()
        }

        fn close(&self, code: CloseCode) {
            self.0.borrow_mut().push(code);
        }
    }

    #[test]
    fn those_that_ended_are_forgotten_and_the_others_closed_once() {
        let sockets = Sockets::default();
        let open: Vec<Rc<Quiet>> = (0..200).map(|_| Rc::default()).collect();
        for quiet in &open {
            for _ in 0..100 {
                let ended: Rc<dyn Duplex> = Rc::new(Quiet::default());
                sockets.track(&ended);
            }
            let stays: Rc<dyn Duplex> = Rc::clone(quiet) as _;
            sockets.track(&stays);
        }
        let tracked = sockets.open.borrow().len();
        assert!(tracked <= 2 * (open.len() + LEAST), "{tracked} of 20,200 are remembered");
        sockets.close_all();
        assert!(open.iter().all(|quiet| *quiet.0.borrow() == [CloseCode::Restart]));
    }
}
