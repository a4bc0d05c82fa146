//! Reasons why there is no route for a payment, for users.

use amplet_protocol::page::{ErrorCode, NoRoute, NoRouteReason, WalletError};
use amplet_router::NoPlan;

use super::Refused;

/// The refusal of a payment of `total_msat`, part of which may have got through before.
pub(crate) fn no_route(refused: &Refused, total_msat: u64) -> WalletError {
    let got_through = total_msat.saturating_sub(refused.remaining_msat);
    let largest = |msat: u64| got_through.saturating_add(msat);
    let sat = |msat: u64| largest(msat) / 1000;
    let (code, reason, largest_msat, message) = match &refused.reason {
        NoPlan::NoPath | NoPlan::Malformed(_) | NoPlan::Amount(_) => (
            ErrorCode::NoRoute,
            NoRouteReason::NoPath,
            None,
            "no route to the payee is known: ask for an invoice with route hints, try again in a minute, or open a channel with \
             a gateway that is nearer to it"
                .to_owned(),
        ),
        NoPlan::Balance { largest_msat } => (
            ErrorCode::InsufficientBalance,
            NoRouteReason::Balance,
            Some(*largest_msat),
            format!(
                "your channels can send {} sat now: pay less, top up, or wait until offline gateways are back",
                sat(*largest_msat)
            ),
        ),
        NoPlan::Inbound { largest_msat } => (
            ErrorCode::NoRoute,
            NoRouteReason::Inbound,
            Some(*largest_msat),
            format!("the payee's channels can receive {} sat: pay less, or ask the payee for more", sat(*largest_msat)),
        ),
        NoPlan::Capacity { largest_msat } => (
            ErrorCode::NoRoute,
            NoRouteReason::Capacity,
            Some(*largest_msat),
            format!(
                "the network between you and the payee probably carries {} sat: pay less, or try again later",
                sat(*largest_msat)
            ),
        ),
        NoPlan::Effort { largest_msat } => (
            ErrorCode::NoRoute,
            NoRouteReason::Capacity,
            Some(*largest_msat),
            format!(
                "the search for routes for this amount was given up when {} sat were placed: pay less, or in several payments",
                sat(*largest_msat)
            ),
        ),
        NoPlan::FeeBudget { needed_msat, largest_msat } => {
            let needed = needed_msat.div_ceil(1000);
            let (largest, sat) = (*largest_msat, sat(*largest_msat));
            let message = format!(
                "the cheapest route costs {needed} sat in fees, more than the limit: raise the limit, or pay at most {sat} sat"
            );
            (ErrorCode::FeeTooHigh, NoRouteReason::FeeBudget, Some(largest), message)
        }
        NoPlan::Cltv { limit, largest_msat } => (
            ErrorCode::NoRoute,
            NoRouteReason::Delay,
            Some(*largest_msat),
            format!(
                "every route might lock your money for more than {limit} blocks: pay at most {} sat, or try again later",
                sat(*largest_msat)
            ),
        ),
        NoPlan::Parts { limit, largest_msat } => (
            ErrorCode::NoRoute,
            NoRouteReason::Parts,
            Some(*largest_msat),
            format!("{limit} parts, the maximum, carry {} sat: pay less", sat(*largest_msat)),
        ),
    };
    let needed_fee_msat = match &refused.reason {
        NoPlan::FeeBudget { needed_msat, .. } => Some(*needed_msat),
        _ => None,
    };
    let largest_msat = largest_msat.map(largest).filter(|largest| *largest > 0);
    WalletError {
        no_route: Some(NoRoute { reason, largest_msat, needed_fee_msat }),
        ..WalletError::new(code, message)
    }
}
