//! The commit of a step, and what happens while it fails.

use std::time::Duration;

use amplet_protocol::page::StorageTrouble;
use amplet_storage::{Receipt, StoreError};
use bitcoin::Transaction;
use futures::future::{Either, select};
use futures::pin_mut;
use lightning::events::EventsProvider;

use super::claims::Claimable;
use super::dispatch::dispatch;
use super::engine::Engine;
use crate::ldk::commitment::is_commitment;
use crate::ldk::staged::Step;
use crate::onchain::Onchain;

/// First pause after a failed commit; doubled up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Failed commits after which it is told: they are tried for less than a second by then.
const TOLD_AFTER: u32 = 3;
/// Time after which it is told that the backup does not confirm a step.
const PATIENCE: Duration = Duration::from_secs(3);

fn unconfirmed(detail: &str) -> StoreError {
    StoreError::BackupUnreachable { detail: detail.to_owned() }
}

impl Engine {
    /// Commits a step, however often it has to be tried, then reports and broadcasts.
    pub(super) async fn commit(&self) -> Result<(), StoreError> {
        let base = self.base();
        let was_old = base.staged.old_copy.is_set();
        let (mut step, committed) = self.gather();
        let receipt = self.write(&mut step).await?;
        // Of a step that was gathered before this was known as an old copy none goes.
        if base.staged.old_copy.is_set() != was_old {
            step.broadcasts.clear();
        }
        // A broadcast may go once this device has the step; messages wait for every copy.
        let (now, later) = self.by_moment(step.broadcasts);
        let rebroadcast =
            || step.rebroadcasts.into_iter().for_each(|tx| Onchain::send_again(&self.services.onchain, tx));
        self.broadcast(now);
        if base.store.is_shared() {
            self.durable(receipt).await?;
            self.broadcast(later);
            rebroadcast();
        } else {
            rebroadcast();
            self.durable(receipt).await?;
        }
        for (channel, update) in step.durable {
            if let Err(error) = base.ldk.monitors.channel_monitor_updated(channel, update) {
                log::error!("monitor update {update} of {channel}: {error:?}");
            }
        }
        if let Some(trouble) = base.staged.committed() {
            let secs = base.now().saturating_sub(trouble.since);
            log::info!("the storage works again, after {secs} s; everything goes on");
        }
        self.followers.iter().for_each(|follower| follower.committed(&committed));
        Ok(())
    }

    /// Packages that may leave now, and those that wait until every copy has the step. Where another device may have gone on, a commitment
    /// of ours may be revoked, and a payment paid again: only claims of what is on the chain do not wait.
    fn by_moment(&self, packages: Vec<Vec<Transaction>>) -> (Vec<Vec<Transaction>>, Vec<Vec<Transaction>>) {
        let base = self.base();
        if packages.is_empty() || !base.store.is_shared() {
            return (packages, Vec::new());
        }
        let (claimable, commitments) = (Claimable::of(&base.ldk), self.commitments.borrow());
        packages.into_iter().partition(|package| claimable.may_leave(package, &commitments))
    }

    fn broadcast(&self, packages: Vec<Vec<Transaction>>) {
        for package in packages {
            let commitments = package.iter().filter(|tx| is_commitment(tx)).map(Transaction::compute_txid);
            self.commitments.borrow_mut().extend(commitments);
            self.base().broadcast(package);
        }
    }

    /// Resolves once this writer may speak for this node. Meanwhile the chain is followed, and nothing new begins.
    pub(super) async fn ready(&self) -> Result<(), StoreError> {
        let base = self.base();
        let (since, ready) = (base.now(), base.store.ready());
        let ready = match select(ready, base.platform.sleep(Duration::ZERO)).await {
            Either::Left((ready, _)) => return ready,
            Either::Right((_, ready)) => ready,
        };
        self.stall(&unconfirmed("it was not reached since the wallet was opened"), since);
        let mut outcome = Err(StoreError::Closed);
        base.closing.or(async { outcome = ready.await }).await;
        outcome?;
        base.staged.committed();
        base.changed();
        Ok(())
    }

    /// Resolves once a step is on every copy. Meanwhile claims of on-chain money go out, and after a while it is told.
    async fn durable(&self, receipt: Receipt) -> Result<(), StoreError> {
        let base = self.base();
        let since = base.now();
        let durable = receipt.durable();
        pin_mut!(durable);
        let mut patience = PATIENCE;
        loop {
            match select(durable, base.platform.sleep(patience)).await {
                Either::Left((outcome, _)) => return outcome,
                Either::Right((_, rest)) => durable = rest,
            }
            if base.staged.is_stopped() {
                return Err(StoreError::Closed);
            }
            self.stall(&unconfirmed("it has not confirmed what was sent last"), since);
            self.claim_meanwhile(&mut Step::default());
            patience = MAX_PAUSE;
        }
    }

    /// Writes a step, however often it has to be tried. Meanwhile nothing is said to a peer, whoever waits for the commit is
    /// told, and claims of on-chain money go out.
    async fn write(&self, step: &mut Step) -> Result<Receipt, StoreError> {
        let base = self.base();
        let since = base.now();
        let mut pause = FIRST_PAUSE;
        let mut failures = 0_u32;
        loop {
            if base.staged.is_stopped() {
                return Err(StoreError::Closed);
            }
            let error = match base.store.commit(step.writes.clone()).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) => error,
            };
            failures = failures.saturating_add(1);
            // Once it closes, there is nobody to make room for.
            if !error.is_retryable() || (base.closing.get() && failures > TOLD_AFTER) {
                return Err(error);
            }
            if failures >= TOLD_AFTER {
                self.stall(&error, since);
                self.claim_meanwhile(step);
            } else {
                log::warn!("a commit failed and is tried again: {error}");
            }
            let pausing = base.platform.sleep(pause);
            if base.closing.get() {
                pausing.await;
            } else {
                base.closing.or(pausing).await;
            }
            pause = pause.saturating_mul(2).min(MAX_PAUSE);
        }
    }

    /// Tells that nothing can be saved.
    fn stall(&self, error: &StoreError, since: u64) {
        let staged = &self.base().staged;
        let before = staged.trouble();
        let trouble = StorageTrouble { error: error.into(), since };
        if before.as_ref() != Some(&trouble) {
            log::error!(
                "nothing can be saved; payments wait, on-chain claims go out, and it is tried again: {error}"
            );
            staged.stall(trouble);
            self.base().changed();
        }
    }

    /// Broadcasts claims of on-chain money, those of `step` and those that come up while it cannot be written.
    fn claim_meanwhile(&self, step: &mut Step) {
        let base = self.base();
        // These are events about outputs on the chain only: fees to add to claims, and outputs to sweep.
        base.ldk.monitors.process_pending_events(&|event| dispatch(&self.services, event));
        self.renew_claims();
        let (claimable, commitments) = (Claimable::of(&base.ldk), self.commitments.borrow());
        let may_leave = |package: &[Transaction]| claimable.may_leave(package, &commitments);
        let (mut leave, stay): (Vec<_>, Vec<_>) =
            std::mem::take(&mut step.broadcasts).into_iter().partition(|package| may_leave(package));
        step.broadcasts = stay;
        leave.extend(base.staged.take_broadcasts(may_leave));
        let now = base.now();
        for package in leave {
            // Its coins are spent, also for the next claim.
            package.iter().for_each(|tx| base.ldk.wallet.sent(tx, now));
            base.broadcast(package);
        }
    }
}
