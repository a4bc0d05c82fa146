//! The loop: read, decide, commit, and only then speak (design invariant 1).

use std::rc::Rc;
use std::time::Duration;

use amplet_storage::StoreError;
use bitcoin::Transaction;
use futures::future::{Either, select};
use futures::pin_mut;
use lightning::events::EventsProvider;
use lightning::ln::msgs::OnionMessageHandler;
use lightning::util::ser::Writeable;

use crate::events;
use crate::inner::{Inner, Notice};
use crate::journal::{Step, names};
use crate::routing::parts;

/// LDK's advice: every ten seconds or so.
const PING_EVERY: Duration = Duration::from_secs(10);
/// LDK's advice: once a minute.
const TICK_EVERY: Duration = Duration::from_secs(60);
/// While a stream is paid: no oftener, lest a slow peer is hung up on (LDK gives it two ticks).
const BUSY_TICK_EVERY: Duration = Duration::from_secs(20);
/// How often claims and sweeps are renewed.
const REBROADCAST_EVERY: Duration = Duration::from_secs(60);
/// How often what routing has learnt is stored.
const LEARNT_EVERY: Duration = Duration::from_secs(600);
/// First pause after a failed commit; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

struct Timers {
    ping: Duration,
    tick: Duration,
    rebroadcast: Duration,
    learnt: Duration,
}

/// Runs until the node closes or its storage is lost to another writer.
pub(crate) async fn run(inner: Rc<Inner>) {
    let now = inner.platform.monotonic();
    let mut timers = Timers {
        ping: now.saturating_add(PING_EVERY),
        tick: now.saturating_add(TICK_EVERY),
        rebroadcast: now,
        learnt: now.saturating_add(LEARNT_EVERY),
    };
    loop {
        fire(&inner, &mut timers);
        if let Err(error) = settle(&inner).await {
            log::error!("the node stops: {error}");
            inner.closing.begin();
            inner.ldk.peers.disconnect_all_peers();
            inner.notify(&Notice::Stopped(Rc::new(error)));
            break;
        }
        if inner.closing.get() {
            inner.ldk.peers.disconnect_all_peers();
            break;
        }
        wait(&inner, &timers).await;
    }
    inner.stopped.wake();
}

/// Waits for the bell, LDK, or the next timer.
async fn wait(inner: &Inner, timers: &Timers) {
    let ride = ride_ends(inner).unwrap_or(Duration::MAX);
    let next = timers.ping.min(timers.tick).min(timers.rebroadcast).min(timers.learnt).min(ride);
    let timer = inner.platform.sleep(next.saturating_sub(inner.platform.monotonic()));
    let heard = inner.wake.heard();
    let manager = inner.ldk.manager.get_event_or_persistence_needed_future();
    let monitors = inner.ldk.monitors.get_update_future();
    pin_mut!(heard);
    select(select(heard, timer), select(manager, monitors)).await;
}

fn fire(inner: &Inner, timers: &mut Timers) {
    let now = inner.platform.monotonic();
    let due = |timer: &mut Duration, every: Duration| {
        let due = *timer <= now;
        if due {
            *timer = now.saturating_add(every);
        }
        due
    };
    if due(&mut timers.ping, PING_EVERY) {
        inner.ldk.peers.timer_tick_occurred();
        inner.ldk.onions.timer_tick_occurred();
    }
    if inner.ledger.streams.is_busy() {
        let since = timers.tick.saturating_sub(TICK_EVERY);
        timers.tick = timers.tick.min(since.saturating_add(BUSY_TICK_EVERY));
    }
    if due(&mut timers.tick, TICK_EVERY) {
        inner.ledger.streams.ticked();
        inner.ldk.manager.timer_tick_occurred();
        if inner.unwritten.get() {
            inner.journal.put(names::MANAGER, inner.ldk.manager.encode());
        }
        events::payment::expire(inner);
    }
    if due(&mut timers.rebroadcast, REBROADCAST_EVERY) {
        inner.ldk.monitors.rebroadcast_pending_claims();
        if inner.ldk.sweeper.regenerate_and_broadcast_spend_if_necessary().is_err() {
            log::warn!("sweeping: an output could not be spent yet; tried again in a minute");
        }
    }
    if due(&mut timers.learnt, LEARNT_EVERY) {
        stage_learnt(inner);
    }
}

/// Stages what routing has learnt: worth keeping, never worth waiting for.
pub(crate) fn stage_learnt(inner: &Inner) {
    inner.ldk.router.stage_beliefs(&inner.journal);
    if let Some(gossip) = &inner.ldk.gossip {
        // By the chain's clock, which is what channel updates are dated by.
        let tip = inner.chain.header_at(inner.ldk.manager.current_best_block().height);
        gossip.prune(tip.map_or(0, |header| u64::from(header.time)));
        inner.journal.put_later(names::GOSSIP, gossip.encode());
    }
}

/// Takes steps until nothing is left that has to be done now.
async fn settle(inner: &Rc<Inner>) -> Result<(), StoreError> {
    loop {
        if decide(inner) {
            inner.unwritten.set(true);
        }
        let urgent = is_urgent(inner);
        if urgent {
            commit(inner, gather(inner)).await?;
            // What changed while the commit was under way is decided and committed before anything is said.
            if is_urgent(inner) {
                continue;
            }
        }
        inner.ldk.peers.process_events();
        // What saying it changed is reproduced after a crash from what was committed: it rides with the next step.
        if inner.ldk.manager.get_and_clear_needs_persistence() {
            inner.unwritten.set(true);
        }
        if !urgent && !is_urgent(inner) {
            tell_usable(inner);
            return Ok(());
        }
    }
}

/// A channel taken up again (`channel_reestablish`) has no event of LDK and needs no commit: whoever watches learns of it
/// here.
fn tell_usable(inner: &Inner) {
    let usable = inner.ldk.manager.list_usable_channels().len();
    if inner.usable.replace(usable) != usable {
        inner.changed();
    }
}

/// Whether something waits for a commit: a message, a broadcast, a caller; or the node is closing; or what rides along has
/// ridden long enough.
fn is_urgent(inner: &Inner) -> bool {
    let now = inner.platform.monotonic();
    let leftover = !inner.journal.is_empty();
    if leftover && inner.riding_since.get().is_none() {
        inner.riding_since.set(Some(now));
    }
    let overdue = ride_ends(inner).is_some_and(|at| at <= now);
    inner.journal.is_urgent()
        || inner.ldk.monitors.pending_operation_count() > 0
        || (leftover && overdue)
        || (inner.closing.get() && (leftover || inner.unwritten.get()))
}

/// Monotonic time at which what rides along gets a commit of its own.
fn ride_ends(inner: &Inner) -> Option<Duration> {
    let since = inner.riding_since.get()?;
    Some(since.saturating_add(inner.journal.patience().unwrap_or_default()))
}

/// Lets LDK act on what it has heard; says whether the manager has to be written.
fn decide(inner: &Rc<Inner>) -> bool {
    let manager = &inner.ldk.manager;
    let handler = |event| events::handle(inner, event);
    // What failed teaches before LDK asks for another way.
    manager.process_pending_events(&handler);
    if manager.needs_pending_htlc_processing() {
        manager.process_pending_htlc_forwards();
        manager.process_pending_events(&handler);
    }
    inner.ldk.monitors.process_pending_events(&handler);
    parts::stage(inner);
    manager.get_and_clear_needs_persistence()
}

/// The step's writes. The manager is written with every step.
fn gather(inner: &Inner) -> Step {
    let ldk = &inner.ldk;
    let operations = ldk.monitors.pending_operation_count();
    stage_monitors_at_new_block(inner);
    inner.journal.put(names::MANAGER, ldk.manager.encode());
    ldk.router.ride_beliefs(&inner.journal);
    inner.unwritten.set(false);
    inner.riding_since.set(None);
    ldk.monitors.flush(operations, &ldk.log);
    // The savings must know what is about to be broadcast before it is.
    let now = inner.now();
    inner.journal.to_broadcast().iter().for_each(|tx| inner.onchain.sent(tx, now));
    inner.journal.take()
}

/// LDK writes monitors every few blocks only. Written with each new block, all parts are always at one block, so that the
/// wallet opens without any chain source.
fn stage_monitors_at_new_block(inner: &Inner) {
    let best = inner.ldk.manager.current_best_block().block_hash;
    if inner.staged_at.replace(Some(best)) == Some(best) {
        return;
    }
    for channel in inner.ldk.monitors.list_monitors() {
        if let Ok(monitor) = inner.ldk.monitors.get_monitor(channel) {
            inner.journal.put_monitor(&monitor);
        }
    }
}

/// Commits, however often it has to be tried, then reports and broadcasts.
async fn commit(inner: &Rc<Inner>, step: Step) -> Result<(), StoreError> {
    let changes = inner.ledger.take_changes();
    let mut pause = FIRST_PAUSE;
    let receipt = loop {
        match inner.store.commit(step.writes.clone()).await {
            Ok(receipt) => break receipt,
            Err(error) if !error.is_retryable() => return Err(error),
            Err(error) => log::warn!("a commit failed and is tried again: {error}"),
        }
        inner.platform.sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    };
    for package in step.broadcasts {
        let inner = Rc::clone(inner);
        inner.platform.clone().spawn(Box::pin(async move { broadcast(&inner, package).await }));
    }
    receipt.durable().await?;
    for (channel, update) in step.durable {
        if let Err(error) = inner.ldk.monitors.channel_monitor_updated(channel, update) {
            log::error!("monitor update {update} of {channel}: {error:?}");
        }
    }
    for payment in changes.payments {
        if payment.status != amplet_protocol::page::PaymentStatus::Pending {
            for waiter in inner.waiters.borrow_mut().remove(&payment.id).unwrap_or_default() {
                // Whoever waited may have given up.
                let _ = waiter.send(payment.clone());
            }
        }
        inner.notify(&Notice::Payment(Box::new(payment)));
    }
    for waiter in inner.settling.borrow_mut().drain(..) {
        // Whoever waited may have given up.
        let _ = waiter.send(());
    }
    changes.events.into_iter().for_each(|event| inner.notify(&Notice::Event(event)));
    inner.changed();
    Ok(())
}

/// Sends a package to the network. What is refused or not heard is sent again by LDK, the sweeper, or at the next block.
pub(crate) async fn broadcast(inner: &Inner, package: Vec<Transaction>) {
    let package = sorted(package);
    match inner.chain.broadcast(&package).await {
        Ok(_) => log::info!("broadcast: {} transaction(s) accepted", package.len()),
        Err(error) => log::warn!("broadcast: {error}"),
    }
}

/// Parents before children.
fn sorted(mut package: Vec<Transaction>) -> Vec<Transaction> {
    let ids: Vec<_> = package.iter().map(Transaction::compute_txid).collect();
    let parents =
        |tx: &Transaction| tx.input.iter().filter(|i| ids.contains(&i.previous_output.txid)).count();
    package.sort_by_key(parents);
    package
}

/// Waits until the loop has ended.
pub(crate) async fn ended(inner: &Inner) {
    let stopped = inner.stopped.heard();
    let limit = inner.platform.sleep(Duration::from_secs(10));
    pin_mut!(stopped);
    if let Either::Right(_) = select(stopped, limit).await {
        log::warn!("the node did not settle within 10 s; the last commit is what counts");
    }
}
