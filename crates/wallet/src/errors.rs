//! Errors of the parts, as the page's one error.

use amplet_chain::{BroadcastError, ChainError};
use amplet_node::{ChannelError, LedgerError, NodeError, OnchainError, PayError};
use amplet_protocol::page::{ErrorCode, WalletError};
use amplet_storage::StoreError;
use amplet_transport::{CloseCode, CloseReason, ConnectError};

fn wrap(code: ErrorCode, error: &dyn std::error::Error) -> WalletError {
    let wrapped = WalletError::new(code, error.to_string());
    match error.source() {
        Some(source) => wrapped.caused_by(source),
        None => wrapped,
    }
}

/// Of the storage.
pub fn store(error: &StoreError) -> WalletError {
    let code = match error {
        StoreError::Fenced { .. } => ErrorCode::Fenced,
        StoreError::QuotaExceeded { .. } => ErrorCode::StorageFull,
        StoreError::WrongPassphrase => ErrorCode::WrongPassphrase,
        StoreError::Corrupt { .. } => ErrorCode::Corrupt,
        StoreError::NewerFormat { .. } => ErrorCode::NewerFormat,
        StoreError::NotFound { .. } => ErrorCode::WalletNotFound,
        StoreError::AlreadyExists { .. } => ErrorCode::WalletExists,
        StoreError::Closed => ErrorCode::Closed,
        _ => ErrorCode::Storage,
    };
    wrap(code, error)
}

/// Of the chain.
pub fn chain(error: &ChainError) -> WalletError {
    match error {
        ChainError::Store(error) => store(error),
        ChainError::NewerFormat { .. } => wrap(ErrorCode::NewerFormat, error),
        ChainError::OtherNetwork { .. } => wrap(ErrorCode::WrongNetwork, error),
        ChainError::BadUrl { .. } | ChainError::NoSources | ChainError::BadCheckpoint { .. } => {
            wrap(ErrorCode::InvalidInput, error)
        }
        other => wrap(ErrorCode::ChainSource, other),
    }
}

/// Of opening the node.
pub fn node(error: &NodeError) -> WalletError {
    match error {
        NodeError::Store(error) | NodeError::Ledger(LedgerError::Store(error)) => store(error),
        NodeError::Chain(error) => chain(error),
        NodeError::Unsynced => wrap(ErrorCode::ChainSource, error),
        NodeError::Keys(_) => wrap(ErrorCode::Internal, error),
        NodeError::Ledger(LedgerError::Corrupt { .. })
        | NodeError::Onchain(_)
        | NodeError::Corrupt { .. } => wrap(ErrorCode::Corrupt, error),
    }
}

/// Of the history.
pub fn ledger(error: &LedgerError) -> WalletError {
    match error {
        LedgerError::Store(error) => store(error),
        LedgerError::Corrupt { .. } => wrap(ErrorCode::Corrupt, error),
    }
}

/// Of channels.
pub fn channel(error: &ChannelError) -> WalletError {
    let code = match error {
        ChannelError::NotConnected => ErrorCode::GatewayOffline,
        ChannelError::Onchain(error) => return onchain(error),
        ChannelError::Refused(_) => ErrorCode::GatewayRefused,
        ChannelError::Timeout => ErrorCode::Timeout,
        ChannelError::Closing => ErrorCode::Closed,
        ChannelError::Unknown(_) | ChannelError::Ldk(_) => ErrorCode::ChannelUnavailable,
    };
    wrap(code, error)
}

/// Of savings.
pub fn onchain(error: &OnchainError) -> WalletError {
    let code = match error {
        OnchainError::NotAnAddress => ErrorCode::InvalidPaymentRequest,
        OnchainError::WrongNetwork { .. } => ErrorCode::WrongNetwork,
        OnchainError::Insufficient { .. } => ErrorCode::InsufficientBalance,
        OnchainError::Dust { .. } | OnchainError::FeeRate { .. } => ErrorCode::InvalidInput,
        OnchainError::Build(_) => ErrorCode::Internal,
    };
    wrap(code, error)
}

/// Of paying.
pub fn pay(error: &PayError) -> WalletError {
    let code = match error {
        PayError::Duplicate => ErrorCode::AlreadyPaid,
        PayError::Own => ErrorCode::InvalidInput,
        PayError::Amount => ErrorCode::AmountMismatch,
        PayError::Expired => ErrorCode::Expired,
        PayError::NoRoute => ErrorCode::NoRoute,
        PayError::TooLarge => ErrorCode::InvalidPaymentRequest,
        PayError::Invoice(_) => ErrorCode::Internal,
    };
    wrap(code, error)
}

/// Of broadcasting.
pub fn broadcast(error: &BroadcastError) -> WalletError {
    let code = match error {
        BroadcastError::Unreachable(_) => ErrorCode::ChainSource,
        BroadcastError::Rejected { .. } | BroadcastError::Empty => ErrorCode::BroadcastRejected,
    };
    wrap(code, error)
}

/// Of connections.
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
    wrap(code, error)
}
