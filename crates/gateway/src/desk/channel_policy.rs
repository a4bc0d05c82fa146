//! The policy for channels: which ones are opened to wallets that ask, and which ones are accepted from peers. Pure.

use amplet_node::InboundChannel;
use amplet_protocol::gateway::{ChannelRefusal, ChannelTerms};

use crate::config::GivingLimits;

/// Dust limit of a taproot change output (BIP 86), in sat: change below it cannot be made.
const MIN_CHANGE_SAT: u64 = 330;

/// The gateway's on-chain money at the moment of the request, in sat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funds {
    /// Confirmed and not promised to another channel being opened.
    pub confirmed_sat: u64,
    /// Money that must stay so that every channel, the new one included, can be closed at any fee (anchor reserve).
    pub reserve_sat: u64,
    /// Fee of the funding transaction, estimated.
    pub opening_fee_sat: u64,
}

/// A channel that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Capacity, in sat: as asked.
    pub capacity_sat: u64,
    /// True if the wallet may use the channel before confirmation.
    pub zero_conf: bool,
}

/// Decides about a request for a channel of `capacity_sat` by a wallet that has `channels_of_peer` channels with this
/// gateway, those being opened or closed included.
///
/// # Errors
/// A [`ChannelRefusal`] for the wallet, the first that holds: disabled, size, number of channels, funds.
pub fn decide(
    terms: &ChannelTerms,
    channels_of_peer: u32,
    funds: Funds,
    capacity_sat: u64,
) -> Result<Accepted, ChannelRefusal> {
    if !terms.opens_channels {
        return Err(ChannelRefusal::Disabled);
    }
    if !(terms.min_capacity_sat..=terms.max_capacity_sat).contains(&capacity_sat) {
        return Err(ChannelRefusal::Size {
            min_sat: terms.min_capacity_sat,
            max_sat: terms.max_capacity_sat,
        });
    }
    if channels_of_peer >= terms.max_channels_per_peer {
        return Err(ChannelRefusal::TooManyChannels { limit: terms.max_channels_per_peer });
    }
    match cost(funds, capacity_sat) {
        Some(cost) if cost <= funds.confirmed_sat => {
            Ok(Accepted { capacity_sat, zero_conf: terms.zero_conf })
        }
        _ => Err(ChannelRefusal::NoFunds),
    }
}

/// Channels that the gateway has opened to wallets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Number of those that are open, opening or closing.
    pub channels: u64,
    /// Capacity of these, in sat.
    pub sat: u64,
}

impl Given {
    /// Checks whether a channel of `capacity_sat` fits beside them.
    ///
    /// # Errors
    /// [`ChannelRefusal::AllGiven`].
    pub fn check(self, limits: &GivingLimits, capacity_sat: u64) -> Result<(), ChannelRefusal> {
        let fits = self.channels < limits.open_channels
            && self.sat.checked_add(capacity_sat).is_some_and(|sat| sat <= limits.open_sat);
        if fits { Ok(()) } else { Err(ChannelRefusal::AllGiven) }
    }
}

/// Confirmed money needed for a channel of that capacity, in sat; `None`: more than a number holds.
fn cost(funds: Funds, capacity_sat: u64) -> Option<u64> {
    // The reserve stays as change, which has to be large enough to exist.
    let change_sat = funds.reserve_sat.max(MIN_CHANGE_SAT);
    capacity_sat.checked_add(funds.opening_fee_sat)?.checked_add(change_sat)
}

/// Number of channels that a gateway takes before its savings must suffice to close them.
const UNRESERVED: usize = 10;

/// Decides about a channel that a peer wants to fund. It is the peer's money, so there is no upper limit; it is used when
/// confirmed.
///
/// # Errors
/// The reason, for the peer.
pub fn decide_inbound(terms: &ChannelTerms, channel: &InboundChannel) -> Result<(), String> {
    let capacity_sat = channel.capacity_sat;
    let channels_of_peer = u32::try_from(channel.channels_with_peer).unwrap_or(u32::MAX);
    if capacity_sat < terms.min_capacity_sat {
        return Err(format!(
            "a capacity of {capacity_sat} sat is below this gateway's smallest, {} sat",
            terms.min_capacity_sat
        ));
    }
    if channels_of_peer >= terms.max_channels_per_peer {
        return Err(format!(
            "this gateway has at most {} channels with one peer; close one first",
            terms.max_channels_per_peer
        ));
    }
    if channel.channels >= UNRESERVED && !channel.is_reserve_covered {
        return Err("this gateway cannot take more channels now; try later, or another gateway".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use amplet_protocol::Msat;
    use proptest::prelude::*;

    fn terms() -> ChannelTerms {
        ChannelTerms {
            opens_channels: true,
            needs_token: false,
            min_capacity_sat: 50_000,
            max_capacity_sat: 2_000_000,
            max_channels_per_peer: 2,
            zero_conf: true,
            fee_base_msat: 1_000,
            fee_ppm: 500,
            backup_url: None,
        }
    }

    fn rich() -> Funds {
        Funds { confirmed_sat: 10_000_000, reserve_sat: 25_000, opening_fee_sat: 1_000 }
    }

    #[test]
    fn each_limit_refuses_at_its_edge() {
        let size = ChannelRefusal::Size { min_sat: 50_000, max_sat: 2_000_000 };
        assert_eq!(decide(&terms(), 0, rich(), 49_999), Err(size.clone()));
        assert!(decide(&terms(), 0, rich(), 50_000).is_ok());
        assert!(decide(&terms(), 1, rich(), 2_000_000).is_ok());
        assert_eq!(decide(&terms(), 0, rich(), 2_000_001), Err(size));
        assert_eq!(decide(&terms(), 2, rich(), 50_000), Err(ChannelRefusal::TooManyChannels { limit: 2 }));
        let off = ChannelTerms { opens_channels: false, ..terms() };
        assert_eq!(decide(&off, 0, rich(), 50_000), Err(ChannelRefusal::Disabled));
    }

    fn inbound(channels_with_peer: usize, capacity_sat: u64) -> InboundChannel {
        let peer = "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619".parse().unwrap();
        InboundChannel {
            peer,
            capacity_sat,
            push_msat: Msat::ZERO,
            announced: false,
            channels_with_peer,
            channels: channels_with_peer,
            is_reserve_covered: false,
        }
    }

    #[test]
    fn channels_of_others_have_a_smallest_size_and_a_limit_per_peer() {
        assert!(decide_inbound(&terms(), &inbound(0, 49_999)).unwrap_err().contains("50000 sat"));
        assert!(decide_inbound(&terms(), &inbound(0, 50_000)).is_ok());
        assert!(decide_inbound(&terms(), &inbound(1, u64::MAX)).is_ok());
        assert!(decide_inbound(&terms(), &inbound(2, 50_000)).unwrap_err().contains("at most 2"));
        let off = ChannelTerms { opens_channels: false, ..terms() };
        assert!(
            decide_inbound(&off, &inbound(0, 50_000)).is_ok(),
            "the peer pays, so nothing is switched off"
        );
    }

    #[test]
    fn more_channels_than_can_be_closed_are_not_taken() {
        let tenth = InboundChannel { channels: 9, ..inbound(0, 100_000) };
        assert!(decide_inbound(&terms(), &tenth).is_ok(), "a gateway may begin without savings");
        let next = InboundChannel { channels: 10, ..tenth };
        assert!(decide_inbound(&terms(), &next).is_err());
        assert!(decide_inbound(&terms(), &InboundChannel { is_reserve_covered: true, ..next }).is_ok());
    }

    #[test]
    fn what_is_open_has_limits_in_number_and_sat() {
        let limits = GivingLimits {
            open_channels: 2,
            open_sat: 300_000,
            channels_per_hour: 0,
            sat_per_hour: 0,
            sat_per_day: 0,
            sat_per_day_per_address: 0,
        };
        let given = |channels, sat| Given { channels, sat };
        assert_eq!(given(1, 100_000).check(&limits, 200_000), Ok(()));
        assert_eq!(given(1, 100_000).check(&limits, 200_001), Err(ChannelRefusal::AllGiven));
        assert_eq!(given(2, 0).check(&limits, 1), Err(ChannelRefusal::AllGiven));
        assert_eq!(given(0, u64::MAX).check(&limits, 1), Err(ChannelRefusal::AllGiven));
    }

    #[test]
    fn the_reserve_and_the_fee_are_not_spent() {
        let just = Funds { confirmed_sat: 126_000, ..rich() };
        assert!(decide(&terms(), 0, just, 100_000).is_ok());
        let short = Funds { confirmed_sat: 125_999, ..rich() };
        assert_eq!(decide(&terms(), 0, short, 100_000), Err(ChannelRefusal::NoFunds));
    }

    proptest! {
        #[test]
        fn what_is_accepted_keeps_every_promise(
            opens_channels: bool, zero_conf: bool,
            min in 0u64..=3_000_000, max in 0u64..=3_000_000, limit in 0u32..5, has in 0u32..6,
            confirmed_sat in prop_oneof![0u64..=5_000_000, any::<u64>()],
            reserve_sat in prop_oneof![0u64..=100_000, any::<u64>()],
            opening_fee_sat in prop_oneof![0u64..=100_000, any::<u64>()],
            asked in prop_oneof![0u64..=3_000_000, any::<u64>()],
        ) {
            let terms = ChannelTerms {
                opens_channels, zero_conf, min_capacity_sat: min, max_capacity_sat: max,
                max_channels_per_peer: limit, ..terms()
            };
            let funds = Funds { confirmed_sat, reserve_sat, opening_fee_sat };
            let needed = u128::from(asked) + u128::from(opening_fee_sat) + u128::from(reserve_sat.max(330));
            let all_hold = opens_channels && (min..=max).contains(&asked) && has < limit
                && needed <= u128::from(confirmed_sat);
            match decide(&terms, has, funds, asked) {
                Ok(accepted) => {
                    prop_assert!(all_hold);
                    prop_assert_eq!(accepted, Accepted { capacity_sat: asked, zero_conf });
                }
                Err(ChannelRefusal::Disabled) => prop_assert!(!opens_channels),
                Err(ChannelRefusal::Size { min_sat, max_sat }) => {
                    prop_assert_eq!((min_sat, max_sat), (min, max));
                    prop_assert!(asked < min || asked > max);
                }
                Err(ChannelRefusal::TooManyChannels { limit: told }) => prop_assert!(has >= limit && told == limit),
                Err(ChannelRefusal::NoFunds) => prop_assert!(needed > u128::from(confirmed_sat)),
                Err(other) => prop_assert!(false, "not decided here: {other:?}"),
            }
        }

        #[test]
        fn a_smaller_request_or_more_money_is_never_refused_for_funds(
            confirmed_sat in 0u64..=5_000_000, more in 0u64..=1_000_000, asked in 50_001u64..=2_000_000,
        ) {
            let funds = Funds { confirmed_sat, ..rich() };
            if decide(&terms(), 0, funds, asked).is_ok() {
                prop_assert!(decide(&terms(), 0, funds, asked - 1).is_ok());
                let funds = Funds { confirmed_sat: confirmed_sat + more, ..funds };
                prop_assert!(decide(&terms(), 0, funds, asked).is_ok());
            }
        }
    }
}
