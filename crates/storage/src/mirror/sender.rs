//! Sends what waits to the backup: a commit leaves at once, also while others are on their way; what comes when there are many goes
//! together.

use super::link::{Link, Phase};
use crate::{Backend, StoreError, Write};
use amplet_protocol::page::BackupState;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::FuturesOrdered;
use futures::{FutureExt, StreamExt};
use std::rc::Rc;
use std::time::Duration;

/// Maximum number of writes that are on their way at once.
const MAX_FLIGHTS: usize = 4;
/// Time without anything to send from which on the server is asked to tell when another device has taken over.
const QUIET: Duration = Duration::from_millis(250);
/// Time after which it is asked anew. Whatever stands in between (proxies, networks of phones) keeps what is silent for longer.
const WATCH: Duration = Duration::from_secs(20);
/// Pause before a server is asked again that does not answer, or does not wait.
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

/// A write on its way: the number of the newest commit in it, and whether it is written.
type Flight<'a> = LocalBoxFuture<'a, (u64, Result<bool, StoreError>)>;

impl Link {
    /// Sends until this device's session ends.
    pub async fn send(self: Rc<Self>) {
        self.flying.borrow_mut().clear();
        let mut pauses = Pauses::default();
        let mut flights = FuturesOrdered::new();
        loop {
            let Phase::Active(epoch) = *self.phase.borrow() else { return };
            let lacks_all = self.state.borrow().unsent.is_none();
            if !lacks_all
                && flights.len() < MAX_FLIGHTS
                && let Some(flight) = self.send_next(epoch)
            {
                flights.push_back(flight);
                continue;
            }
            let done = if !flights.is_empty() {
                self.land(&mut flights).await
            } else if lacks_all {
                self.replace(epoch).await
            } else if self.pending.borrow().is_empty() {
                select(self.change(), self.watch().boxed_local()).await;
                continue;
            } else {
                self.send_alone(epoch).await
            };
            let Err(error) = done else {
                pauses = Pauses::default();
                continue;
            };
            if !self.survives(error).await {
                return;
            }
            self.outside.sleep(pauses.next()).await;
        }
    }

    /// Sends what waits behind what is on its way, where that can be done.
    fn send_next(&self, epoch: u64) -> Option<Flight<'_>> {
        if self.pending.borrow().is_empty() {
            return None;
        }
        let head = self.head();
        self.backend.set_head(head);
        let flight = self.backend.write_next(&self.pending.borrow(), epoch)?;
        self.flying.borrow_mut().push_back((head.generation, self.pending.take()));
        self.set_condition_behind();
        Some(flight.map(move |answer| (head.generation, answer)).boxed_local())
    }

    /// Sends what waits, and nothing else meanwhile.
    async fn send_alone(&self, epoch: u64) -> Result<(), StoreError> {
        self.set_condition_behind();
        let head = self.head();
        self.backend.set_head(head);
        let records = self.pending.take();
        let writes = records.iter().map(|(name, value)| Write { name: name.clone(), value: value.clone() });
        let writes = writes.collect();
        self.flying.borrow_mut().push_back((head.generation, records));
        match self.backend.commit(writes, epoch).await {
            Ok(()) => self.acknowledged(head.generation),
            Err(error) => {
                self.take_back();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Waits for the oldest answer, or until there is more to send. After a failure the others are waited for: what is not written waits
    /// again.
    async fn land(&self, flights: &mut FuturesOrdered<Flight<'_>>) -> Result<(), StoreError> {
        let Either::Left((mut landed, _)) = select(flights.next(), self.change()).await else {
            return Ok(());
        };
        let mut failed = None;
        while let Some((generation, answer)) = landed {
            match answer {
                // So are those before it, whatever became of their answers.
                Ok(true) => {
                    self.acknowledged(generation);
                    return Ok(());
                }
                Ok(false) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
            landed = flights.next().await;
        }
        self.take_back();
        failed.map_or(Ok(()), Err)
    }

    /// What was sent and is not known to be written waits again; what came meanwhile is newer.
    fn take_back(&self) {
        let flown = self.flying.take();
        let mut pending = self.pending.borrow_mut();
        for (name, value) in flown.into_iter().rev().flat_map(|(_, records)| records) {
            pending.entry(name).or_insert(value);
        }
    }

    /// Hears of another device that takes over, until there is something to send.
    async fn watch(&self) {
        self.outside.sleep(QUIET).await;
        while matches!(*self.phase.borrow(), Phase::Active(_)) {
            let began = self.outside.now();
            let word = self.backend.watch(WATCH).await;
            let is_well = word.is_ok();
            // Reasons are in the phase; a server that does not answer is told by the next write.
            drop(self.heard(word).await);
            let waited = self.outside.now().saturating_sub(began);
            if !is_well || waited < WATCH.as_secs() / 2 {
                self.outside.sleep(ASK_EVERY).await;
            }
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
