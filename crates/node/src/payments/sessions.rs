//! Streams as their callers have them: opened, read and closed.

use amplet_protocol::PaymentId;
use amplet_protocol::page::Payment;
use amplet_storage::Batch;

use super::order::StreamTo;
use super::{PayError, Payments, ready, streams};
use crate::ldk::unsaved::Unsaved;
use crate::ledger::record::Key;

impl Payments {
    /// Opens a stream and returns its id in the history; the one that is open already, if there is one (also one of an
    /// earlier run). Durable before it returns; nothing is paid yet.
    ///
    /// # Errors
    /// [`StreamError::Session`](super::StreamError::Session), [`PayError::Own`].
    pub async fn open_stream(&self, to: &StreamTo) -> Result<PaymentId, PayError> {
        self.open_stream_with(to, Batch::new()).await
    }

    /// As [`open_stream`](Self::open_stream), with records of the application that are committed together with it. Their names
    /// must not be the node's own.
    ///
    /// # Errors
    /// [`StreamError::Session`](super::StreamError::Session), [`PayError::Own`].
    pub async fn open_stream_with(&self, to: &StreamTo, beside: Batch) -> Result<PaymentId, PayError> {
        self.base.staged.check()?;
        ready::refuse_old_copy(&self.base)?;
        let id = self.streams.begin_outbound(&self.base.ldk, to, self.base.now())?;
        self.ledger.stage(|batch| batch.merge(beside));
        self.base.flushed().await?;
        Ok(id)
    }

    /// Open streams, outbound and inbound, those of earlier runs included.
    #[must_use]
    pub fn streams(&self) -> Vec<Payment> {
        self.streams.all()
    }

    /// An open outbound stream by its id in the history.
    #[must_use]
    pub fn stream(&self, id: PaymentId) -> Option<Payment> {
        self.streams.get(Key::outbound(id))
    }

    /// Ends an outbound stream: no payment follows, and its record ends when nothing is in flight. Durable before it returns;
    /// `true` when it was open.
    ///
    /// # Errors
    /// [`Unsaved`].
    pub async fn close_stream(&self, id: PaymentId) -> Result<bool, Unsaved> {
        self.close(Key::outbound(id)).await
    }

    /// An open session's record: its amount is what the session has brought so far, durable, each payment counted once.
    /// Whoever gives credit for it stores what is used up, and reads this at its start; every change is a notice
    /// ([`crate::Notice::Payment`]).
    #[must_use]
    pub fn session(&self, session: &str) -> Option<Payment> {
        self.streams.get(streams::session_key(session))
    }

    /// Ends a session: later payments to it go back. Durable before it returns; `true` when anything had come in.
    ///
    /// # Errors
    /// [`Unsaved`].
    pub async fn close_session(&self, session: &str) -> Result<bool, Unsaved> {
        self.close(streams::session_key(session)).await
    }

    async fn close(&self, stream: Key) -> Result<bool, Unsaved> {
        self.base.staged.check()?;
        let was_open = self.streams.close(stream, self.base.now());
        self.base.flushed().await?;
        Ok(was_open)
    }
}
