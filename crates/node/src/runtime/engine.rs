//! The loop: read, decide, commit, and only then speak (design invariant 1).

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use amplet_storage::StoreError;
use bitcoin::{BlockHash, Txid};
use futures::future::{Either, select};
use futures::pin_mut;
use lightning::events::EventsProvider;
use lightning::ln::msgs::OnionMessageHandler;
use lightning::util::ser::Writeable;

use super::Services;
use super::dispatch::dispatch;
use crate::base::{Base, Committed, Notice, StepFollower};
use crate::ldk::staged::{Step, names};
use crate::ledger::Ledger;
use crate::notify::Notify;
use crate::payments::Payments;

/// LDK's advice: every ten seconds or so.
const PING_EVERY: Duration = Duration::from_secs(10);
/// LDK's advice: once a minute.
const TICK_EVERY: Duration = Duration::from_secs(60);
/// While a stream is paid: no more often, so that a slow peer is not hung up on (LDK gives it two ticks).
const BUSY_TICK_EVERY: Duration = Duration::from_secs(20);
/// Interval between renewals of claims and sweeps.
const REBROADCAST_EVERY: Duration = Duration::from_secs(60);
/// Interval between stagings of what routing has learnt.
const LEARNT_EVERY: Duration = Duration::from_secs(600);
/// Maximum duration of the last step when the node closes.
const LAST_STEP_LIMIT: Duration = Duration::from_secs(10);

struct Timers {
    ping: Duration,
    tick: Duration,
    learnt: Duration,
}

/// Takes the node's steps.
pub(crate) struct Engine {
    pub(super) services: Rc<Services>,
    /// Followers of committed steps.
    pub(super) followers: Vec<Rc<dyn StepFollower>>,
    /// Block at which the monitors were last staged whole.
    staged_at: Cell<Option<BlockHash>>,
    /// The manager has changed since it was last written, in ways that a restart reproduces.
    manager_dirty: Cell<bool>,
    /// Monotonic time since which a write is deferred.
    deferred_since: Cell<Option<Duration>>,
    /// Monotonic time at which claims and sweeps are renewed.
    rebroadcast_at: Cell<Duration>,
    /// Own commitments that have left, durably.
    pub(super) commitments: RefCell<BTreeSet<Txid>>,
    /// Number of usable channels at the last notice.
    usable: Cell<usize>,
    stopped: Notify,
}

impl Engine {
    /// `followers` follow its committed steps, in this order.
    pub fn new(services: Rc<Services>, followers: Vec<Rc<dyn StepFollower>>) -> Self {
        Self {
            services,
            followers,
            staged_at: Cell::default(),
            manager_dirty: Cell::default(),
            deferred_since: Cell::default(),
            rebroadcast_at: Cell::default(),
            commitments: RefCell::default(),
            usable: Cell::default(),
            stopped: Notify::default(),
        }
    }

    pub(super) fn base(&self) -> &Base {
        &self.services.base
    }

    fn payments(&self) -> &Payments {
        &self.services.payments
    }

    fn ledger(&self) -> &Ledger {
        &self.services.ledger
    }

    /// Runs until the node closes or its storage is lost to another writer.
    pub async fn run(self: Rc<Self>) {
        let base = self.base();
        let now = base.platform.monotonic();
        let mut timers = Timers {
            ping: now.saturating_add(PING_EVERY),
            tick: now.saturating_add(TICK_EVERY),
            learnt: now.saturating_add(LEARNT_EVERY),
        };
        let mut outcome = self.ready().await;
        if outcome.is_ok() {
            outcome = self.drain().await;
            // LDK has now broadcast what it knew of.
            self.services.channels.end_forgotten_openings();
            self.services.channels.apply_terms();
            self.payments().inbound.resumed();
        }
        while outcome.is_ok() {
            self.fire(&mut timers);
            outcome = self.drain().await;
            if outcome.is_err() || base.closing.get() {
                break;
            }
            outcome = self.wait(&timers).await;
        }
        match outcome {
            Err(error) if base.closing.get() => {
                log::warn!("the last step was not saved, the last commit is what counts: {error}");
            }
            Err(error) => {
                log::error!("the node stops: {error}");
                base.closing.begin();
                base.subscribers.notify(&Notice::Stopped(Rc::new(error)));
            }
            Ok(()) => {}
        }
        base.ldk.peers.disconnect_all_peers();
        base.staged.stop();
        self.stopped.notify();
    }

    /// Waits for a notification, LDK, or the next timer; fails when another writer has taken over meanwhile.
    async fn wait(&self, timers: &Timers) -> Result<(), StoreError> {
        let base = self.base();
        let deferred = self.deferred_until().unwrap_or(Duration::MAX);
        let held = self.services.channels.held_until().unwrap_or(Duration::MAX);
        let due = [timers.ping, timers.tick, self.rebroadcast_at.get(), timers.learnt, deferred, held];
        let next = due.into_iter().min().unwrap_or(Duration::MAX);
        let timer = base.platform.sleep(next.saturating_sub(base.platform.monotonic()));
        let notified = base.notify.notified();
        let manager = base.ldk.manager.get_event_or_persistence_needed_future();
        let monitors = base.ldk.monitors.get_update_future();
        pin_mut!(notified);
        let work = select(select(notified, timer), select(manager, monitors));
        match select(base.store.lost(), work).await {
            Either::Left((error, _)) => Err(error),
            Either::Right(_) => Ok(()),
        }
    }

    fn fire(&self, timers: &mut Timers) {
        let ldk = &self.base().ldk;
        let now = self.base().platform.monotonic();
        let due = |timer: &mut Duration, every: Duration| {
            let due = *timer <= now;
            if due {
                *timer = now.saturating_add(every);
            }
            due
        };
        if due(&mut timers.ping, PING_EVERY) {
            ldk.peers.timer_tick_occurred();
            ldk.onions.timer_tick_occurred();
            self.services.channels.note_connected();
        }
        if self.payments().is_busy() {
            let since = timers.tick.saturating_sub(TICK_EVERY);
            timers.tick = timers.tick.min(since.saturating_add(BUSY_TICK_EVERY));
        }
        if due(&mut timers.tick, TICK_EVERY) {
            ldk.manager.timer_tick_occurred();
            // A restart reproduces what has changed: it rides with a payment of the next minute, if there is one.
            if self.manager_dirty.get() {
                self.base().staged.put_manager_at_leisure(ldk.manager.encode());
            }
            self.payments().ticked();
        }
        self.renew_claims();
        if due(&mut timers.learnt, LEARNT_EVERY) {
            self.stage_learnt();
            self.archive_monitors();
        }
    }

    /// Lets monitors go whose channels were resolved four weeks ago, or never held anything; LDK decides which. The removal and the
    /// manager, which then refers to none of them, are one step.
    fn archive_monitors(&self) {
        let Base { ldk, staged, .. } = self.base();
        // An update under way is known to the manager, which is not read without its monitor.
        if ldk.monitors.pending_operation_count() == 0 && !staged.is_urgent() {
            ldk.monitors.archive_fully_resolved_channel_monitors();
        }
    }

    /// Renews claims and sweeps, when that is due.
    pub(super) fn renew_claims(&self) {
        let Base { ldk, platform, .. } = self.base();
        let now = platform.monotonic();
        if self.rebroadcast_at.get() > now {
            return;
        }
        self.rebroadcast_at.set(now.saturating_add(REBROADCAST_EVERY));
        self.services.onchain.bumps_renewed();
        ldk.monitors.rebroadcast_pending_claims();
        self.sweep();
    }

    /// Sweeps what closed channels left, and stages the sweeper if a block has changed it: LDK itself writes it only here.
    fn sweep(&self) {
        if self.base().ldk.sweeper.regenerate_and_broadcast_spend_if_necessary().is_err() {
            log::warn!("sweeping: an output could not be spent yet; tried again in a minute");
        }
    }

    /// Stages what routing has learnt: worth keeping, never worth waiting for.
    pub fn stage_learnt(&self) {
        let Base { ldk, staged, chain, .. } = self.base();
        ldk.router.stage_beliefs(staged);
        if let Some(gossip) = &ldk.gossip {
            // By the chain's clock, which is what channel updates are dated by.
            let tip = chain.header_at(ldk.manager.current_best_block().height);
            gossip.prune(tip.map_or(0, |header| u64::from(header.time)));
            staged.put_deferred(names::GOSSIP, gossip.encode());
        }
    }

    /// Takes steps until nothing is left that has to be done now.
    async fn drain(&self) -> Result<(), StoreError> {
        let ldk = &self.base().ldk;
        loop {
            if self.decide() {
                self.manager_dirty.set(true);
            }
            let urgent = self.is_urgent();
            if urgent {
                self.commit().await?;
                // What changed during the commit is decided and committed before any message leaves.
                if self.is_urgent() {
                    continue;
                }
            }
            if self.base().staged.old_copy.is_set() {
                ldk.peers.disconnect_all_peers();
            }
            ldk.peers.process_events();
            // What speaking changed is reproduced after a crash from what was committed: it is written with the next step.
            if ldk.manager.get_and_clear_needs_persistence() {
                self.manager_dirty.set(true);
            }
            if !urgent && !self.is_urgent() {
                self.notify_usable();
                self.services.peers.copies().report_changes();
                self.services.peers.lost().leave_list();
                return Ok(());
            }
        }
    }

    /// A channel taken up again (`channel_reestablish`) has no event of LDK and needs no commit: subscribers learn of it here.
    fn notify_usable(&self) {
        let usable = self.base().ldk.manager.list_usable_channels().len();
        if self.usable.replace(usable) != usable {
            self.base().changed();
        }
    }

    /// Returns whether something waits for a commit: a message, a broadcast, a caller; or the node is closing; or a deferred write has
    /// waited long enough.
    fn is_urgent(&self) -> bool {
        let Base { ldk, staged, closing, platform, .. } = self.base();
        let now = platform.monotonic();
        let leftover = !staged.is_empty();
        if leftover && self.deferred_since.get().is_none() {
            self.deferred_since.set(Some(now));
        }
        let overdue = self.deferred_until().is_some_and(|at| at <= now);
        staged.is_urgent()
            || ldk.monitors.pending_operation_count() > 0
            || (leftover && overdue)
            || (closing.get() && (leftover || self.manager_dirty.get()))
    }

    /// Monotonic time at which a deferred write gets a commit of its own.
    fn deferred_until(&self) -> Option<Duration> {
        let since = self.deferred_since.get()?;
        Some(since.saturating_add(self.base().staged.max_delay().unwrap_or_default()))
    }

    /// Processes pending LDK events; returns whether the channel manager is dirty.
    fn decide(&self) -> bool {
        let Base { ldk, .. } = self.base();
        let handler = |event| dispatch(&self.services, event);
        // What failed teaches before LDK asks for another route.
        ldk.manager.process_pending_events(&handler);
        self.services.channels.go_on();
        // Forwards, receipts and retries are decided by heights.
        if !ldk.behind.get() && ldk.manager.needs_pending_htlc_processing() {
            ldk.manager.process_pending_htlc_forwards();
            ldk.manager.process_pending_events(&handler);
        }
        self.payments().outbound.go_on();
        ldk.monitors.process_pending_events(&handler);
        self.payments().outbound.record_plans();
        ldk.manager.get_and_clear_needs_persistence()
    }

    /// The step's writes and what they change. The manager is written with every step.
    pub(super) fn gather(&self) -> (Step, Committed) {
        let base = self.base();
        let ldk = &base.ldk;
        let operations = ldk.monitors.pending_operation_count();
        self.stage_parts_at_new_block();
        base.staged.put_manager(ldk.manager.encode());
        ldk.router.stage_beliefs_now_and_then(&base.staged);
        self.manager_dirty.set(false);
        self.deferred_since.set(None);
        ldk.monitors.flush(operations, &ldk.log);
        // These are events about commitments and their outputs only. What they broadcast rests on this step, and waits for none later.
        ldk.monitors.process_pending_events(&|event| dispatch(&self.services, event));
        if !base.staged.to_broadcast().is_empty() {
            base.staged.drop_spends_of(&ldk.missing_fundings());
        }
        // The on-chain wallet must know what is about to be broadcast before it is.
        let now = base.now();
        base.staged.to_broadcast().iter().for_each(|tx| ldk.wallet.sent(tx, now));
        (base.staged.take(), self.ledger().take_changes())
    }

    /// LDK writes monitors every few blocks only, and the sweeper when it sweeps. Written with each new block, all parts are
    /// always at one block, so that the wallet opens without any chain source.
    fn stage_parts_at_new_block(&self) {
        let Base { ldk, staged, .. } = self.base();
        ldk.monitors_listener().tell();
        let best = ldk.manager.current_best_block().block_hash;
        if self.staged_at.replace(Some(best)) == Some(best) {
            return;
        }
        ldk.stage_monitors(staged);
        self.sweep();
    }

    /// Resolves when the loop has ended.
    pub async fn ended(&self) {
        let stopped = self.stopped.notified();
        let limit = self.base().platform.sleep(LAST_STEP_LIMIT);
        pin_mut!(stopped);
        if let Either::Right(_) = select(stopped, limit).await {
            let limit = LAST_STEP_LIMIT.as_secs();
            log::warn!(
                "the node did not finish its last step within {limit} s; the last commit is what counts"
            );
        }
    }
}
