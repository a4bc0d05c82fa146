//! Messages between a page and the wallet engine over a `MessagePort`.
//!
//! A page sends a [`Request`], the engine responds with the value that the request's documentation names, or with a
//! [`WalletError`]; between them the engine sends [`Notice`]s. Amounts are msat (`bigint` in JavaScript) unless the
//! name says `sat`; times are seconds since the UNIX epoch.

mod backup;
mod balance;
mod budget;
mod chain;
mod error;
mod event;
mod fee;
mod inspected;
mod lost;
mod onchain;
mod open;
mod part;
mod query;
mod rate;
mod request;
mod site_record;
mod state;
mod status;
mod trouble;

pub use backup::{
    BackupMode, BackupOptions, BackupState, BackupStatus, Device, FileBytes, OtherDevice, RestoreProgress,
};
pub use balance::Balance;
pub use budget::{
    Authorization, Budget, BudgetReason, BudgetRefusal, BudgetRule, Holder, HolderKind, LimitUsage, Login,
    Preview, Rules, SignedMessage, Spending, SpendingRow, StreamRate, VerifiedMessage, WindowKind,
    WindowLimit, WindowPeriod,
};
pub use chain::{ChainStatus, TipAge, Trust};
pub use error::{ErrorCode, ErrorOutcome, NoRoute, NoRouteReason, WalletError};
pub use event::{Event, EventKind, Notice};
pub use fee::FeeQuote;
pub use inspected::{CurrencyPrice, Inspected, OfferTerms, PaymentMethod, PaymentMethodKind};
pub use lost::{LostAnswer, LostChannels, LostInstallation, LostPeer};
pub use onchain::{BumpMethod, FeeRates, OnchainBump, OnchainSend, ReplacedTx, SendAmount};
pub use open::OpenOptions;
pub use part::{PartHop, PartState, PaymentPart};
pub use query::{ChannelOnDemand, HistoryQuery, PaymentRequest, RequestedChannel};
pub use rate::FiatRate;
pub use request::Request;
pub use site_record::SiteRecord;
pub use state::{
    Channel, ChannelState, CustomRecord, Direction, Gateway, Network, Payment, PaymentKind, PaymentStatus,
    StreamTotals,
};
pub use status::{Connection, GatewayStatus, SafeUntil, Status, Warning};
pub use trouble::StorageTrouble;

/// Version of these messages. A page and an engine of different versions refuse each other with
/// [`ErrorCode::VersionMismatch`]; the older engine then finishes its step and hands over.
pub const VERSION: u32 = 2;

/// Maximum length, in bytes, of a text that [`Request::Inspect`] and [`Request::Pay`] read; longer input is refused unread.
pub const MAX_TEXT: usize = 8 * 1024;

/// Maximum length of an invoice's description, in bytes (BOLT 11 `d` field: 639 bytes).
pub const MAX_DESCRIPTION: usize = 639;

/// Maximum number of names in the metadata of an invoice.
pub const MAX_METADATA: usize = 20;
