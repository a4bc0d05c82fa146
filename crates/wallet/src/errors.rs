//! Errors of the parts as the one error that crosses to a page.

use amplet_chain::ChainError;
use amplet_node::budget::{self, BudgetDenial, LoadError, Reason};
use amplet_node::{ChannelError, LedgerError, NodeError, OfferError, OnchainError, PayError, StreamError};
use amplet_protocol::gateway::{ChannelRefusal, TokenProblem};
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
        NodeError::OldCopy(_) => WalletError::of(ErrorCode::OldCopy, error),
        NodeError::Keys(_) => WalletError::of(ErrorCode::Internal, error),
        NodeError::Onchain(_) | NodeError::Corrupt { .. } => WalletError::of(ErrorCode::Corrupt, error),
    }
}

/// Errors of the ledger.
pub fn ledger(error: &LedgerError) -> WalletError {
    match error {
        LedgerError::Store(error) => error.into(),
        LedgerError::Unsaved(unsaved) => unsaved.into(),
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
        ChannelError::Unsaved(unsaved) => return unsaved.into(),
        ChannelError::Refused(_) | ChannelError::OtherInstallation => ErrorCode::GatewayRefused,
        ChannelError::Timeout => ErrorCode::Timeout,
        ChannelError::Closing => ErrorCode::Closed,
        ChannelError::OldCopy => ErrorCode::OldCopy,
        ChannelError::Unknown(_) | ChannelError::Ldk(_) | ChannelError::Doubted => {
            ErrorCode::ChannelUnavailable
        }
    };
    WalletError::of(code, error)
}

/// Errors of the on-chain wallet.
pub fn onchain(error: &OnchainError) -> WalletError {
    let code = match error {
        OnchainError::NotAnAddress => ErrorCode::InvalidPaymentRequest,
        OnchainError::WrongNetwork { .. } => ErrorCode::WrongNetwork,
        OnchainError::Insufficient { .. } | OnchainError::BumpUnpaid { .. } => ErrorCode::InsufficientBalance,
        OnchainError::Dust { .. }
        | OnchainError::FeeRate { .. }
        | OnchainError::NotPending
        | OnchainError::BumpTooLow { .. } => ErrorCode::InvalidInput,
        OnchainError::Funding | OnchainError::BuiltUpon => ErrorCode::ChannelUnavailable,
        OnchainError::NothingToSpend => ErrorCode::InsufficientBalance,
        OnchainError::Build(_) => ErrorCode::Internal,
    };
    WalletError::of(code, error)
}

/// Errors of paying.
pub fn pay(error: &PayError) -> WalletError {
    let code = match error {
        PayError::Duplicate => ErrorCode::AlreadyPaid,
        PayError::OldCopy => ErrorCode::OldCopy,
        PayError::Own | PayError::Records | PayError::TooMuch(_) | PayError::NotWaiting => {
            ErrorCode::InvalidInput
        }
        PayError::Amount => ErrorCode::AmountMismatch,
        PayError::Expired => ErrorCode::Expired,
        PayError::NoRoute(error) => return (**error).clone(),
        PayError::TooLarge | PayError::NotAmp => ErrorCode::InvalidPaymentRequest,
        PayError::NotSynced => ErrorCode::ChannelUnavailable,
        PayError::Denied(denied) => return self::denied(denied),
        PayError::Unsaved(unsaved) => return unsaved.into(),
        PayError::Stream(StreamError::Stalled(_)) => ErrorCode::Timeout,
        PayError::Stream(_) => ErrorCode::InvalidInput,
        PayError::Offer(OfferError::Network) => ErrorCode::WrongNetwork,
        PayError::Offer(OfferError::Unreachable) => ErrorCode::GatewayOffline,
        PayError::Offer(_) => ErrorCode::InvalidPaymentRequest,
        PayError::StaleTip { .. } => ErrorCode::ChainSource,
        PayError::Replacement(_) => ErrorCode::BroadcastRejected,
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
        Reason::Closed | Reason::Unreadable => budget_refusal(BudgetReason::Closed),
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

/// Converts a gateway's refusal of a channel.
pub(crate) fn channel_refusal(refusal: &ChannelRefusal) -> WalletError {
    let message = match refusal {
        ChannelRefusal::Disabled => "this gateway opens no channels to wallets; open one from your savings, or choose another gateway".into(),
        ChannelRefusal::Token { problem } => without_token(*problem).into(),
        ChannelRefusal::Size { min_sat, max_sat } => {
            format!("this gateway takes channels of {min_sat} to {max_sat} sat; choose an amount between")
        }
        ChannelRefusal::TooManyChannels { limit } => {
            format!("this gateway allows {limit} channels per wallet and you have them; close one, or choose another gateway")
        }
        ChannelRefusal::NotAllowed => "this gateway opens channels only to wallets that its operator has listed; ask the operator, whose log names this one, open a channel from your savings, or choose another gateway".into(),
        ChannelRefusal::AllGiven => "this gateway has opened as many channels as its operator allows; choose a smaller amount, ask the operator, or choose another gateway".into(),
        ChannelRefusal::LimitReached { retry_after_secs } => {
            let time = match retry_after_secs.div_ceil(60) {
                minutes @ ..=90 => format!("{minutes} minutes"),
                minutes => format!("{} hours", minutes.div_ceil(60)),
            };
            format!("this gateway opens no more channels for now; try again in {time}, or choose another gateway")
        }
        ChannelRefusal::NoFunds => "this gateway has not enough money of its own now; try later, a smaller amount, or another gateway".into(),
        ChannelRefusal::Failed { message } => format!("the gateway could not open the channel ({message}); try again later"),
    };
    WalletError::new(ErrorCode::GatewayRefused, message)
}

fn without_token(problem: TokenProblem) -> &'static str {
    match problem {
        TokenProblem::Missing => {
            "this gateway opens channels only with a token; ask its operator for an address with one, or open a channel from your savings"
        }
        TokenProblem::Unknown => {
            "this gateway does not know the token in its address, or it was revoked; ask its operator for another"
        }
        TokenProblem::Expired => {
            "the token in this gateway's address has expired; ask its operator for another"
        }
        TokenProblem::UsedUp => {
            "the token in this gateway's address does not suffice for this channel; choose a smaller amount, or ask its operator for another"
        }
    }
}
