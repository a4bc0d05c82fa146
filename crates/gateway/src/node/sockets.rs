//! Connections that peers made: counted, and closed together when the gateway restarts.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use amplet_transport::{CloseCode, CloseReason, Duplex, LocalBoxFuture};

use crate::limits::Guard;

/// All open inbound connections.
#[derive(Default)]
pub(super) struct Sockets {
    open: RefCell<Vec<Weak<dyn Duplex>>>,
}

impl Sockets {
    /// Remembers a connection as long as somebody uses it.
    pub(super) fn track(&self, duplex: &Rc<dyn Duplex>) {
        let mut open = self.open.borrow_mut();
        open.retain(|old| old.strong_count() > 0);
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
