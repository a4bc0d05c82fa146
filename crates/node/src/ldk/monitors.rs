//! Channel monitors as they are stored: whole, and beside that each later update by itself, until those weigh as much as the
//! monitor. A monitor grows with each payment of its channel's life (BOLT 3: what a revoked commitment paid has to be known
//! as long as the channel lives), so that writing it whole each time would make every payment dearer than the last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use amplet_storage::{Store, StoreError};
use futures::future::try_join_all;
use lightning::chain::chainmonitor::Persist;
use lightning::chain::channelmonitor::{ChannelMonitor, ChannelMonitorUpdate};
use lightning::chain::{BlockLocator, ChannelMonitorUpdateStatus};
use lightning::ln::msgs::DecodeError;
use lightning::sign::InMemorySigner;
use lightning::util::persist::MonitorName;
use lightning::util::ser::{Readable, ReadableArgs, Writeable};

use crate::ldk::error::ReadError;
use crate::ldk::fees::Fees;
use crate::ldk::log::Log;
use crate::ldk::signer::Signer;
use crate::ldk::staged::{StagedWrites, Step, names};
use crate::ldk::types::Monitor;

/// Bytes of updates that are stored beside any monitor, however small.
const MIN_WEIGHT: usize = 32_768;
/// Maximum number of updates stored beside a monitor: each is a record to be read when the wallet opens.
const MAX_UPDATES: usize = 256;

/// Stored form of one monitor.
#[derive(Default)]
struct StoredMonitor {
    /// Bytes of the whole one.
    whole: usize,
    /// Numbers of the updates beside it.
    updates: Vec<u64>,
    /// Bytes of those.
    weight: usize,
}

/// Stored forms of all monitors, by LDK's name.
#[derive(Default)]
pub(crate) struct Monitors(Mutex<BTreeMap<String, StoredMonitor>>);

impl Monitors {
    fn stored(&self) -> MutexGuard<'_, BTreeMap<String, StoredMonitor>> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Reads all monitors and brings each up to its last update; the staged writes go on from there.
///
/// # Errors
/// The store's; [`ReadError::Corrupt`] when something cannot be read or an update is missing.
pub(crate) async fn load(
    store: &dyn Store,
    staged: &Arc<StagedWrites>,
    with: (&Arc<Signer>, &Arc<Fees>, &Arc<Log>),
) -> Result<Vec<Monitor>, ReadError> {
    let mut beside: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for key in store.list(names::MONITOR_UPDATES).await? {
        if let Some((name, number)) = update_of(&key) {
            beside.entry(name.to_owned()).or_default().push(number);
        }
    }
    let mut all = Vec::new();
    for key in store.list(names::MONITORS).await? {
        let Some(whole) = store.get(&key).await? else { continue };
        let name = key.strip_prefix(names::MONITORS).unwrap_or_default();
        let numbers = beside.remove(name).unwrap_or_default();
        let found = try_join_all(numbers.iter().map(async |number| {
            let bytes = store.get(&update_key(name, *number)).await?;
            Ok::<_, StoreError>(bytes.map(|bytes| (*number, bytes)))
        }));
        let updates: Vec<_> = found.await?.into_iter().flatten().collect();
        let monitor = put_together(&whole, &updates, staged, with);
        all.push(
            monitor
                .map_err(|reason| ReadError::Corrupt { what: format!("channel monitor {name}"), reason })?,
        );
        let weight = updates.iter().map(|(_, bytes)| bytes.len()).sum();
        let stored = StoredMonitor { whole: whole.len(), updates: numbers, weight };
        staged.monitors.stored().insert(name.to_owned(), stored);
    }
    Ok(all)
}

/// The whole monitor, and then each update that came after it.
fn put_together(
    whole: &[u8],
    updates: &[(u64, Vec<u8>)],
    staged: &Arc<StagedWrites>,
    (signer, fees, log): (&Arc<Signer>, &Arc<Fees>, &Arc<Log>),
) -> Result<Monitor, DecodeError> {
    let (_, monitor) = <(BlockLocator, Monitor)>::read(&mut &*whole, (&**signer, &**signer))?;
    for (number, bytes) in updates {
        let next = monitor.get_latest_update_id().saturating_add(1);
        let update = ChannelMonitorUpdate::read(&mut &bytes[..])?;
        // LDK panics on a gap.
        if *number != next || update.update_id != next {
            return Err(DecodeError::InvalidValue);
        }
        monitor.update_monitor(&update, staged, fees, log).map_err(|()| DecodeError::InvalidValue)?;
    }
    Ok(monitor)
}

fn update_key(name: &str, number: u64) -> String {
    // Digits enough that names sort as numbers do.
    format!("{}{name}/{number:016x}", names::MONITOR_UPDATES)
}

fn update_of(key: &str) -> Option<(&str, u64)> {
    let (name, number) = key.strip_prefix(names::MONITOR_UPDATES)?.rsplit_once('/')?;
    Some((name, u64::from_str_radix(number, 16).ok()?))
}

impl StagedWrites {
    /// Stages a whole monitor, in whose place its updates go.
    pub(crate) fn put_monitor(&self, monitor: &ChannelMonitor<InMemorySigner>) {
        let name = monitor.persistence_key().to_string();
        let bytes = monitor.encode();
        let mut step = self.step();
        let mut monitors = self.monitors.stored();
        let before =
            monitors.insert(name.clone(), StoredMonitor { whole: bytes.len(), ..StoredMonitor::default() });
        remove_updates(&mut step, &name, before);
        step.writes.put(format!("{}{name}", names::MONITORS), bytes);
        step.urgent = true;
    }

    /// Stages an update by itself, if that is less than the whole monitor in the long run; returns whether it did.
    fn put_update(&self, name: &str, update: &ChannelMonitorUpdate) -> bool {
        let bytes = update.encode();
        let mut step = self.step();
        let mut monitors = self.monitors.stored();
        let Some(stored) = monitors.get_mut(name) else { return false };
        let weight = stored.weight.saturating_add(bytes.len());
        if weight > stored.whole.max(MIN_WEIGHT) || stored.updates.len() >= MAX_UPDATES {
            return false;
        }
        stored.weight = weight;
        stored.updates.push(update.update_id);
        step.writes.put(update_key(name, update.update_id), bytes);
        step.urgent = true;
        true
    }
}

fn remove_updates(step: &mut Step, name: &str, stored: Option<StoredMonitor>) {
    for number in stored.unwrap_or_default().updates {
        step.writes.remove(update_key(name, number));
    }
}

impl Persist<InMemorySigner> for StagedWrites {
    fn persist_new_channel(
        &self,
        name: MonitorName,
        monitor: &ChannelMonitor<InMemorySigner>,
    ) -> ChannelMonitorUpdateStatus {
        self.put_monitor(monitor);
        self.record_first(&name.to_string(), monitor);
        self.step().durable.push((monitor.channel_id(), monitor.get_latest_update_id()));
        ChannelMonitorUpdateStatus::InProgress
    }

    fn update_persisted_channel(
        &self,
        name: MonitorName,
        update: Option<&ChannelMonitorUpdate>,
        monitor: &ChannelMonitor<InMemorySigner>,
    ) -> ChannelMonitorUpdateStatus {
        let name = name.to_string();
        if !update.is_some_and(|update| self.put_update(&name, update)) {
            self.put_monitor(monitor);
        }
        if let Some(update) = update {
            self.record_update(&name, update, monitor);
            self.step().durable.push((monitor.channel_id(), update.update_id));
        }
        ChannelMonitorUpdateStatus::InProgress
    }

    fn archive_persisted_channel(&self, name: MonitorName) {
        let name = name.to_string();
        let before = self.monitors.stored().remove(&name);
        remove_updates(&mut self.step(), &name, before);
        self.forget_states(&mut self.step(), &name);
        self.remove(format!("{}{name}", names::MONITORS));
    }
}
