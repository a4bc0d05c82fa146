//! Sends what waits to the backup: one request at a time, with all that has come since the one before.

use super::link::{Link, Phase};
use crate::{Backend, StoreError, Write};
use amplet_protocol::page::BackupState;
use futures::future::select;
use std::rc::Rc;
use std::time::Duration;

/// Interval at which the server is asked whether this device still has the wallet, while there is nothing to send.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Pauses between attempts: doubled each time.
pub(super) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(Duration::from_millis(250))
    }
}

impl Pauses {
    const MAX: Duration = Duration::from_secs(10);

    pub fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = pause.saturating_mul(2).min(Self::MAX);
        pause
    }
}

impl Link {
    /// Sends until this device's session ends.
    pub async fn send(self: Rc<Self>) {
        let mut pauses = Pauses::default();
        loop {
            let Phase::Active(epoch) = *self.phase.borrow() else { return };
            if self.state.borrow().unsent.is_none() {
                match self.replace(epoch).await {
                    Ok(()) => pauses = Pauses::default(),
                    Err(error) => {
                        if !self.survives(error).await {
                            return;
                        }
                        self.outside.sleep(pauses.next()).await;
                    }
                }
                continue;
            }
            let records = self.pending.take();
            if records.is_empty() {
                let (change, pause) = (self.change(), self.outside.sleep(ASK_EVERY));
                // What came before the change was asked for has woken nobody.
                if self.pending.borrow().is_empty() {
                    select(change, pause).await;
                }
                if self.pending.borrow().is_empty() && matches!(*self.phase.borrow(), Phase::Active(_)) {
                    // Reasons are in the phase; a server that does not answer is told by the next write.
                    drop(self.may_act().await);
                }
                continue;
            }
            self.set_condition_behind();
            let head = self.head();
            self.backend.set_head(head);
            let writes =
                records.iter().map(|(name, value)| Write { name: name.clone(), value: value.clone() });
            let sent = self.backend.commit(writes.collect(), epoch).await;
            let Err(error) = sent else {
                pauses = Pauses::default();
                self.acknowledged(head.generation);
                continue;
            };
            {
                // What came meanwhile is newer.
                let mut pending = self.pending.borrow_mut();
                for (name, value) in records {
                    pending.entry(name).or_insert(value);
                }
            }
            if !self.survives(error).await {
                return;
            }
            self.outside.sleep(pauses.next()).await;
        }
    }

    /// Returns whether it is to be sent again.
    async fn survives(&self, error: StoreError) -> bool {
        let error = match error {
            StoreError::OlderBackup => match self.send_everything().await {
                Ok(()) => return true,
                Err(error) => error,
            },
            other => other,
        };
        match error {
            error if error.is_fenced() => {
                self.moved(error).await;
                false
            }
            error if error.is_retryable() || matches!(error, StoreError::OlderBackup) => {
                self.unreached(&error);
                true
            }
            error => {
                self.end(Phase::Failed(error.to_string()));
                false
            }
        }
    }

    /// The server was restored from an older copy of its own: this device has the newest state.
    async fn send_everything(&self) -> Result<(), StoreError> {
        log::warn!("the backup has an older state than it once had: everything is sent again");
        self.was_older.set(true);
        let Some(held) = self.backend.held() else { return Err(StoreError::Closed) };
        self.backend.set_session(held.session);
        let epoch = self.backend.take_over().await?;
        self.phase.replace(Phase::Active(epoch));
        self.replace(epoch).await
    }

    /// Sets the condition of a server that does not do what it is asked.
    pub fn unreached(&self, error: &StoreError) {
        let state = match error {
            StoreError::BackupRefused { .. } | StoreError::QuotaExceeded { .. } => BackupState::Refused,
            _ => BackupState::Unreachable,
        };
        self.set_condition(state, Some(error));
    }

    /// While the server does not answer it stays told.
    fn set_condition_behind(&self) {
        if self.status().state == BackupState::Current {
            self.set_condition(BackupState::Behind, None);
        }
    }
}
