//! Errors of the parts as the one error that crosses to a page.

use amplet_chain::ChainError;
use amplet_node::budget::{self, BudgetDenial, LoadError, Reason};
use amplet_node::{ChannelError, LedgerError, NodeError, OfferError, OnchainError, PayError, StreamError};
use amplet_protocol::page::{BudgetReason, BudgetRefusal, ErrorCode, WalletError};
use amplet_transport::{CloseCode, CloseReason, ConnectError};

use crate::convert::page_rule;

/// Errors of the chain.
pub fn chain(error: &ChainError) -> WalletError {
    match error {
        ChainError::Store(error) => error.into(),
        ChainError::NewerFormat { .. } => WalletError::of(ErrorCode::NewerFormat, error),
        ChainError::OtherNetwork { .. } => WalletError::of(ErrorCode::WrongNetwork, error),
        ChainError::BadUrl { .. } | ChainError::NoSources | ChainError::BadCheckpoint { .. } => {
            WalletError::of(ErrorCode::InvalidInput, error)
        }
        other => WalletError::of(ErrorCode::ChainSource, other),
    }
}

/// Errors of opening the node.
pub fn node(error: &NodeError) -> WalletError {
    match error {
        NodeError::Store(error) => error.into(),
        NodeError::Ledger(error) => ledger(error),
        NodeError::Chain(error) => chain(error),
        NodeError::Unsynced => WalletError::of(ErrorCode::ChainSource, error),
        NodeError::Keys(_) => WalletError::of(ErrorCode::Internal, error),
        NodeError::Onchain(_) | NodeError::Corrupt { .. } => WalletError::of(ErrorCode::Corrupt, error),
    }
}

/// Errors of the ledger.
pub fn ledger(error: &LedgerError) -> WalletError {
    match error {
        LedgerError::Store(error) => error.into(),
        LedgerError::Budgets(LoadError::NewerFormat { .. }) => WalletError::of(ErrorCode::NewerFormat, error),
        LedgerError::Corrupt { .. } | LedgerError::Budgets(LoadError::Corrupt { .. }) => {
            WalletError::of(ErrorCode::Corrupt, error)
        }
    }
}

/// Errors of channels.
pub fn channel(error: &ChannelError) -> WalletError {
    let code = match error {
        ChannelError::NotConnected => ErrorCode::GatewayOffline,
        ChannelError::Onchain(error) => return onchain(error),
        ChannelError::Refused(_) => ErrorCode::GatewayRefused,
        ChannelError::Timeout => ErrorCode::Timeout,
        ChannelError::Closing => ErrorCode::Closed,
        ChannelError::Unknown(_) | ChannelError::Ldk(_) => ErrorCode::ChannelUnavailable,
    };
    WalletError::of(code, error)
}

/// Errors of the on-chain wallet.
pub fn onchain(error: &OnchainError) -> WalletError {
    let code = match error {
        OnchainError::NotAnAddress => ErrorCode::InvalidPaymentRequest,
        OnchainError::WrongNetwork { .. } => ErrorCode::WrongNetwork,
        OnchainError::Insufficient { .. } => ErrorCode::InsufficientBalance,
        OnchainError::Dust { .. } | OnchainError::FeeRate { .. } => ErrorCode::InvalidInput,
        OnchainError::Build(_) => ErrorCode::Internal,
    };
    WalletError::of(code, error)
}

/// Errors of paying.
pub fn pay(error: &PayError) -> WalletError {
    let code = match error {
        PayError::Duplicate => ErrorCode::AlreadyPaid,
        PayError::Own | PayError::Records | PayError::TooMuch(_) => ErrorCode::InvalidInput,
        PayError::Amount => ErrorCode::AmountMismatch,
        PayError::Expired => ErrorCode::Expired,
        PayError::NoRoute(error) => return (**error).clone(),
        PayError::TooLarge => ErrorCode::InvalidPaymentRequest,
        PayError::NotSynced => ErrorCode::ChannelUnavailable,
        PayError::Denied(denied) => return self::denied(denied),
        PayError::Stream(StreamError::Stalled(_)) => ErrorCode::Timeout,
        PayError::Stream(_) => ErrorCode::InvalidInput,
        PayError::Offer(OfferError::Network) => ErrorCode::WrongNetwork,
        PayError::Offer(OfferError::Unreachable) => ErrorCode::GatewayOffline,
        PayError::Offer(_) => ErrorCode::InvalidPaymentRequest,
        PayError::StaleTip { .. } => ErrorCode::ChainSource,
        PayError::Invoice(_) => ErrorCode::Internal,
    };
    WalletError::of(code, error)
}

/// Refusals by a budget.
pub fn denied(error: &BudgetDenial) -> WalletError {
    let (code, budget) = match error {
        BudgetDenial::ApprovalNeeded(asks) => {
            let budget = BudgetRefusal {
                budget: Some(asks.budget.0),
                limit_msat: Some(asks.max_unasked),
                needed_msat: Some(asks.needed),
                ..budget_refusal(BudgetReason::Ask)
            };
            (ErrorCode::ApprovalNeeded, budget)
        }
        BudgetDenial::Refused(budget::BudgetRefusal { budget, reason }) => {
            let refusal = BudgetRefusal { budget: Some(budget.0), ..refusal(reason) };
            (ErrorCode::BudgetRefused, refusal)
        }
    };
    WalletError { budget: Some(Box::new(budget)), ..WalletError::of(code, error) }
}

fn refusal(reason: &Reason) -> BudgetRefusal {
    match reason {
        Reason::Limit { rule, limit, needed, left, until_ms } => BudgetRefusal {
            rule: Some(page_rule(*rule)),
            limit_msat: Some(*limit),
            left_msat: Some(*left),
            needed_msat: Some(*needed),
            until: until_ms.map(|ms| ms.div_ceil(1000)),
            ..budget_refusal(BudgetReason::Limit)
        },
        Reason::Expired { at_ms } => {
            BudgetRefusal { until: Some(at_ms / 1000), ..budget_refusal(BudgetReason::Expired) }
        }
        Reason::Purpose { .. } => budget_refusal(BudgetReason::Purpose),
        Reason::Closed => budget_refusal(BudgetReason::Closed),
        Reason::Unknown
        | Reason::Zero
        | Reason::TooMuch
        | Reason::Payee
        | Reason::Conflict
        | Reason::TooManyReservations => budget_refusal(BudgetReason::Invalid),
    }
}

/// A refusal of which only the reason is known.
pub fn budget_refusal(reason: BudgetReason) -> BudgetRefusal {
    BudgetRefusal {
        budget: None,
        reason,
        rule: None,
        limit_msat: None,
        left_msat: None,
        needed_msat: None,
        until: None,
    }
}

/// Errors of connections.
pub fn connect(error: &ConnectError) -> WalletError {
    let code = match error {
        ConnectError::NodeDown { .. } => ErrorCode::NodeDown,
        ConnectError::WrongKey { .. } => ErrorCode::WrongNodeKey,
        ConnectError::Refused { .. } => ErrorCode::GatewayRefused,
        ConnectError::NotAllowed { .. } | ConnectError::Unsupported { .. } => ErrorCode::NotAllowedByBrowser,
        ConnectError::Closed(CloseReason::Remote { code, .. }) => match code {
            CloseCode::NodeDown => ErrorCode::NodeDown,
            CloseCode::NotAllowed | CloseCode::TooManyConnections => ErrorCode::GatewayRefused,
            _ => ErrorCode::GatewayOffline,
        },
        _ => ErrorCode::GatewayOffline,
    };
    WalletError::of(code, error)
}
