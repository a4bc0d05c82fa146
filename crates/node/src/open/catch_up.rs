//! Blocks read while the node was closed, for each part from its own best block.

use std::sync::Arc;

use amplet_chain::{BlockListener, Position, Tip};
use lightning::chain::Listen;

use super::NodeError;
use super::assemble::Parts;
use crate::ldk::fees::Fees;
use crate::ldk::listen::{ListenAdapter, position};
use crate::ldk::log::Log;
use crate::ldk::staged::StagedWrites;
use crate::ldk::types::{ChannelManager, Monitor, Sweeper};
use crate::runtime::SyncState;

/// A monitor as a listener of its own, before the chain monitor owns it.
type LoneMonitor = (Monitor, Arc<StagedWrites>, Arc<Fees>, Arc<Log>);

/// Brings every part to the chain's tip, when a source can be reached.
pub(super) async fn catch_up(
    parts: &Parts<'_>,
    loaded: Vec<Monitor>,
    manager: &ChannelManager,
    sweeper: &Sweeper,
) -> Result<(Vec<Monitor>, SyncState), NodeError> {
    let lone = |monitor: Monitor| -> LoneMonitor {
        (monitor, Arc::clone(parts.staged), Arc::clone(&parts.fees), Arc::clone(&parts.log))
    };
    let monitors: Vec<LoneMonitor> = loaded.into_iter().map(lone).collect();
    monitors.iter().for_each(|(monitor, ..)| monitor.load_outputs_to_watch(&parts.watch, &parts.log));
    let mut state = SyncState::default();
    let target = match parts.chain.poll().await {
        Ok(poll) => Some(poll.new),
        Err(error) => {
            log::warn!("chain: {error}; the wallet opens with what it knows");
            state.error = Some(error.to_string());
            None
        }
    };
    match target {
        Some(target) => {
            read_each(parts, &target, &monitors, manager, sweeper).await?;
            state.synced = true;
            state.checked_at = Some(parts.platform.now());
        }
        None => at_one_block(parts, &monitors, manager, sweeper)?,
    }
    Ok((monitors.into_iter().map(|(monitor, ..)| monitor).collect(), state))
}

async fn read_each(
    parts: &Parts<'_>,
    target: &Tip,
    monitors: &[LoneMonitor],
    manager: &ChannelManager,
    sweeper: &Sweeper,
) -> Result<(), NodeError> {
    for monitor in monitors {
        read(parts, target, &position(&monitor.0.current_best_block()), &listener(parts, monitor)).await?;
    }
    read(parts, target, &position(&manager.current_best_block()), &listener(parts, manager)).await?;
    read(parts, target, &position(&sweeper.current_best_block()), &listener(parts, sweeper)).await?;
    read(parts, target, &parts.wallet.position(), &*parts.wallet).await
}

fn listener<'a, L: Listen>(parts: &'a Parts<'_>, part: &'a L) -> ListenAdapter<'a, L> {
    ListenAdapter { part, chain: parts.chain }
}

async fn read(
    parts: &Parts<'_>,
    target: &Tip,
    from: &Position,
    listener: &dyn BlockListener,
) -> Result<(), NodeError> {
    if from.hash == target.hash {
        return Ok(());
    }
    let mut quiet = |_| ();
    let result = parts.chain.sync(from, target, listener, &*parts.watch, &mut quiet).await;
    result.map(drop).map_err(|stopped| stopped.error.into())
}

/// Without a chain source the parts can only run together when they are at one block, as every commit leaves them.
fn at_one_block(
    parts: &Parts<'_>,
    monitors: &[LoneMonitor],
    manager: &ChannelManager,
    sweeper: &Sweeper,
) -> Result<(), NodeError> {
    let best = manager.current_best_block().block_hash;
    let same = monitors.iter().all(|(monitor, ..)| monitor.current_best_block().block_hash == best)
        && sweeper.current_best_block().block_hash == best
        && parts.wallet.position().hash == best;
    if same { Ok(()) } else { Err(NodeError::Unsynced) }
}
