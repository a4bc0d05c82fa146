//! A channel for an amount that cannot arrive otherwise.

use std::time::Duration;

use amplet_node::is_trusted;
use amplet_node::lightning::ln::channel_state::{ChannelDetails, ChannelShutdownState};
use amplet_protocol::Msat;
use amplet_protocol::gateway::{ChannelRefusal, ChannelTerms};
use amplet_protocol::page::{ErrorCode, RequestedChannel, WalletError};
use futures::StreamExt;
use futures::future::{Either, select};

use super::{CONNECT_LIMIT, Configured, Gateways};
use crate::ctx::Ctx;
use crate::errors;

/// Time for which a channel that is there, or that was opened just now, is waited for until money can arrive through it.
const USABLE_LIMIT: Duration = Duration::from_secs(10);

/// A tick of waiting for a gateway's terms.
const TICK: Duration = Duration::from_millis(50);

/// Minimum capacity that is asked for where the terms allow it, in sat.
const MIN_CAPACITY_SAT: u64 = 100_000;

/// Of a channel that its peer funds, what never arrives, in sat: commitment fee at a high rate, and anchors. Beside it a hundredth of
/// the capacity is the peer's reserve (BOLT 2, `channel_reserve_satoshis`).
const HELD_BACK_SAT: u64 = 10_000;

impl Gateways {
    /// Has a gateway open a channel, if those that there are and those on their way cannot carry `amount_msat`; returns once the amount
    /// can arrive. The gateways are asked in their order, those first whose channels are used without confirmation. `None`: no channel
    /// had to be opened.
    ///
    /// # Errors
    /// As [`request_channel`](Self::request_channel): the first gateway's, when none opens one; [`ErrorCode::ChannelUnavailable`]: a
    /// channel is on its way and has to be confirmed first; [`ErrorCode::InsufficientInbound`]: there is no gateway.
    pub(crate) async fn make_room(
        &self,
        ctx: &Ctx,
        amount_msat: Msat,
    ) -> Result<Option<RequestedChannel>, WalletError> {
        // Of two at once, the second finds the channel of the first.
        let _turn = self.on_demand.lock().await;
        if arrival(ctx, amount_msat).await {
            return Ok(None);
        }
        if inbound(ctx, |channel| carries(channel) || !channel.is_channel_ready) >= amount_msat {
            return Err(unconfirmed());
        }
        let opened = self.open_for(ctx, amount_msat).await?;
        if arrival(ctx, amount_msat).await { Ok(Some(opened)) } else { Err(unconfirmed()) }
    }

    /// Asks one gateway after the other.
    async fn open_for(&self, ctx: &Ctx, amount_msat: Msat) -> Result<RequestedChannel, WalletError> {
        let mut gateways: Vec<_> = self.configured.iter().collect();
        gateways.sort_by_key(|gateway| !gateway.zero_conf);
        let mut refused = None;
        for gateway in gateways {
            match self.open_with(ctx, gateway, amount_msat).await {
                Err(error) if matches!(error.code, ErrorCode::GatewayRefused | ErrorCode::GatewayOffline) => {
                    refused.get_or_insert(error);
                }
                done => return done,
            }
        }
        let message = "there is no gateway to ask for a channel; add one first";
        Err(refused.unwrap_or_else(|| WalletError::new(ErrorCode::InsufficientInbound, message)))
    }

    async fn open_with(
        &self,
        ctx: &Ctx,
        gateway: &Configured,
        amount_msat: Msat,
    ) -> Result<RequestedChannel, WalletError> {
        let terms = self.heard_terms(ctx, gateway).await;
        let capacity_sat = capacity(terms.as_ref(), amount_msat).map_err(|e| errors::channel_refusal(&e))?;
        let node_id = gateway.node_id.to_string();
        let channel_id = self.request_channel(ctx, &node_id, capacity_sat).await?;
        let channels = ctx.node.channels().list();
        let trusted = channels.iter().any(|it| it.channel_id.0 == channel_id.0 && is_trusted(it));
        Ok(RequestedChannel { channel_id, gateway: node_id, capacity_sat, trusted })
    }

    /// Returns a gateway's terms; right after a start they are on their way still.
    async fn heard_terms(&self, ctx: &Ctx, gateway: &Configured) -> Option<ChannelTerms> {
        let start = ctx.platform.monotonic();
        loop {
            let terms = self.terms(&gateway.node_id);
            if terms.is_some() || ctx.platform.monotonic() - start >= CONNECT_LIMIT {
                return terms;
            }
            ctx.platform.sleep(TICK).await;
        }
    }
}

/// Returns the capacity, in sat, of a channel that carries an amount: with a quarter more where the terms allow it, so that the next
/// amount need not ask again.
///
/// # Errors
/// The gateway would refuse it.
fn capacity(terms: Option<&ChannelTerms>, amount_msat: Msat) -> Result<u64, ChannelRefusal> {
    let amount_sat = amount_msat.to_sat_ceil();
    let with_reserve = |sat: u64| sat.saturating_add(sat / 50).saturating_add(HELD_BACK_SAT);
    let least = with_reserve(amount_sat);
    let wanted = with_reserve(amount_sat.saturating_add(amount_sat / 4)).max(MIN_CAPACITY_SAT);
    let Some(terms) = terms else { return Ok(wanted) };
    let (min_sat, max_sat) = (terms.min_capacity_sat, terms.max_capacity_sat);
    match terms.opens_channels {
        false => Err(ChannelRefusal::Disabled),
        true if least > max_sat => Err(ChannelRefusal::Size { min_sat, max_sat }),
        true => Ok(wanted.min(max_sat).max(min_sat)),
    }
}

/// Returns whether money can arrive through a channel now, and its invoices say how.
fn carries(channel: &ChannelDetails) -> bool {
    channel.is_usable && channel.counterparty.forwarding_info.is_some()
}

/// Returns whether money may arrive through a channel without a block being found.
fn carries_soon(channel: &ChannelDetails) -> bool {
    channel.is_channel_ready || channel.confirmations_required.is_none_or(|needed| needed == 0)
}

/// Returns whether a channel is not being closed.
pub(crate) fn is_open(channel: &ChannelDetails) -> bool {
    channel.channel_shutdown_state.is_none_or(|state| state == ChannelShutdownState::NotShuttingDown)
}

/// Returns what can come in through open channels that are `counted`.
fn inbound(ctx: &Ctx, counted: impl Fn(&ChannelDetails) -> bool) -> Msat {
    let channels = ctx.node.channels().list();
    let counted = channels.iter().filter(|it| is_open(it) && counted(it));
    counted.map(|it| Msat::up_to_max(it.inbound_capacity_msat)).sum()
}

/// Waits until an amount can arrive, as long as that may be soon; returns whether it can.
async fn arrival(ctx: &Ctx, amount_msat: Msat) -> bool {
    let mut changes = ctx.node.subscribe();
    let mut limit = ctx.platform.sleep(USABLE_LIMIT);
    while inbound(ctx, carries) < amount_msat {
        if inbound(ctx, carries_soon) < amount_msat {
            return false;
        }
        if matches!(select(changes.next(), &mut limit).await, Either::Left((None, _)) | Either::Right(_)) {
            return inbound(ctx, carries) >= amount_msat;
        }
    }
    true
}

fn unconfirmed() -> WalletError {
    let message = "a channel for it is on its way, and no money comes through it before its funding is confirmed; ask again then";
    WalletError::new(ErrorCode::ChannelUnavailable, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn terms(min_capacity_sat: u64, max_capacity_sat: u64) -> ChannelTerms {
        ChannelTerms {
            opens_channels: true,
            needs_token: false,
            min_capacity_sat,
            max_capacity_sat,
            max_channels_per_peer: 3,
            zero_conf: true,
            fee_base_msat: 0,
            fee_ppm: 0,
            backup_url: None,
        }
    }

    #[test]
    fn a_channel_is_large_enough_and_within_the_terms() {
        let of = |terms: &ChannelTerms, sat: u64| capacity(Some(terms), Msat::from_sat(sat).unwrap());
        let usual = terms(20_000, 1_000_000);
        assert_eq!(of(&usual, 1), Ok(100_000));
        assert_eq!(of(&usual, 200_000), Ok(265_000));
        assert_eq!(of(&usual, 900_000), Ok(1_000_000));
        let refused = ChannelRefusal::Size { min_sat: 20_000, max_sat: 1_000_000 };
        assert_eq!(of(&usual, 990_000), Err(refused));
        assert_eq!(of(&terms(400_000, 1_000_000), 1), Ok(400_000));
        assert_eq!(of(&terms(1_000, 50_000), 1), Ok(50_000));
        assert_eq!(of(&ChannelTerms { opens_channels: false, ..usual }, 1), Err(ChannelRefusal::Disabled));
        assert_eq!(capacity(None, Msat::from(20_000_000)), Ok(100_000));
    }
}
