//! Prints the TypeScript side of `page`: `cargo run -p amplet-protocol --features ts --example types > pkg/src/base/protocol.ts`.
#![allow(clippy::unwrap_used, reason = "a developer's tool")]

use amplet_protocol::{gateway, lost, page};
use ts_rs::TS;

fn main() {
    println!("// Generated from crates/protocol by its example `types`; do not edit.\n");
    println!(
        "/** Version of the messages between page and engine. */\nexport const VERSION = {};\n",
        page::VERSION
    );
    macro_rules! declare {
        ($($name:ty),* $(,)?) => { $( declare_type::<$name>(); )* };
    }
    declare!(
        page::ErrorCode,
        page::NoRouteReason,
        page::NoRoute,
        page::ErrorOutcome,
        page::HolderKind,
        page::Holder,
        page::WindowKind,
        page::WindowPeriod,
        page::WindowLimit,
        page::StreamRate,
        page::Rules,
        page::BudgetRule,
        page::LimitUsage,
        page::Budget,
        page::Authorization,
        page::BudgetReason,
        page::BudgetRefusal,
        page::WalletError,
        page::Preview,
        page::SpendingRow,
        page::Spending,
        page::SignedMessage,
        page::SiteRecord,
        page::VerifiedMessage,
        page::Login,
        page::Network,
        page::Gateway,
        page::Balance,
        page::Direction,
        page::PaymentKind,
        page::PaymentStatus,
        page::PartState,
        page::PartHop,
        page::PaymentPart,
        page::CustomRecord,
        page::StreamTotals,
        page::ReplacedTx,
        page::Payment,
        page::ChannelState,
        page::Channel,
        page::Connection,
        gateway::ChannelTerms,
        page::GatewayStatus,
        page::Trust,
        page::ChainStatus,
        page::TipAge,
        page::Warning,
        page::SafeUntil,
        page::StorageTrouble,
        lost::LostState,
        lost::LostPeerState,
        lost::LostChannel,
        lost::ListedChannel,
        page::LostInstallation,
        page::LostAnswer,
        page::LostPeer,
        page::LostChannels,
        page::BackupMode,
        page::BackupOptions,
        page::BackupState,
        page::BackupStatus,
        page::Device,
        page::OtherDevice,
        page::RestoreProgress,
        page::Status,
        page::FeeRates,
        page::Event,
        page::EventKind,
        page::Notice,
        page::OpenOptions,
        page::SendAmount,
        page::HistoryQuery,
        page::ChannelOnDemand,
        page::RequestedChannel,
        page::PaymentRequest,
        page::OnchainSend,
        page::BumpMethod,
        page::OnchainBump,
        page::FeeQuote,
        page::PaymentMethodKind,
        page::CurrencyPrice,
        page::FiatRate,
        page::OfferTerms,
        page::PaymentMethod,
        page::Inspected,
        page::Request,
    );
}

fn declare_type<T: TS>() {
    let docs = T::docs().unwrap_or_default();
    if !docs.is_empty() {
        print!("{docs}");
    }
    println!("export {}\n", T::decl());
}
