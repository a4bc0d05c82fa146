//! The mark of an old copy: a peer has proved that a later state of this node exists than the one that was opened.
//!
//! What an old copy has signed may be revoked by now, and who broadcasts a revoked commitment loses the whole channel. So a
//! marked storage speaks to no peer and broadcasts no commitment any more; its on-chain money is not concerned.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};

use amplet_protocol::{ChannelId, NodeId};
use lightning::ln::types::ChannelId as LdkChannelId;
use serde::{Deserialize, Serialize};

use crate::ldk::staged::{StagedWrites, names};

const FORMAT: u32 = 1;

/// The proof by which a storage was recognised as an old copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldCopy {
    v: u32,
    /// Time at which it was found, in seconds since the UNIX epoch.
    pub found_at: u64,
    /// The channel of which a later state exists.
    pub channel: ChannelId,
    /// The peer that has proved it.
    pub peer: NodeId,
    /// Number of our newest commitment in this storage (BOLT 2, counted from 0).
    pub stored: u64,
    /// Number of a commitment of ours that was revoked: the peer has its secret.
    pub revoked: u64,
}

impl OldCopy {
    pub(crate) fn new(found_at: u64, channel: ChannelId, peer: NodeId, stored: u64, revoked: u64) -> Self {
        Self { v: FORMAT, found_at, channel, peer, stored, revoked }
    }

    /// Returns whether a peer has proved it. Otherwise it was restored from a file, and there may be a later state or none.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.peer != NodeId([0; 33])
    }

    /// Without a peer's proof.
    fn unproved(found_at: u64) -> Self {
        Self::new(found_at, ChannelId([0; 32]), NodeId([0; 33]), 0, 0)
    }

    /// Reads the stored mark. One that cannot be read is a mark all the same.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_else(|error| {
            log::error!("the mark of an old copy cannot be read ({error}); it holds");
            Self::unproved(0)
        })
    }
}

/// The stored mark of a storage that is known to be none of the newest, without a peer's proof.
pub(crate) fn mark(found_at: u64) -> (String, Vec<u8>) {
    // Plain data: its serialization has no failing case, and any value is a mark.
    (names::OLD_COPY.to_owned(), serde_json::to_vec(&OldCopy::unproved(found_at)).unwrap_or_default())
}

/// Whether this storage is an old copy, for everybody who would act for its channels.
#[derive(Default)]
pub(crate) struct OldCopyMark(Mutex<State>);

#[derive(Default)]
struct State {
    proof: Option<OldCopy>,
    /// Channels of which somebody claims a later state, without proof.
    doubted: HashSet<LdkChannelId>,
}

impl OldCopyMark {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The proof; `None`: nothing is known against this storage.
    pub fn get(&self) -> Option<OldCopy> {
        self.lock().proof.clone()
    }

    /// Returns whether it is an old copy.
    pub fn is_set(&self) -> bool {
        self.lock().proof.is_some()
    }

    /// Takes the mark over from the storage.
    pub fn set(&self, proof: OldCopy) {
        self.lock().proof = Some(proof);
    }

    /// Sets the channels of which a later state is claimed now.
    pub fn doubt(&self, channels: HashSet<LdkChannelId>) {
        self.lock().doubted = channels;
    }

    /// Returns whether a later state of this channel is claimed now.
    pub fn is_doubted(&self, channel: &LdkChannelId) -> bool {
        self.lock().doubted.contains(channel)
    }
}

impl StagedWrites {
    /// Marks this storage as an old copy, now and, with the present step, for ever. The first proof stays.
    pub(crate) fn mark_old_copy(&self, proof: OldCopy) {
        if self.old_copy.is_set() {
            return;
        }
        // What was about to leave with this step does not; claims and sweeps are made again every minute.
        self.step().broadcasts.clear();
        match serde_json::to_vec(&proof) {
            Ok(bytes) => self.put(names::OLD_COPY, bytes),
            // Plain data: its serialization has no failing case.
            Err(error) => log::error!("the mark of an old copy was not written: {error}"),
        }
        self.old_copy.set(proof);
    }
}
