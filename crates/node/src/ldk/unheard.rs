//! Channels of a wallet whose peer has not been heard since it was opened: no commitment of theirs goes out by itself.
//!
//! Whether this storage is an old copy only the channel's peer can prove (`docs/copies.md`), by its `channel_reestablish`. LDK
//! closes a channel whether its peer is there or not, and a revoked commitment costs the whole channel. So until the peer has spoken,
//! a commitment waits, but no longer than
//!
//! - [`CLAIM_BLOCKS`] before the first HTLC to us expires: from then on its preimage, if we have it, is at stake. LDK itself closes a
//!   channel that early for it, so that nothing is waited for in this case;
//! - [`AWAY_BLOCKS`] after the channel was closed: a peer that is away for so long is taken to be gone.
//!
//! What waits meanwhile loses nothing. A wallet forwards nothing, so no HTLC to us hangs on one of ours: one of ours that has expired
//! is either failed, now or later, or claimed by a peer that had the payee's preimage all the time. The peer's own commitments
//! are watched and claimed or punished as ever. It costs time: the channel's money comes home that much later.
//!
//! The user's own decision to close by force does not wait.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};

use amplet_protocol::ChannelId as SharedId;
use lightning::ln::types::ChannelId;
use serde::{Deserialize, Serialize};

use crate::ldk::staged::{StagedWrites, names};

/// Blocks before the expiry of an HTLC to us at which LDK closes a channel to claim it (its `CLTV_CLAIM_BUFFER`).
pub(crate) const CLAIM_BLOCKS: u32 = 36;

/// Blocks, three days, for which a commitment waits for a peer that is away: as long as a home's or a shop's gateway may be without
/// power or line over a weekend. Few against the delay that follows, of up to 2016 blocks, before the money can be spent.
pub(crate) const AWAY_BLOCKS: u32 = 432;

const FORMAT: u32 = 1;

/// A channel whose peer has not been heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unheard {
    /// LDK's user channel id, from which the channel's keys follow.
    pub user_id: u128,
    /// Number of our newest commitment here; `None`: not known.
    pub newest: Option<u64>,
    /// The lowest expiry of the HTLCs to us that are worth an output.
    pub first_expiry: Option<u32>,
    /// Height of the chain when the channel was closed; `None`: it is open.
    pub closed_at: Option<u32>,
}

impl Unheard {
    /// Returns whether its commitment waits no longer.
    fn is_over(&self, height: u32) -> bool {
        let expires = self.first_expiry.is_some_and(|expiry| expiry <= height.saturating_add(CLAIM_BLOCKS));
        expires || self.closed_at.is_some_and(|closed| closed.saturating_add(AWAY_BLOCKS) <= height)
    }
}

/// The stored form: those that were closed and wait.
#[derive(Default, Serialize, Deserialize)]
struct Stored {
    v: u32,
    closed: BTreeMap<SharedId, Unheard>,
}

/// All channels whose peer has not been heard.
#[derive(Default)]
pub(crate) struct UnheardChannels(Mutex<HashMap<ChannelId, Unheard>>);

impl UnheardChannels {
    fn lock(&self) -> MutexGuard<'_, HashMap<ChannelId, Unheard>> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Adds a channel as it is opened.
    pub fn add(&self, channel: ChannelId, unheard: Unheard) {
        self.lock().insert(channel, unheard);
    }

    /// Notes the number of a channel's newest commitment of ours.
    pub fn number(&self, channel: &ChannelId, newest: u64) {
        if let Some(unheard) = self.lock().get_mut(channel) {
            unheard.newest = Some(newest);
        }
    }

    /// One of them.
    pub fn get(&self, channel: &ChannelId) -> Option<Unheard> {
        self.lock().get(channel).copied()
    }

    /// Takes over what was stored. A record that cannot be read holds nothing back.
    pub fn restore(&self, bytes: &[u8]) {
        match serde_json::from_slice::<Stored>(bytes) {
            Ok(stored) => {
                let closed = stored.closed.into_iter().map(|(id, unheard)| (ChannelId(id.0), unheard));
                self.lock().extend(closed);
            }
            Err(error) => log::error!("the record of commitments that wait cannot be read: {error}"),
        }
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let all = self.lock();
        let closed = all.iter().filter(|(_, unheard)| unheard.closed_at.is_some());
        let closed: BTreeMap<_, _> = closed.map(|(id, unheard)| (SharedId(id.0), *unheard)).collect();
        // Plain data: its serialization has no failing case.
        (!closed.is_empty()).then(|| serde_json::to_vec(&Stored { v: FORMAT, closed }).ok()).flatten()
    }
}

impl StagedWrites {
    /// The channel's peer has been heard and has proved nothing, or the user has decided: its commitment waits for nobody.
    pub(crate) fn heard(&self, channel: &ChannelId) {
        let known = self.unheard.lock().remove(channel);
        if known.is_some_and(|unheard| unheard.closed_at.is_some()) {
            self.stage_unheard();
        }
    }

    /// A channel was closed, at this height of the chain. Returns whether its commitment waits from now on, because its peer has not
    /// been heard.
    pub(crate) fn closed_unheard(&self, channel: &ChannelId, height: u32) -> bool {
        let mut all = self.unheard.lock();
        let Some(unheard) = all.get_mut(channel) else { return false };
        unheard.closed_at.get_or_insert(height);
        drop(all);
        log::warn!(
            "channel {channel}: its peer has not been heard since this wallet was opened; its commitment waits for that, {AWAY_BLOCKS} blocks at most"
        );
        self.stage_unheard();
        true
    }

    /// The chain has this height: ends the waits that are over.
    pub(crate) fn end_waits(&self, height: u32) {
        let mut was_closed = false;
        self.unheard.lock().retain(|channel, unheard| {
            let over = unheard.is_over(height);
            if over && unheard.closed_at.is_some() {
                log::warn!("channel {channel}: its commitment waits for its peer no longer");
                was_closed = true;
            }
            !over
        });
        if was_closed {
            self.stage_unheard();
        }
    }

    fn stage_unheard(&self) {
        match self.unheard.encode() {
            Some(bytes) => self.put_deferred(names::UNHEARD, bytes),
            None => self.remove(names::UNHEARD),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_waits_until_an_htlc_to_us_or_the_peers_time_is_over() {
        let open = Unheard { user_id: 1, newest: Some(7), first_expiry: None, closed_at: None };
        assert!(!open.is_over(1_000_000), "nothing is to be broadcast");
        let closed = Unheard { closed_at: Some(1_000), ..open };
        assert_eq!([1_000, 1_431, 1_432].map(|height| closed.is_over(height)), [false, false, true]);
        let at_stake = Unheard { first_expiry: Some(1_100), ..closed };
        assert_eq!([1_063, 1_064].map(|height| at_stake.is_over(height)), [false, true]);
    }

    #[test]
    fn those_that_were_closed_are_stored() {
        let channels = UnheardChannels::default();
        let open = Unheard { user_id: u128::MAX, newest: Some(7), first_expiry: None, closed_at: None };
        channels.add(ChannelId([1; 32]), open);
        assert_eq!(channels.encode(), None);
        channels.add(ChannelId([2; 32]), Unheard { closed_at: Some(9), ..open });
        let read = UnheardChannels::default();
        read.restore(&channels.encode().unwrap_or_default());
        assert_eq!(read.get(&ChannelId([2; 32])), channels.get(&ChannelId([2; 32])));
        assert_eq!(read.get(&ChannelId([1; 32])), None);
    }
}
