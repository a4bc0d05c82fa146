//! Responses to a page, serialised as what they hold.

use amplet_protocol::page::{
    BackupStatus, Balance, Budget, Channel, Device, FeeQuote, FeeRates, FileBytes, Inspected, Login,
    OnchainBump, OnchainSend, Payment, PaymentRequest, Preview, SignedMessage, Spending, Status,
    VerifiedMessage,
};
use serde::Serialize;

/// The response to a request; [`amplet_protocol::page::Request`] names which.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "each variant is named as the type it holds")]
pub enum Response {
    None,
    Text(String),
    Texts(Vec<String>),
    SiteRecord(Option<String>),
    Balance(Balance),
    Status(Box<Status>),
    PaymentRequest(PaymentRequest),
    Inspected(Inspected),
    Payment(Box<Payment>),
    Payments(Vec<Payment>),
    OnchainSend(OnchainSend),
    OnchainBump(OnchainBump),
    FeeQuote(FeeQuote),
    FeeRates(FeeRates),
    Channels(Vec<Channel>),
    Budget(Box<Budget>),
    BudgetOf(Option<Box<Budget>>),
    Budgets(Vec<Budget>),
    Preview(Box<Preview>),
    Spending(Spending),
    SignedMessage(SignedMessage),
    VerifiedMessage(VerifiedMessage),
    Login(Login),
    BackupStatus(Box<BackupStatus>),
    Devices(Vec<Device>),
    File(FileBytes),
}
