//! Commands to the node's thread: data in, an answer out, so that the caller can be another process one day.

use amplet_protocol::page::{OnchainBump, OnchainSend, Payment};
use amplet_protocol::{ChannelId, NodeId};
use amplet_wallet::actions::channels::Channel;

use crate::desk::Desk;
use crate::desk::channel_tokens::{
    ChannelToken, CreateChannelToken, ListChannelTokens, MadeChannelToken, RevokeChannelToken,
};
use crate::desk::error::ApiError;
use crate::desk::fees::{AllTerms, ApplyConfig, ClearTerms, ListTerms, SetTerms, Terms};
use crate::desk::forwards::Report;
use crate::desk::merchant::api_keys::Key;
use crate::desk::merchant::types::{
    Invoice, Invoices, MadeWebhook, Payment as SitePayment, Session, Webhooks,
};
use crate::desk::merchant::{Made, requests as site};
use crate::desk::operator::{self, Info};
use crate::desk::payments::Invoice as OwnInvoice;
use crate::desk::snapshots::{GetSnapshot, Snapshot};
use crate::desk::token::Token;

/// A request to the node's thread, with the type of its answer.
pub trait Request: Send + 'static {
    /// Type of the answer.
    type Answer: Send + 'static;

    /// The request as a command.
    fn command(self) -> Command;

    /// The answer to it; `None` when it is the answer to another.
    fn answer(answer: Answer) -> Option<Self::Answer>;
}

// One table: name of the command, its request, the type of its answer, and the service that does it.
macro_rules! commands {
    ($($name:ident($request:ty) -> $answer:ty = |$desk:ident, $given:pat_param| $work:expr;)*) => {
        /// A command: a request of the operator, of a site or of a wallet.
        #[derive(Debug)]
        #[allow(missing_docs, reason = "each variant is documented as the request it holds")]
        pub enum Command {
            $($name($request),)*
        }

        /// The answer to the command of the same name.
        #[allow(missing_docs, reason = "each variant is named as its command")]
        pub enum Answer {
            $($name($answer),)*
        }

        $(impl Request for $request {
            type Answer = $answer;

            fn command(self) -> Command {
                Command::$name(self)
            }

            fn answer(answer: Answer) -> Option<$answer> {
                match answer {
                    Answer::$name(answer) => Some(answer),
                    _ => None,
                }
            }
        })*

        impl Command {
            /// Has the services do it.
            pub(super) async fn run(self, desk: &Desk) -> Result<Answer, ApiError> {
                match self {
                    $(Self::$name($given) => {
                        let $desk = desk;
                        $work.map(Answer::$name)
                    })*
                }
            }
        }
    };
}

commands! {
    Info(operator::GetInfo) -> Info = |desk, _| Ok(desk.operator.info());
    NewAddress(operator::NewAddress) -> String = |desk, _| desk.operator.new_address().await;
    ConnectPeer(operator::ConnectPeer) -> NodeId = |desk, peer| desk.operator.connect(&peer.address).await;
    Channels(operator::ListChannels) -> Vec<(Channel, Terms)> = |desk, _| Ok(desk.operator.channels());
    Forwards(operator::GetForwards) -> Report = |desk, it| Ok(desk.operator.forwards(it.days, it.detail));
    Terms(ListTerms) -> AllTerms = |desk, _| Ok(desk.operator.terms());
    SetTerms(SetTerms) -> () = |desk, it| desk.operator.set_terms(it).await;
    ClearTerms(ClearTerms) -> () = |desk, it| desk.operator.clear_terms(it).await;
    ApplyConfig(ApplyConfig) -> () = |desk, _| {
        desk.operator.apply_config();
        Ok(())
    };
    OpenChannels(operator::OpenChannels) -> Vec<ChannelId> = |desk, it| desk.operator.open_channels(it).await;
    CloseChannel(operator::CloseChannel) -> () = |desk, it| desk.operator.close_channel(it.id, it.force);
    CreateInvoice(operator::CreateInvoice) -> OwnInvoice = |desk, it| desk.operator.create_invoice(it).await;
    Invoice(operator::GetInvoice) -> OwnInvoice = |desk, it| desk.operator.invoice(it).await;
    Pay(operator::PayInvoice) -> Payment = |desk, it| desk.operator.pay(it).await;
    Keysend(operator::SendKeysend) -> Payment = |desk, it| desk.operator.keysend(it).await;
    Payment(operator::GetPayment) -> Payment = |desk, it| desk.operator.payment(it).await;
    Send(operator::SendOnchain) -> OnchainSend = |desk, it| desk.operator.send(it).await;
    Bump(operator::BumpPayment) -> OnchainBump = |desk, it| desk.operator.bump(it).await;
    Sync(operator::SyncNow) -> u32 = |desk, _| desk.operator.sync().await;

    CreateChannelToken(CreateChannelToken) -> MadeChannelToken = |desk, it| desk.tokens.create(it).await;
    ChannelTokens(ListChannelTokens) -> Vec<ChannelToken> = |desk, _| Ok(desk.tokens.list());
    RevokeChannelToken(RevokeChannelToken) -> () = |desk, it| desk.tokens.revoke(&it.id).await;

    CreateKey(site::CreateKey) -> (Key, Token) = |desk, key| desk.merchant.keys.create(key).await;
    RevokeKey(site::RevokeKey) -> () = |desk, key| desk.merchant.keys.revoke(&key.id).await;
    CreateSiteInvoice(site::CreateInvoice) -> Made<Invoice> = |desk, it| {
        desk.merchant.invoices.create(&it.key, it.idempotency, it.invoice).await
    };
    SiteInvoice(site::GetInvoice) -> Invoice = |desk, it| {
        desk.merchant.invoices.get(&it.account, it.payment_hash).await
    };
    SiteInvoices(site::ListInvoices) -> Invoices = |desk, it| desk.merchant.invoices.list(it).await;
    SendSitePayment(site::SendPayment) -> Made<SitePayment> = |desk, it| {
        desk.merchant.payments.send(&it.key, it.idempotency, it.payment).await
    };
    SitePayment(site::GetPayment) -> SitePayment = |desk, it| {
        desk.merchant.payments.get(&it.account, it.payment_hash, it.wait).await
    };
    CreateWebhook(site::CreateWebhook) -> MadeWebhook = |desk, it| {
        desk.merchant.webhooks.create(&it.account, it.webhook).await
    };
    Webhooks(site::ListWebhooks) -> Webhooks = |desk, it| Ok(desk.merchant.webhooks.list(&it.account));
    RemoveWebhook(site::RemoveWebhook) -> () = |desk, it| desk.merchant.webhooks.remove(&it.account, &it.id).await;
    PingWebhook(site::PingWebhook) -> () = |desk, it| desk.merchant.webhooks.ping(&it.account, &it.id).await;
    CreateSession(site::CreateSession) -> Session = |desk, it| {
        desk.merchant.sessions.create(&it.account, it.session).await
    };
    Session(site::GetSession) -> Session = |desk, it| desk.merchant.sessions.get(&it.account, &it.id).await;
    CloseSession(site::CloseSession) -> Session = |desk, it| desk.merchant.sessions.close(&it.account, &it.id).await;

    Snapshot(GetSnapshot) -> Snapshot = |desk, it| desk.snapshots.get(it).await;
}
