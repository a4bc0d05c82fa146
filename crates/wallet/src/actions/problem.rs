//! Problems of a payment that show before any money moves.

use amplet_instructions::{Obstacle, Refusal};
use amplet_node::PayError;
use amplet_protocol::page::{ErrorCode, WalletError};

use crate::errors;

/// A reason why an invoice cannot be paid now, found without trying.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayProblem {
    /// Nothing that can be read as a request for payment.
    #[error(transparent)]
    Text(#[from] Refusal),
    /// Read, and of no use to this wallet: for another network, or of a kind that it cannot pay.
    #[error("{0}")]
    Obstacle(Obstacle),
    /// A BOLT 12 offer whose time is over.
    #[error("this BOLT 12 offer has expired; ask for a new one, or for a Lightning invoice")]
    OfferExpired,
    /// An on-chain address, where an invoice is asked for.
    #[error(
        "this is a Bitcoin address, which is paid on-chain; ask for a Lightning invoice, or send from your savings"
    )]
    Onchain,
    /// An amount was given for an invoice that has one.
    #[error("the invoice states its own amount; pay it without giving one")]
    AmountStated,
    /// No amount was given for an invoice that has none.
    #[error("the invoice states no amount; say how much to pay")]
    AmountMissing,
    /// Made by this node, expired, or paid already; or this storage is an old copy.
    #[error(transparent)]
    Unpayable(#[from] PayError),
    /// No channel is usable now.
    #[error("the gateway is not connected, so everyday money cannot move now; wait for the connection")]
    NotConnected,
    /// The channels cannot send the amount now.
    #[error(
        "{missing_sat} sat of everyday money are missing: {spendable_sat} sat can be spent now; open a channel from your savings, or receive some first"
    )]
    InsufficientBalance {
        /// The difference, in sat.
        missing_sat: u64,
        /// Spendable now, in sat.
        spendable_sat: u64,
    },
}

impl From<PayProblem> for WalletError {
    fn from(problem: PayProblem) -> Self {
        let code = match &problem {
            PayProblem::Obstacle(Obstacle::Network { .. }) => ErrorCode::WrongNetwork,
            PayProblem::Text(_) | PayProblem::Obstacle(_) | PayProblem::Onchain => {
                ErrorCode::InvalidPaymentRequest
            }
            PayProblem::OfferExpired => ErrorCode::Expired,
            PayProblem::AmountStated | PayProblem::AmountMissing => ErrorCode::AmountMismatch,
            PayProblem::Unpayable(error) => return errors::pay(error),
            PayProblem::NotConnected => ErrorCode::GatewayOffline,
            PayProblem::InsufficientBalance { .. } => ErrorCode::InsufficientBalance,
        };
        Self::new(code, problem.to_string())
    }
}
