//! What a peer's `channel_reestablish` says about our own state (BOLT 2, "message retransmission").

use lightning::ln::msgs::ChannelReestablish;

/// First commitment number as keys count it: downward (BOLT 3, "per-commitment secret requirements").
const FIRST_INDEX: u64 = (1 << 48) - 1;

/// A channel's numbers as this storage has them: what our own `channel_reestablish` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Number of the next commitment that the peer signs for us.
    pub next_local: u64,
    /// Number of the next commitment that the peer revokes.
    pub next_remote: u64,
}

impl Numbers {
    /// The numbers in a `channel_reestablish` of ours.
    pub fn of(ours: &ChannelReestablish) -> Self {
        Self {
            next_local: ours.next_local_commitment_number,
            next_remote: ours.next_remote_commitment_number,
        }
    }

    /// Those of a channel that is closed, whose newest commitment of ours has this number: only what was revoked counts.
    pub fn closed(newest: u64) -> Self {
        Self { next_local: newest.saturating_add(1), next_remote: FIRST_INDEX }
    }

    /// Number of our newest commitment.
    pub fn newest(self) -> u64 {
        self.next_local.saturating_sub(1)
    }
}

/// A peer's view of our state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// The same as ours, or behind it: LDK's to answer.
    Same,
    /// We have revoked a commitment that this storage holds for unrevoked, or does not know. Its secret proves it.
    Revoked {
        /// The revoked commitment.
        number: u64,
    },
    /// We have signed commitments of the peer's that this storage does not know. Nothing proves it.
    Signed,
}

/// Compares the peer's numbers with ours. LDK panics on a proven [`View::Revoked`], and closes the channel by broadcasting what
/// it has on an unproven one and on [`View::Signed`]. `is_claimed`: somebody claims a later state, so that what could be a
/// signature under way is taken for one that is not stored.
pub(super) fn judge(ours: Numbers, theirs: &ChannelReestablish, is_claimed: bool) -> View {
    let (next_local, next_remote) =
        (theirs.next_local_commitment_number, theirs.next_remote_commitment_number);
    if next_remote > ours.newest() && next_remote < FIRST_INDEX {
        return View::Revoked { number: next_remote.saturating_sub(1) };
    }
    // One is signed and not revoked yet, at most.
    let under_way = if is_claimed { 1 } else { 2 };
    if next_local > ours.next_remote.saturating_add(under_way) && next_local < FIRST_INDEX {
        return View::Signed;
    }
    View::Same
}

/// The number of a commitment as keys count it.
pub(super) fn index(number: u64) -> u64 {
    FIRST_INDEX.saturating_sub(number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bitcoin::secp256k1::PublicKey;
    use lightning::ln::types::ChannelId;

    fn theirs(next_local: u64, next_remote: u64) -> ChannelReestablish {
        let mut point = [2; 33];
        point[1] = 0xff;
        ChannelReestablish {
            channel_id: ChannelId([1; 32]),
            next_local_commitment_number: next_local,
            next_remote_commitment_number: next_remote,
            your_last_per_commitment_secret: [1; 32],
            my_current_per_commitment_point: PublicKey::from_slice(&point).unwrap(),
            next_funding: None,
            my_current_funding_locked: None,
        }
    }

    #[test]
    fn what_messages_lost_on_the_way_explain_is_no_sign_of_a_later_state() {
        // We hold commitments 0 to 7 and wait for the 8th; the peer has revoked 0 to 4 and holds the 5th.
        let ours = Numbers { next_local: 8, next_remote: 5 };
        for next_remote in [0, 6, 7] {
            for next_local in [0, 5, 6, 7] {
                assert_eq!(judge(ours, &theirs(next_local, next_remote), false), View::Same);
            }
        }
    }

    #[test]
    fn a_revocation_or_a_signature_that_is_not_stored_is_a_sign() {
        let ours = Numbers { next_local: 8, next_remote: 5 };
        assert_eq!(judge(ours, &theirs(6, 8), false), View::Revoked { number: 7 });
        assert_eq!(judge(ours, &theirs(6, 20), false), View::Revoked { number: 19 });
        assert_eq!(judge(ours, &theirs(8, 7), false), View::Signed);
        assert_eq!(judge(ours, &theirs(7, 7), true), View::Signed);
        assert_eq!(judge(ours, &theirs(6, 7), true), View::Same);
    }

    #[test]
    fn numbers_out_of_range_are_left_to_ldk() {
        let ours = Numbers { next_local: 8, next_remote: 5 };
        assert_eq!(judge(ours, &theirs(6, FIRST_INDEX), false), View::Same);
        assert_eq!(judge(ours, &theirs(u64::MAX, 7), false), View::Same);
    }
}
