//! Money of installations whose storages are gone: what their peers' commitments paid (`to_remote`, BOLT 3) is found and spent with
//! the recovery phrase alone.
//!
//! LDK draws the key of each channel's `to_remote` from a thousand of an installation ([`keys`]). Their scripts are looked for in
//! blocks like those of the savings. What is found waits until its block is deep enough, and goes to LDK's sweeper then
//! (`onchain::lost`), which brings it to the savings. HTLCs, and what our own commitments paid, cannot be found so.

mod former;
pub mod keys;
pub(crate) mod knock;
pub mod spend;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use amplet_chain::{BlockId, BlockListener};
use amplet_storage::{Store, get_unless_damaged};
use bitcoin::block::Header;
use bitcoin::secp256k1::constants::PUBLIC_KEY_SIZE;
use bitcoin::{Block, OutPoint, ScriptBuf, Transaction};
use serde::{Deserialize, Serialize};

use crate::ldk::commitment::is_commitment;
use crate::ldk::error::ReadError;
use crate::ldk::keys::{KeyError, Keys};
use crate::ldk::staged::StagedWrites;
use keys::{Place, StaticKeys, places};

/// Record of the installations that are looked for, and of what was found.
const LOST: &str = "node/lost";
/// Records of the points of their keys, by number; they can be derived again.
const KEYS: &str = "node/lost_keys/";
const FORMAT: u32 = 1;

/// Maximum number of installations that are looked for: a gateway that names many makes nothing slow.
const MAX_NUMBERS: usize = 32;

/// Bytes of the points of an installation's keys.
const ALL_POINTS: usize = keys::COUNT as usize * PUBLIC_KEY_SIZE;

/// An output that a closed channel of a lost installation paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// The output.
    pub outpoint: OutPoint,
    /// What the commitment spends: the channel's funding.
    pub funding: OutPoint,
    /// Its value, in sat.
    pub sat: u64,
    /// Its key.
    pub place: Place,
    /// Height of its block.
    pub height: u32,
    /// Height of the block that spends it.
    pub spent_at: Option<u32>,
    /// It was handed to the sweeper.
    pub swept: bool,
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    v: u32,
    /// Installations that are looked for.
    numbers: BTreeSet<u32>,
    #[serde(default)]
    found: Vec<Found>,
}

/// What is looked for, and what was found. Nothing, in a wallet that has lost nothing.
pub(crate) struct LostChannels {
    state: Mutex<Stored>,
    places: Mutex<BTreeMap<ScriptBuf, Place>>,
    staged: Arc<StagedWrites>,
}

/// How looking begins.
pub(crate) struct Opened {
    pub lost: LostChannels,
    /// Blocks that were read before have to be looked through again.
    pub again: bool,
}

impl LostChannels {
    /// What an earlier run looked for and found, and from now on also what belongs to `numbers`.
    ///
    /// # Errors
    /// The store's, or a number of 2^31 or more. A damaged record is passed over: all is looked for again.
    pub async fn open(
        store: &dyn Store,
        keys: &Keys,
        numbers: &[u32],
        staged: Arc<StagedWrites>,
    ) -> Result<Opened, OpenError> {
        let bytes = get_unless_damaged(store, LOST).await.map_err(ReadError::Store)?;
        let stored = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut stored: Stored = stored.unwrap_or_default();
        let before = stored.numbers.len();
        stored.numbers.extend(numbers);
        let mut lost = Self { state: Mutex::default(), places: Mutex::default(), staged };
        if stored.numbers.is_empty() {
            return Ok(Opened { lost, again: false });
        }
        let is_more = stored.numbers.len() != before;
        for number in &stored.numbers {
            let known = get_unless_damaged(store, &keys_name(*number)).await.map_err(ReadError::Store)?;
            lost.look_for(keys, *number, known.filter(|points| points.len() == ALL_POINTS))?;
        }
        lost.state = Mutex::new(stored);
        if is_more {
            lost.write(&lost.lock());
        }
        Ok(Opened { lost, again: is_more })
    }

    /// Looks for further installations from now on; returns whether any of them was not looked for before.
    pub fn add(&self, keys: &Keys, numbers: &[u32]) -> bool {
        let mut state = self.lock();
        let mut any = false;
        for number in numbers.iter().filter(|number| **number != keys.installation()) {
            let has_room = state.numbers.len() < MAX_NUMBERS && !state.numbers.contains(number);
            // A gateway may name any number, also one that is out of range.
            if has_room && self.look_for(keys, *number, None).is_ok() {
                any |= state.numbers.insert(*number);
            }
        }
        if any {
            self.write(&state);
        }
        any
    }

    /// Adds an installation's scripts, of the stored points of its keys; derives and stores them where there are none.
    fn look_for(&self, keys: &Keys, number: u32, points: Option<Vec<u8>>) -> Result<(), KeyError> {
        let points = match points {
            Some(points) => points,
            None => {
                let keys = StaticKeys::of(keys, number)?;
                let points: Vec<u8> = keys.points().flat_map(|point| point.serialize()).collect();
                self.staged.put_deferred(keys_name(number), points.clone());
                points
            }
        };
        let (points, _) = points.as_chunks::<PUBLIC_KEY_SIZE>();
        self.places().extend(places(number, points.iter().copied()));
        Ok(())
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<ScriptBuf, Place>> {
        self.places.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn write(&self, stored: &Stored) {
        let stored = Stored { v: FORMAT, numbers: stored.numbers.clone(), found: stored.found.clone() };
        // Plain data: its serialization has no failing case.
        if let Ok(bytes) = serde_json::to_vec(&stored) {
            self.staged.put(LOST, bytes);
        }
    }

    /// Changes what was found, and stages it if `change` says that it did.
    fn change(&self, change: impl FnOnce(&mut Vec<Found>) -> bool) {
        let mut state = self.lock();
        if change(&mut state.found) {
            self.write(&state);
        }
    }

    /// Installations that are looked for.
    pub fn numbers(&self) -> BTreeSet<u32> {
        self.lock().numbers.clone()
    }

    /// Adds the scripts to look for in blocks.
    pub fn add_scripts(&self, scripts: &mut Vec<ScriptBuf>) {
        scripts.extend(self.places().keys().cloned());
    }

    /// Changes when the scripts do.
    pub fn revision(&self) -> u64 {
        self.places().len() as u64
    }

    /// All that was found.
    pub fn found(&self) -> Vec<Found> {
        self.lock().found.clone()
    }

    /// Returns whether an outpoint is one of those that were found.
    pub fn is_found(&self, outpoint: &OutPoint) -> bool {
        self.lock().found.iter().any(|found| found.outpoint == *outpoint)
    }

    /// Notes that the sweeper has these; call it in the step in which it has got them.
    pub fn swept(&self, outpoints: &[OutPoint]) {
        self.change(|found| {
            let given = found.iter_mut().filter(|found| outpoints.contains(&found.outpoint));
            given.fold(false, |_, found| {
                found.swept = true;
                true
            })
        });
    }

    /// What a commitment pays to keys of lost installations.
    fn paid(&self, tx: &Transaction, height: u32) -> Vec<Found> {
        let places = self.places();
        let txid = tx.compute_txid();
        let funding = tx.input.first().map(|input| input.previous_output).filter(|_| is_commitment(tx));
        let outputs = (0u32..).zip(&tx.output);
        let paid = outputs.filter_map(|(vout, output)| {
            let place = *places.get(&output.script_pubkey)?;
            Some(Found {
                outpoint: OutPoint { txid, vout },
                funding: funding?,
                sat: output.value.to_sat(),
                place,
                height,
                spent_at: None,
                swept: false,
            })
        });
        paid.collect()
    }
}

/// The lost installations could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl BlockListener for LostChannels {
    fn block_connected(&self, block: &Block, height: u32) {
        if self.places().is_empty() {
            return;
        }
        self.change(|found| {
            let mut any = false;
            // In order: a channel may be closed and its money spent in one block.
            for tx in &block.txdata {
                for spent in found.iter_mut().filter(|it| spends(tx, &it.outpoint)) {
                    any |= spent.spent_at.replace(height) != Some(height);
                }
                for new in self.paid(tx, height) {
                    if !found.iter().any(|it| it.outpoint == new.outpoint) {
                        found.push(new);
                        any = true;
                    }
                }
            }
            any
        });
    }

    fn filtered_block_connected(&self, _: &Header, _: u32) {}

    fn blocks_disconnected(&self, fork: BlockId) {
        self.change(|found| {
            let before = found.clone();
            // What the sweeper has it follows by itself.
            found.retain(|it| it.height <= fork.height || it.swept);
            for it in found.iter_mut() {
                it.spent_at = it.spent_at.filter(|height| *height <= fork.height);
            }
            *found != before
        });
    }
}

fn spends(tx: &Transaction, outpoint: &OutPoint) -> bool {
    tx.input.iter().any(|input| input.previous_output == *outpoint)
}

fn keys_name(number: u32) -> String {
    format!("{KEYS}{number}")
}
