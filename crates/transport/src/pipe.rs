//! The two bounded queues between a [`Duplex`](crate::Duplex) and whatever moves its bytes, with the credit of both directions.
//!
//! The user's side is [`Handle`]; the side of the WebSocket or TCP connection is [`Driver`]. Pure bookkeeping: no I/O,
//! no clock. It is `Send` because a server's connection lives on another thread than its node.

mod handle;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use amplet_protocol::relay::{self, CloseCode, Control};

use crate::CloseReason;
pub(crate) use handle::Handle;

/// Bytes that may wait to be sent: 256 KiB.
pub(crate) const OUTGOING_LIMIT: usize = 256 << 10;
/// Bytes that may lie unread when the sender knows no credit: 4 MiB, what a burst of gossip can weigh.
pub(crate) const UNREAD_LIMIT: usize = 4 << 20;
/// Maximum frame from a side without credit, in bytes: half of what may lie unread.
pub(crate) const PLAIN_FRAME: usize = UNREAD_LIMIT / 2;
/// Bytes read before they are granted again: granting each chunk by itself would send a frame for every
/// message; half a window never stops the sender.
const GRANT: usize = relay::INITIAL_WINDOW as usize / 2;
/// Bytes up to which small frames are joined, so that a peer that sends single bytes costs no more memory.
const CHUNK: usize = 16 << 10;
/// Bytes of one frame sent: half of what the other side accepts.
const FRAME: usize = relay::MAX_FRAME / 2;

/// The driver's next action.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// Send these bytes.
    Bytes(Vec<u8>),
    /// Grant this many bytes more.
    Credit(u32),
    /// Everything is sent: close.
    Close(CloseCode),
}

/// The two ends of a stream on which both sides obey the credit they are granted ([`relay`]).
pub(crate) fn relay_pipe() -> (Handle, Driver) {
    pipe(Inbound::Credit { granted: relay::INITIAL_WINDOW as usize, owed: 0 }, Some(relay::INITIAL_WINDOW))
}

/// The two ends of a stream whose other side knows no credit. A driver that can stop reading asks for
/// [`room`](Driver::room) first; one that cannot (a browser) ends the stream when there is none.
pub(crate) fn plain_pipe() -> (Handle, Driver) {
    pipe(Inbound::Bounded, None)
}

fn pipe(inbound: Inbound, allowance: Option<u32>) -> (Handle, Driver) {
    let state = State {
        outgoing: VecDeque::new(),
        queued: 0,
        allowance,
        sent: 0,
        closing: None,
        inbox: VecDeque::new(),
        unread: 0,
        inbound,
        ended: None,
        wakers: Wakers::default(),
    };
    let shared = Arc::new(Mutex::new(state));
    (Handle(shared.clone()), Driver(shared))
}

/// The limit of bytes that the peer may send before this side has read them.
enum Inbound {
    /// The granted credit: `granted` bytes may still come, `owed` were read but not yet granted again.
    Credit { granted: usize, owed: usize },
    /// [`UNREAD_LIMIT`] bytes.
    Bounded,
}

type Shared = Arc<Mutex<State>>;

struct State {
    outgoing: VecDeque<u8>,
    /// Bytes at the end of `outgoing` that wait for a flush.
    queued: usize,
    /// Bytes that may be sent now; `None` where there is no credit.
    allowance: Option<u32>,
    /// Bytes given to the driver so far: shows progress.
    sent: u64,
    /// Set by the user: send what waits, then close.
    closing: Option<CloseCode>,
    inbox: VecDeque<Vec<u8>>,
    /// Bytes in `inbox`.
    unread: usize,
    inbound: Inbound,
    ended: Option<CloseReason>,
    wakers: Wakers,
}

#[derive(Default)]
struct Wakers {
    readable: Option<Waker>,
    writable: Option<Waker>,
    outgoing: Option<Waker>,
    room: Option<Waker>,
    ended: Option<Waker>,
}

/// No code path panics while it holds the lock, and the state is whole between any two statements.
fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl State {
    fn open(&self) -> bool {
        self.ended.is_none() && self.closing.is_none()
    }

    fn try_queue(&mut self, bytes: &[u8]) -> usize {
        if !self.open() {
            return bytes.len();
        }
        let room = OUTGOING_LIMIT.saturating_sub(self.outgoing.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.outgoing.extend(taken);
        self.queued = self.queued.saturating_add(taken.len());
        taken.len()
    }

    fn flush(&mut self) {
        self.queued = 0;
        wake(&mut self.wakers.outgoing);
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.open() || self.outgoing.len() < OUTGOING_LIMIT {
            return Poll::Ready(());
        }
        self.wakers.writable = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>, CloseReason>> {
        if let Some(chunk) = self.inbox.pop_front() {
            self.unread = self.unread.saturating_sub(chunk.len());
            wake(&mut self.wakers.room);
            if let Inbound::Credit { owed, .. } = &mut self.inbound {
                *owed = owed.saturating_add(chunk.len());
                if *owed >= GRANT {
                    wake(&mut self.wakers.outgoing);
                }
            }
            return Poll::Ready(Ok(chunk));
        }
        if let Some(reason) = &self.ended {
            return Poll::Ready(Err(reason.clone()));
        }
        self.wakers.readable = Some(cx.waker().clone());
        Poll::Pending
    }

    #[cfg(all(feature = "axum", not(target_arch = "wasm32")))]
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ended.is_some() || !self.inbox.is_empty() {
            return Poll::Ready(());
        }
        self.wakers.readable = Some(cx.waker().clone());
        Poll::Pending
    }

    fn close(&mut self, code: CloseCode) {
        if !self.open() {
            return;
        }
        self.closing = Some(code);
        self.queued = 0;
        // The user has closed the stream: there is no reader any more.
        self.inbox.clear();
        self.unread = 0;
        self.end(CloseReason::Local(code));
    }

    /// Ends the stream; of several reasons the first stays.
    fn end(&mut self, reason: CloseReason) {
        self.ended.get_or_insert(reason);
        for waker in [
            &mut self.wakers.readable,
            &mut self.wakers.writable,
            &mut self.wakers.outgoing,
            &mut self.wakers.room,
            &mut self.wakers.ended,
        ] {
            wake(waker);
        }
    }

    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<Outgoing> {
        if let Inbound::Credit { granted, owed } = &mut self.inbound
            && *owed >= GRANT
            && self.closing.is_none()
        {
            let credit = std::mem::take(owed);
            *granted = granted.saturating_add(credit);
            return Poll::Ready(Outgoing::Credit(credit as u32)); // at most a window
        }
        let allowed = self.allowance.map_or(usize::MAX, |bytes| bytes as usize);
        let size = self.outgoing.len().saturating_sub(self.queued).min(allowed).min(FRAME);
        if size > 0 {
            let rest = self.outgoing.split_off(size); // size <= len
            let bytes = std::mem::replace(&mut self.outgoing, rest).into();
            if let Some(allowance) = &mut self.allowance {
                *allowance = allowance.saturating_sub(size as u32); // size <= FRAME
            }
            self.sent = self.sent.saturating_add(size as u64);
            wake(&mut self.wakers.writable);
            return Poll::Ready(Outgoing::Bytes(bytes));
        }
        if let Some(code) = self.closing
            && self.outgoing.is_empty()
        {
            return Poll::Ready(Outgoing::Close(code));
        }
        self.wakers.outgoing = Some(cx.waker().clone());
        Poll::Pending
    }

    fn deliver(&mut self, bytes: Vec<u8>) -> Result<(), CloseReason> {
        if bytes.is_empty() || !self.open() {
            return Ok(());
        }
        let size = bytes.len();
        match &mut self.inbound {
            Inbound::Credit { granted, .. } => {
                *granted = granted.checked_sub(size).ok_or_else(|| CloseReason::Violation {
                    what: format!("it sent {size} bytes where {granted} were granted to it"),
                })?;
            }
            Inbound::Bounded if self.unread.saturating_add(size) > UNREAD_LIMIT => {
                return Err(CloseReason::Overflow { limit: UNREAD_LIMIT });
            }
            Inbound::Bounded => {}
        }
        self.unread = self.unread.saturating_add(size);
        match self.inbox.back_mut() {
            Some(last) if last.len().saturating_add(size) <= CHUNK => last.extend_from_slice(&bytes),
            _ => self.inbox.push_back(bytes),
        }
        wake(&mut self.wakers.readable);
        Ok(())
    }

    fn has_room(&self) -> bool {
        match self.inbound {
            Inbound::Credit { .. } => true,
            Inbound::Bounded => self.unread <= UNREAD_LIMIT - PLAIN_FRAME,
        }
    }
}

/// The transport's end. Dropping it ends the stream for its user.
pub(crate) struct Driver(Shared);

impl Driver {
    /// The next action; waits until there is one, or, once the stream has ended, forever.
    pub(crate) async fn next(&self) -> Outgoing {
        poll_fn(|cx| lock(&self.0).poll_outgoing(cx)).await
    }

    /// Waits until there is room for the next chunk from the peer.
    pub(crate) async fn room(&self) {
        poll_fn(|cx| {
            let mut state = lock(&self.0);
            if state.has_room() || !state.open() {
                return Poll::Ready(());
            }
            state.wakers.room = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Passes a chunk from the peer to the user. The error is the reason to end the stream with.
    pub(crate) fn deliver(&self, bytes: Vec<u8>) -> Result<(), CloseReason> {
        lock(&self.0).deliver(bytes)
    }

    /// Adds the credit that the peer's text frame grants.
    pub(crate) fn control(&self, text: &str) -> Result<(), CloseReason> {
        let violation = |what: String| Err(CloseReason::Violation { what });
        let mut state = lock(&self.0);
        let Some(allowance) = state.allowance else {
            return violation("it sent a text frame".into());
        };
        let credit = match serde_json::from_str::<Control>(text) {
            Ok(control) => control.credit,
            Err(error) => return violation(format!("its text frame is not a grant of credit ({error})")),
        };
        match allowance.checked_add(credit) {
            Some(sum) if credit > 0 && sum <= relay::MAX_WINDOW => state.allowance = Some(sum),
            _ => {
                let what = format!("its grant of {credit} bytes is not within 1 to {}", relay::MAX_WINDOW);
                return violation(what);
            }
        }
        wake(&mut state.wakers.outgoing);
        Ok(())
    }

    /// Ends the stream; the user reads the rest of the queue, then `reason`.
    pub(crate) fn end(&self, reason: CloseReason) {
        lock(&self.0).end(reason);
    }

    /// Waits for the end of the stream, by either side, and returns the reason.
    pub(crate) async fn ended(&self) -> CloseReason {
        poll_fn(|cx| {
            let mut state = lock(&self.0);
            if let Some(reason) = &state.ended {
                return Poll::Ready(reason.clone());
            }
            state.wakers.ended = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The progress of sending.
    pub(crate) fn progress(&self) -> Progress {
        let state = lock(&self.0);
        Progress { sent: state.sent, waiting: state.outgoing.len() }
    }
}

/// Progress of sending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Bytes given to the transport so far.
    pub sent: u64,
    /// Bytes that wait to be sent.
    pub waiting: usize,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.end(CloseReason::Lost { detail: "the connection's task ended".into() });
    }
}

#[cfg(test)]
mod tests;
