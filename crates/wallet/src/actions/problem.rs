//! Problems of a payment that show before any money moves.

use amplet_node::PayError;
use amplet_protocol::page::{ErrorCode, MAX_TEXT, WalletError};

use crate::errors;

/// A reason why an invoice cannot be paid now, found without trying.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayProblem {
    /// Empty, or longer than any invoice.
    #[error("an invoice or address has 1 to {MAX_TEXT} characters; copy it again")]
    Length,
    /// Not BOLT 11, or with a wrong signature; the parser's reason.
    #[error("this is not a Lightning invoice that can be paid ({0}); copy it again, or ask for a new one")]
    Unreadable(String),
    /// For another network.
    #[error("this invoice is for {found}, this node is on {expected}; ask for one of {expected}")]
    Network {
        /// The invoice's network.
        found: &'static str,
        /// The node's network.
        expected: bitcoin::Network,
    },
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
            PayProblem::Length | PayProblem::Unreadable(_) => ErrorCode::InvalidPaymentRequest,
            PayProblem::Network { .. } => ErrorCode::WrongNetwork,
            PayProblem::AmountStated | PayProblem::AmountMissing => ErrorCode::AmountMismatch,
            PayProblem::Unpayable(error) => return errors::pay(error),
            PayProblem::NotConnected => ErrorCode::GatewayOffline,
            PayProblem::InsufficientBalance { .. } => ErrorCode::InsufficientBalance,
        };
        Self::new(code, problem.to_string())
    }
}
