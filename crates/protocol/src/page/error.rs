//! The one error that crosses to JavaScript.

use serde::{Deserialize, Deserializer, Serialize};

use crate::Msat;

use crate::PaymentId;

/// Code of an error, for programs. The names are part of the JavaScript API and never change meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ErrorCode {
    /// An argument is malformed; the message names it.
    InvalidInput,
    /// The mnemonic has a wrong word, a wrong length or a wrong checksum; the message says which.
    InvalidMnemonic,
    /// The passphrase does not open this wallet.
    WrongPassphrase,
    /// No passkey was given: its prompt was closed or took too long, or this device has none of this wallet.
    PasskeyRefused,
    /// The browser or the authenticator cannot open a wallet by passkey: it lacks WebAuthn or its PRF extension.
    PasskeyUnsupported,
    /// A wallet of this name exists already.
    WalletExists,
    /// No wallet of this name is stored here.
    WalletNotFound,
    /// The stored data is damaged (not a wrong passphrase).
    Corrupt,
    /// The stored data was written by a newer release.
    NewerFormat,
    /// Another tab or device took the wallet over; this engine stopped writing.
    Fenced,
    /// Another tab holds the wallet and cannot share it: use that tab, or open here with `takeOver`.
    InUse,
    /// The browser refused to store more.
    StorageFull,
    /// The storage failed for another reason.
    Storage,
    /// An insecure context or a partitioned frame cannot hold a wallet.
    NotAllowedHere,
    /// Page and engine speak different versions.
    VersionMismatch,
    /// The engine stopped after an internal error; a fresh one continues from the durable state.
    WalletCrashed,
    /// This storage is an old copy of the wallet: its channels rest, on-chain money can be used. Use the wallet where it was used
    /// last.
    OldCopy,
    /// The backup's server does not answer: nothing new begins until it does.
    BackupUnreachable,
    /// The backup's server does not take what it is sent, or not from this wallet; the message carries its reason.
    BackupRefused,
    /// The server has no whole backup of this recovery phrase.
    BackupNotFound,
    /// The server has a backup of this recovery phrase already, of another device.
    BackupExists,
    /// What is here, or in the file, is older than what the backup has: open the wallet again with the backup.
    BackupStale,
    /// Another device has taken the wallet over: use it there, or move it here.
    MovedToAnotherDevice,
    /// This device was removed from the wallet, on another device: its copy here can be erased; nothing is lost.
    DeviceRemoved,
    /// The wallet was closed or locked.
    Closed,
    /// The invoice or address cannot be read, or is of a kind that this wallet cannot pay; the message says which.
    InvalidPaymentRequest,
    /// The invoice or address belongs to another network.
    WrongNetwork,
    /// The invoice has expired.
    Expired,
    /// This invoice was paid already, or a payment of it is in flight.
    AlreadyPaid,
    /// The invoice states no amount and none was given, or one was given beside the invoice's own.
    AmountMismatch,
    /// Not enough money in channels (or on-chain, for an on-chain payment); the message says how much is missing.
    InsufficientBalance,
    /// Not enough inbound liquidity to receive the amount.
    InsufficientInbound,
    /// No route within the fee limit was found, or every route failed.
    NoRoute,
    /// The payee refused the payment.
    PayeeRefused,
    /// The fee would exceed the limit given.
    FeeTooHigh,
    /// The budget's rules do not allow the payment; the message names the rule, the amount left, and the remedy.
    #[serde(alias = "purseRefused")] // in records of format 1
    BudgetRefused,
    /// The budget's rules allow the payment if the user is asked first.
    ApprovalNeeded,
    /// No gateway is connected.
    GatewayOffline,
    /// The gateway's HTTP side answers but its Lightning node does not.
    NodeDown,
    /// The peer proved another identity than the configured node id.
    WrongNodeKey,
    /// The gateway refused; the message carries its reason.
    GatewayRefused,
    /// The browser does not let this page connect there.
    NotAllowedByBrowser,
    /// A chain source failed, lied, or none is reachable.
    ChainSource,
    /// A transaction was not accepted by the network; the message carries the reason.
    BroadcastRejected,
    /// The user cancelled the on-chain payment.
    Cancelled,
    /// The channel cannot do that now: it may have to be confirmed first.
    ChannelUnavailable,
    /// It took too long; the outcome, if money is involved, stays pending and is shown in the history.
    Timeout,
    /// Too many requests are under way; nothing was done: wait for some of them.
    Busy,
    /// A budget's link: the wallet that pays does not answer; it is not open just now.
    WalletOffline,
    /// A budget's link: whoever handed it out has paused it.
    LinkPaused,
    /// A budget's link: whoever handed it out has taken it back.
    LinkTakenBack,
    /// A defect of this program.
    Internal,
}

/// An error with a code for programs and a message for a user; the message names the remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct WalletError {
    /// Code.
    pub code: ErrorCode,
    /// Message with the remedy, in English.
    pub message: String,
    /// Causes, outermost first; empty: none is known.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Reason for which there is no route for a payment; only where that is the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub no_route: Option<NoRoute>,
    /// Denial by a budget; only with `budgetRefused` and `approvalNeeded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    #[serde(alias = "purse")] // in records of format 1
    pub budget: Option<Box<super::BudgetRefusal>>,
    /// The device that has taken the wallet over; only with `movedToAnotherDevice`, and `backupExists` where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub device: Option<Box<super::OtherDevice>>,
    /// Outcome of the payment that the request was to begin; only with requests that begin one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub outcome: Option<ErrorOutcome>,
    /// Id of that payment in the history, when its outcome is open and the id known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub payment_id: Option<Box<PaymentId>>,
}

/// Knowledge of a payment whose request ended in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ErrorOutcome {
    /// The payment may be in flight or have succeeded: look it up in the history before paying again.
    Open,
    /// This request sent no funds.
    NotSent,
}

/// Reason for which there is no route for a payment, and an amount or a fee that would work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct NoRoute {
    /// Reason.
    pub reason: NoRouteReason,
    /// The largest amount that would work as things stand; `None`: none is known.
    #[serde(default, deserialize_with = "up_to_max")]
    pub largest_msat: Option<Msat>,
    /// The least fee found for the amount left to send, where the fee limit is in the way.
    #[serde(default, deserialize_with = "up_to_max")]
    pub needed_fee_msat: Option<Msat>,
}

// Earlier releases stored estimates as they came, more than all bitcoin too.
fn up_to_max<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Msat>, D::Error> {
    Ok(Option::<u64>::deserialize(deserializer)?.map(Msat::up_to_max))
}

/// Reason for which there is no route for a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum NoRouteReason {
    /// No chain of channels is known that ends at the payee.
    NoPath,
    /// This wallet's channels cannot send the amount now.
    Balance,
    /// The payee's channels cannot receive the amount.
    Inbound,
    /// The channels between are believed not to carry the amount.
    Capacity,
    /// Every route costs more than the fee limit.
    FeeBudget,
    /// Every route might lock the money for too long.
    Delay,
    /// It would take too many parts.
    Parts,
    /// The payee takes it in one piece, and no path from one of this wallet's channels carries that much.
    OnePiece,
}

impl WalletError {
    /// An error of `code` with a message that names the remedy.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            causes: Vec::new(),
            no_route: None,
            budget: None,
            device: None,
            outcome: None,
            payment_id: None,
        }
    }

    /// An error of a part: its own text, and below it its causes.
    pub fn of(code: ErrorCode, error: &dyn std::error::Error) -> Self {
        let wrapped = Self::new(code, error.to_string());
        match error.source() {
            Some(source) => wrapped.caused_by(source),
            None => wrapped,
        }
    }

    /// The same, of a request that sent no funds. What was paid or is being paid already is not called unsent.
    #[must_use]
    pub fn not_sent(self) -> Self {
        let outcome = (self.code != ErrorCode::AlreadyPaid).then_some(ErrorOutcome::NotSent);
        Self { outcome: self.outcome.or(outcome), ..self }
    }

    /// The same, of a request that began the payment `id`, whose outcome is open.
    #[must_use]
    pub fn open(self, id: PaymentId) -> Self {
        Self { outcome: Some(ErrorOutcome::Open), payment_id: Some(Box::new(id)), ..self }
    }

    /// Adds `source` and its sources as causes, for diagnostics.
    #[must_use]
    pub fn caused_by(mut self, source: &dyn std::error::Error) -> Self {
        let mut next = Some(source);
        while let Some(error) = next {
            self.causes.push(error.to_string());
            next = error.source();
        }
        self
    }
}

impl std::fmt::Display for WalletError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WalletError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_estimate_above_all_bitcoin_is_read_as_all_of_it() {
        let json = r#"{"reason":"feeBudget","largestMsat":5,"neededFeeMsat":18446744073709551615}"#;
        let read: NoRoute = serde_json::from_str(json).unwrap();
        assert_eq!((read.largest_msat, read.needed_fee_msat), (Some(Msat::from(5)), Some(Msat::MAX)));
    }
}
