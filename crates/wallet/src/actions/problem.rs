//! Problems of a payment that show before any money moves.

use amplet_node::PayError;
use amplet_protocol::page::{ErrorCode, MAX_TEXT, WalletError};

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
    /// Made by this node.
    #[error("this is an invoice of this node itself; show it to the payer")]
    Own,
    /// It has expired.
    #[error("this invoice has expired; ask the payee for a new one")]
    Expired,
    /// Paid, or being paid.
    #[error("this invoice was paid already, or a payment of it is in flight; see the history")]
    AlreadyPaid,
    /// This storage is an old copy of the wallet.
    #[error(transparent)]
    OldCopy(PayError),
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

impl PayProblem {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Length | Self::Unreadable(_) => ErrorCode::InvalidPaymentRequest,
            Self::Network { .. } => ErrorCode::WrongNetwork,
            Self::AmountStated | Self::AmountMissing => ErrorCode::AmountMismatch,
            Self::Own => ErrorCode::InvalidInput,
            Self::Expired => ErrorCode::Expired,
            Self::AlreadyPaid => ErrorCode::AlreadyPaid,
            Self::OldCopy(_) => ErrorCode::OldCopy,
            Self::NotConnected => ErrorCode::GatewayOffline,
            Self::InsufficientBalance { .. } => ErrorCode::InsufficientBalance,
        }
    }
}

impl From<PayProblem> for WalletError {
    fn from(problem: PayProblem) -> Self {
        Self::new(problem.code(), problem.to_string())
    }
}
