//! What a wallet has to know of its peers' commitments to punish one that was revoked: recorded in the step of the monitor update
//! that brings the commitment, because LDK itself cannot tell afterwards (`ChannelMonitor::counterparty_commitment_txs_from_update`).
//!
//! States of a channel are numbered in the order in which they came and recorded [`CHUNK`] together. All of them are kept as long as the
//! channel, so that a gateway that comes to be known later can keep them, too.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use amplet_storage::{Store, StoreError, get_unless_damaged};
use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, Txid};
use lightning::chain::channelmonitor::{ChannelMonitor, ChannelMonitorUpdate};
use lightning::ln::chan_utils::CommitmentTransaction;
use lightning::sign::InMemorySigner;

use crate::ldk::staged::{StagedWrites, Step};

/// Records of states, by LDK's monitor name and number.
const RECORDS: &str = "node/justice/";
/// States in one record.
const CHUNK: u64 = 32;
/// Maximum number of records of a channel, the oldest go first: 65,536 states, two for each payment.
const MAX_CHUNKS: u64 = 2048;
/// Bytes of a recorded state.
const BYTES: usize = 50;
/// Outputs below this are not worth a transaction, in sat.
const MIN_SAT: u64 = 1_000;

/// A state of the peer's commitment, with an output that can be taken once it is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// LDK's commitment number.
    pub number: u64,
    /// The commitment's `to_local` output.
    pub outpoint: OutPoint,
    /// Its value.
    pub value_sat: u64,
}

impl State {
    /// `None`: nothing in it could be taken, or it would cost too much.
    fn of(commitment: &CommitmentTransaction) -> Option<Self> {
        let trusted = commitment.trust();
        let at = trusted.revokeable_output_index()?;
        let value_sat = trusted.built_transaction().transaction.output.get(at)?.value.to_sat();
        let outpoint = OutPoint { txid: trusted.txid(), vout: u32::try_from(at).ok()? };
        let state = Self { number: commitment.commitment_number(), outpoint, value_sat };
        Some(state).filter(|state| state.value_sat >= MIN_SAT)
    }

    fn encode(&self) -> Vec<u8> {
        let vout = u16::try_from(self.outpoint.vout).unwrap_or(u16::MAX);
        [
            &self.number.to_be_bytes()[..],
            self.outpoint.txid.as_byte_array(),
            &vout.to_be_bytes(),
            &self.value_sat.to_be_bytes(),
        ]
        .concat()
    }

    fn decode(bytes: &[u8; BYTES]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (txid, rest) = rest.split_first_chunk()?;
        let (vout, rest) = rest.split_first_chunk()?;
        let outpoint =
            OutPoint { txid: Txid::from_byte_array(*txid), vout: u32::from(u16::from_be_bytes(*vout)) };
        let value_sat = u64::from_be_bytes(rest.try_into().ok()?);
        Some(Self { number: u64::from_be_bytes(*number), outpoint, value_sat })
    }
}

fn decode(chunk: &[u8]) -> Vec<State> {
    let (whole, _) = chunk.as_chunks();
    whole.iter().map_while(State::decode).collect()
}

/// States of one channel.
#[derive(Default)]
struct Channel {
    /// Number of the first record kept.
    first: u64,
    /// Number of the first state in `recent`.
    recent_from: u64,
    /// The states of the last records, of which one may not be committed yet.
    recent: VecDeque<State>,
}

impl Channel {
    fn end(&self) -> u64 {
        self.recent_from.saturating_add(self.recent.len() as u64)
    }

    /// Adds a state; returns the number and bytes of the record that it is in.
    fn push(&mut self, state: State) -> (u64, Vec<u8>) {
        let chunk = self.end() / CHUNK;
        self.recent.push_back(state);
        while self.recent_from < chunk.saturating_sub(1).saturating_mul(CHUNK) {
            self.recent.pop_front();
            self.recent_from = self.recent_from.saturating_add(1);
        }
        let states = self.states(chunk.saturating_mul(CHUNK)..u64::MAX);
        (chunk, states.flat_map(State::encode).collect())
    }

    /// Those of these numbers that are in memory.
    fn states(&self, numbers: Range<u64>) -> impl Iterator<Item = &State> {
        let numbered = (self.recent_from..).zip(&self.recent);
        numbered.filter(move |(number, _)| numbers.contains(number)).map(|(_, state)| state)
    }
}

/// A part of a channel's states.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct States {
    /// Number of the first.
    pub from: u64,
    /// They.
    pub states: Vec<State>,
}

/// States of all channels, by LDK's name of the monitor; `None`: nothing is recorded (a gateway).
#[derive(Default)]
pub(crate) struct JusticeLog {
    channels: Mutex<Option<BTreeMap<String, Channel>>>,
    /// Rises with each update of a monitor: it may revoke a state.
    revision: AtomicU64,
}

fn chunk_key(name: &str, chunk: u64) -> String {
    // Digits enough that names sort as numbers do.
    format!("{}{name}/{chunk:08x}", RECORDS)
}

impl JusticeLog {
    fn channels(&self) -> MutexGuard<'_, Option<BTreeMap<String, Channel>>> {
        self.channels.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Begins to record, where an earlier run ended.
    ///
    /// # Errors
    /// The store's. A damaged record is passed over, with the states in it.
    pub async fn begin(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut chunks: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for key in store.list(RECORDS).await? {
            let rest = key.strip_prefix(RECORDS).unwrap_or_default();
            let Some((name, number)) = rest.rsplit_once('/') else { continue };
            let Ok(number) = u64::from_str_radix(number, 16) else { continue };
            chunks.entry(name.to_owned()).or_default().push(number);
        }
        let mut all = BTreeMap::new();
        for (name, numbers) in chunks {
            let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { continue };
            let bytes = get_unless_damaged(store, &chunk_key(&name, *last)).await?;
            let (chunk, recent) = match bytes {
                Some(bytes) => (*last, decode(&bytes).into()),
                None => (last.saturating_add(1), VecDeque::new()),
            };
            let recent_from = chunk.saturating_mul(CHUNK);
            all.insert(name, Channel { first: *first, recent_from, recent });
        }
        *self.channels() = Some(all);
        Ok(())
    }

    /// Rises when a state may have come or been revoked.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    /// Number of the first state that is kept of a channel, and of the one that comes next.
    pub fn range(&self, name: &str) -> (u64, u64) {
        let channels = self.channels();
        let channel = channels.as_ref().and_then(|channels| channels.get(name));
        channel.map_or((0, 0), |channel| (channel.first.saturating_mul(CHUNK), channel.end()))
    }

    /// States of a channel from this number on, as far as one record goes; none: there are no more. Those of a damaged record are
    /// passed over.
    ///
    /// # Errors
    /// The store's.
    pub async fn read(&self, store: &dyn Store, name: &str, from: u64) -> Result<States, StoreError> {
        let (begin, end) = self.range(name);
        let mut from = from.max(begin);
        loop {
            let next = (from / CHUNK).saturating_add(1).saturating_mul(CHUNK);
            let states = match self.recent(name, from, next) {
                Some(states) => states,
                None => {
                    let bytes = get_unless_damaged(store, &chunk_key(name, from / CHUNK)).await?;
                    let mut states = decode(&bytes.unwrap_or_default());
                    states.drain(..states.len().min(usize::try_from(from % CHUNK).unwrap_or(0)));
                    states
                }
            };
            if !states.is_empty() || next >= end {
                return Ok(States { from, states });
            }
            from = next;
        }
    }

    /// Those that are in memory; `None`: they are not.
    fn recent(&self, name: &str, from: u64, to: u64) -> Option<Vec<State>> {
        let channels = self.channels();
        let channel = channels.as_ref()?.get(name)?;
        (from >= channel.recent_from).then(|| channel.states(from..to).copied().collect())
    }
}

impl StagedWrites {
    /// Records the first commitment of a new channel's peer.
    pub(super) fn record_first(&self, name: &str, monitor: &ChannelMonitor<InMemorySigner>) {
        if self.justice.channels().is_some() {
            self.record(name, monitor.initial_counterparty_commitment_tx().as_slice());
        }
    }

    /// Records the commitments of the peer that an update brings.
    pub(super) fn record_update(
        &self,
        name: &str,
        update: &ChannelMonitorUpdate,
        monitor: &ChannelMonitor<InMemorySigner>,
    ) {
        if self.justice.channels().is_some() {
            self.justice.revision.fetch_add(1, Ordering::Relaxed);
            self.record(name, &monitor.counterparty_commitment_txs_from_update(update));
        }
    }

    fn record(&self, name: &str, commitments: &[CommitmentTransaction]) {
        let states: Vec<State> = commitments.iter().filter_map(State::of).collect();
        let mut step = self.step();
        let mut channels = self.justice.channels();
        let Some(channels) = &mut *channels else { return };
        for state in states {
            let channel = channels.entry(name.to_owned()).or_default();
            // LDK repeats an update that it does not know to be durable.
            if channel.recent.iter().any(|known| known.outpoint == state.outpoint) {
                continue;
            }
            let (chunk, bytes) = channel.push(state);
            step.writes.put(chunk_key(name, chunk), bytes);
            if chunk.saturating_sub(channel.first) >= MAX_CHUNKS {
                step.writes.remove(chunk_key(name, channel.first));
                channel.first = channel.first.saturating_add(1);
            }
        }
    }

    /// Forgets the states of a channel that was resolved long ago.
    pub(super) fn forget_states(&self, step: &mut Step, name: &str) {
        let mut channels = self.justice.channels();
        let Some(channel) = channels.as_mut().and_then(|channels| channels.remove(name)) else { return };
        for chunk in channel.first..=channel.end() / CHUNK {
            step.writes.remove(chunk_key(name, chunk));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::rc::Rc;

    use amplet_storage::kdf::{KdfParams, Kek};
    use amplet_storage::{MemoryBackend, SealedStore};
    use futures::executor::block_on;

    use super::*;

    fn state(number: u64) -> State {
        let txid = Txid::from_byte_array(std::array::from_fn(|at| (number as usize ^ at) as u8));
        State { number, outpoint: OutPoint { txid, vout: number as u32 % 900 }, value_sat: number * 1000 }
    }

    /// An empty store, and what has begun to record in it.
    async fn begun() -> (SealedStore, JusticeLog) {
        let backend = Rc::new(MemoryBackend::new());
        let kek = Kek::from_bytes([1; 32]);
        let store = SealedStore::create(backend, &KdfParams::external_key(), kek).await.unwrap();
        let log = JusticeLog::default();
        log.begin(&store).await.unwrap();
        (store, log)
    }

    /// Adds states as `record` does, and commits.
    async fn push(log: &JusticeLog, store: &SealedStore, numbers: std::ops::Range<u64>) {
        for number in numbers {
            let mut batch = amplet_storage::Batch::default();
            {
                let mut channels = log.channels();
                let channel = channels.as_mut().unwrap().entry("a_0".into()).or_default();
                let (chunk, bytes) = channel.push(state(number));
                batch.put(chunk_key("a_0", chunk), bytes);
            }
            store.commit(batch).await.unwrap().durable().await.unwrap();
        }
    }

    /// All states from a number on.
    async fn all(log: &JusticeLog, store: &SealedStore, mut from: u64) -> Vec<u64> {
        let mut found = Vec::new();
        loop {
            let States { from: at, states } = log.read(store, "a_0", from).await.unwrap();
            if states.is_empty() {
                return found;
            }
            from = at + states.len() as u64;
            found.extend(states.iter().map(|state| state.number));
        }
    }

    #[test]
    fn a_state_is_read_back() {
        let encoded = state(12_345).encode();
        assert_eq!(State::decode(encoded.as_slice().try_into().unwrap()), Some(state(12_345)));
    }

    #[test]
    fn states_are_numbered_on_after_a_restart() {
        block_on(async {
            let (store, log) = begun().await;
            push(&log, &store, 0..100).await;
            assert_eq!(log.range("a_0"), (0, 100));
            assert_eq!(all(&log, &store, 0).await, (0..100).collect::<Vec<_>>());
            let again = JusticeLog::default();
            again.begin(&store).await.unwrap();
            assert_eq!(again.range("a_0"), (0, 100));
            push(&again, &store, 100..150).await;
            assert_eq!(all(&again, &store, 7).await, (7..150).collect::<Vec<_>>());
        });
    }

    #[test]
    fn a_record_that_is_lost_costs_its_states_and_no_others() {
        block_on(async {
            let (store, log) = begun().await;
            push(&log, &store, 0..170).await;
            let mut batch = amplet_storage::Batch::default();
            batch.remove(chunk_key("a_0", 1));
            store.commit(batch).await.unwrap().durable().await.unwrap();
            assert_eq!(all(&log, &store, 0).await, (0..32).chain(64..170).collect::<Vec<_>>());
        });
    }
}
