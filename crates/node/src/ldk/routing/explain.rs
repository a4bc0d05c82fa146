//! Reasons why there is no route for a payment, for users.

use amplet_protocol::Msat;
use amplet_protocol::page::{ErrorCode, NoRoute, NoRouteReason, WalletError};
use amplet_router::NoPlan;

use super::Refused;

/// The refusal of a payment of `total`, part of which may have got through before.
pub(crate) fn no_route(refused: &Refused, total: Msat) -> WalletError {
    let got_through = total.less(refused.remaining_msat);
    let (code, reason, largest) = classify(&refused.reason, got_through);
    let largest = largest.map(|more| got_through.plus_up_to_max(more));
    let needed_fee_msat = match &refused.reason {
        NoPlan::FeeBudget { needed_msat, .. } => Some(*needed_msat),
        _ => None,
    };
    let sat = largest.unwrap_or_default().to_sat_floor();
    let message = match reason {
        NoRouteReason::OnePiece => one_piece(sat),
        _ => message(&refused.reason, sat),
    };
    let largest_msat = largest.filter(|largest| *largest > Msat::ZERO);
    WalletError {
        no_route: Some(NoRoute { reason, largest_msat, needed_fee_msat }),
        ..WalletError::new(code, message)
    }
}

/// Code, reason, and the largest amount that works now.
fn classify(reason: &NoPlan, got_through: Msat) -> (ErrorCode, NoRouteReason, Option<Msat>) {
    let no_route = |reason, largest_msat: &Msat| (ErrorCode::NoRoute, reason, Some(*largest_msat));
    match reason {
        NoPlan::NoPath | NoPlan::Malformed(_) | NoPlan::Amount => {
            (ErrorCode::NoRoute, NoRouteReason::NoPath, None)
        }
        NoPlan::Balance { largest_msat } => {
            (ErrorCode::InsufficientBalance, NoRouteReason::Balance, Some(*largest_msat))
        }
        NoPlan::FeeBudget { largest_msat, .. } => {
            (ErrorCode::FeeTooHigh, NoRouteReason::FeeBudget, Some(*largest_msat))
        }
        NoPlan::Inbound { largest_msat } => no_route(NoRouteReason::Inbound, largest_msat),
        NoPlan::Capacity { largest_msat, .. } | NoPlan::Effort { largest_msat } => {
            no_route(NoRouteReason::Capacity, largest_msat)
        }
        NoPlan::Cltv { largest_msat, .. } => no_route(NoRouteReason::Delay, largest_msat),
        // Of a payment in parts, one may be all that is left.
        NoPlan::Parts { limit: 1, largest_msat } if got_through == Msat::ZERO => {
            no_route(NoRouteReason::OnePiece, largest_msat)
        }
        NoPlan::Parts { largest_msat, .. } => no_route(NoRouteReason::Parts, largest_msat),
    }
}

fn one_piece(sat: u64) -> String {
    format!(
        "the payee takes it in one piece; the largest channel can send {sat} sat: ask for an invoice that may be paid in parts, \
         ask for several smaller ones, or pay less"
    )
}

/// The reason and the remedy, in English; `sat` is the largest amount that works now.
fn message(reason: &NoPlan, sat: u64) -> String {
    match reason {
        NoPlan::NoPath | NoPlan::Malformed(_) | NoPlan::Amount => {
            "no route to the payee is known: ask for an invoice with route hints, try again in a minute, or open a channel with \
             a gateway that is nearer to it"
                .to_owned()
        }
        NoPlan::Balance { .. } => format!(
            "your channels can send {sat} sat now: pay less, top up, or wait until peers that are offline are back"
        ),
        NoPlan::Inbound { .. } => {
            format!("the payee's channels can receive {sat} sat: pay less, or ask the payee for more")
        }
        NoPlan::Capacity { fee_msat, .. } if *fee_msat > Msat::ZERO => format!(
            "the network between you and the payee probably carries {sat} sat beside their fees: pay less, or try again later"
        ),
        NoPlan::Capacity { .. } => format!(
            "the network between you and the payee probably carries {sat} sat: pay less, or try again later"
        ),
        NoPlan::Effort { .. } => format!(
            "the search for routes for this amount was given up when {sat} sat were placed: pay less, or in several payments"
        ),
        NoPlan::FeeBudget { needed_msat, .. } => {
            let needed = needed_msat.to_sat_ceil();
            format!(
                "the cheapest route costs {needed} sat in fees, more than the limit: raise the limit, or pay at most {sat} sat"
            )
        }
        NoPlan::Cltv { limit, .. } => format!(
            "every route might lock your money for more than {limit} blocks: pay at most {sat} sat, or try again later"
        ),
        NoPlan::Parts { limit, .. } => {
            format!("{limit} parts, the maximum, carry {sat} sat: pay less")
        }
    }
}
