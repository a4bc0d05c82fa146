//! The page's requests, mapped to actions, and what they return to responses.

use amplet_node::{Destination, OpenChannel};
use amplet_protocol::page::{self, Authorization, Budget, Payment, Request, WalletError};
use amplet_protocol::{Msat, PaymentId};

use crate::actions::PayProblem;
use crate::actions::amp::AmpOrder;
use crate::actions::keysend::KeysendOrder;
use crate::actions::pay::PayOrder;
use crate::actions::receive::InvoiceOrder;
use crate::actions::send::SendOrder;
use crate::actions::{
    budgets, bump, channels, diagnostics, history, inspect, keysend, pay, receive, send, sign, site_records,
    status, streams,
};
use crate::backup::Backup;
use crate::ctx::Ctx;
use crate::errors;
use crate::gateways::Gateways;
use crate::response::Response;

/// Called with the id of a payment before it can leave.
pub(crate) type OnBegin<'a> = &'a dyn Fn(&PaymentId);

/// Does what a page requests.
///
/// # Errors
/// [`WalletError`] names what is wrong and what to do; nothing is half done. Where a payment was to be begun it tells its outcome.
pub(crate) async fn answer(
    ctx: &Ctx,
    (gateways, backup): (&Gateways, &Backup),
    request: Request,
    on_begin: OnBegin<'_>,
) -> Result<Response, WalletError> {
    match request {
        Request::Balance => Ok(Response::Balance(status::balance(ctx))),
        Request::Status => Ok(Response::Status(Box::new(status::status(ctx, gateways, backup)))),
        Request::Receive { amount_msat, description, expiry_secs, amp, metadata, channel } => {
            let order = InvoiceOrder { amount_msat, description, expiry_secs, metadata };
            receive::receive(ctx, gateways, order, amp, channel).await.map(Response::PaymentRequest)
        }
        Request::CancelInvoice { id } => {
            ctx.node.payments().cancel_invoice(id).await.map_err(|e| errors::pay(&e))?;
            Ok(Response::None)
        }
        Request::NewAddress => Ok(Response::Text(ctx.node.onchain().new_address().await?.to_string())),
        Request::Inspect { text, amount_msat } => {
            inspect::inspect(ctx, &text, amount_msat).await.map(Response::Inspected)
        }
        Request::QuoteFee { payee, amount_msat } => {
            keysend::quote(ctx, &payee, amount_msat).map(Response::FeeQuote)
        }
        Request::Pay { invoice, amount_msat, max_fee_msat, parts, authorization } => {
            let amounts = (amount_msat, max_fee_msat);
            let begun = begin_invoice(ctx, &invoice, amounts, parts, authorization.as_ref()).await;
            ended(ctx, begun, on_begin).await.map(payment)
        }
        Request::Keysend { payee, amount_msat, records, max_fee_msat, authorization } => {
            let order = KeysendOrder::parse(ctx, &payee, amount_msat, &records);
            let begun = match order {
                Ok(order) => begin_keysend(ctx, order, max_fee_msat, authorization.as_ref()).await,
                Err(error) => Err(error),
            };
            ended(ctx, begun, on_begin).await.map(payment)
        }
        Request::OpenStream { payee, session, records } => {
            streams::open(ctx, &payee, session, &records).await.map(payment)
        }
        Request::StreamPay { stream, amount_msat, max_fee_msat, authorization } => {
            let paid = streams::pay(ctx, stream, amount_msat, max_fee_msat, authorization.as_ref());
            paid.await.map(payment).map_err(WalletError::not_sent)
        }
        Request::CloseStream { stream } => streams::close(ctx, stream).await.map(payment),
        Request::Streams => Ok(Response::Payments(ctx.node.payments().streams())),
        Request::Send { address, amount, fee_rate, dry_run, authorization } => {
            let how = SendOrder { amount, fee_rate, dry_run };
            let sent = send::send(ctx, &address, how, authorization.as_ref(), on_begin).await;
            sent.map(Response::OnchainSend).map_err(WalletError::not_sent)
        }
        Request::BumpFee { id, fee_rate, dry_run, from_amount } => {
            bump::bump_fee(ctx, id, fee_rate, dry_run, from_amount).await.map(Response::OnchainBump)
        }
        Request::Cancel { id, fee_rate, dry_run } => {
            bump::cancel(ctx, id, fee_rate, dry_run).await.map(Response::OnchainBump)
        }
        Request::FeeRates => Ok(Response::FeeRates(send::fee_rates(ctx))),
        Request::History(page) => history::page(ctx, &page).await.map(Response::Payments),
        Request::SetRate { rate } => {
            ctx.node.ledger().set_rate(rate);
            Ok(Response::None)
        }
        Request::Payment { id } => history::payment(ctx, id).await.map(payment),
        Request::Channels => Ok(Response::Channels(channels::list(ctx).into_iter().map(channel).collect())),
        Request::ChannelCost { capacity_sat } => {
            channels::cost(ctx, capacity_sat).map(Response::OnchainSend).map_err(|e| errors::onchain(&e))
        }
        Request::OpenChannel { gateway, capacity_sat } => {
            let peer = gateways.check(&gateway, capacity_sat)?;
            let opened = channels::open(ctx, peer, &private(capacity_sat)).await;
            opened.map(|id| Response::Text(id.to_string())).map_err(|e| errors::channel(&e))
        }
        Request::RequestChannel { gateway, capacity_sat } => gateways
            .request_channel(ctx, &gateway, capacity_sat)
            .await
            .map(|id| Response::Text(id.to_string())),
        Request::CloseChannel { channel_id, force } => {
            let closed = channels::close(ctx, channel_id, force);
            closed.map(|()| Response::None).map_err(|e| errors::channel(&e))
        }
        Request::CloseLostChannels { close } => {
            ctx.node.peers().lost().ask_to_close(close).await?;
            Ok(Response::None)
        }
        Request::Budgets => Ok(Response::Budgets(budgets::list(ctx))),
        Request::BudgetOf { holder } => {
            budgets::of(ctx, &holder).map(|found| Response::BudgetOf(found.map(Box::new)))
        }
        Request::OpenBudget { holder, rules, parent } => {
            budgets::open(ctx, &holder, &rules, parent).await.map(budget)
        }
        Request::SetBudgetRules { id, rules } => budgets::set_rules(ctx, id, &rules).await.map(budget),
        Request::TopUpBudget { id, more_msat } => budgets::top_up(ctx, id, more_msat).await.map(budget),
        Request::CloseBudget { id } => budgets::close(ctx, id).await.map(budget),
        Request::Preview { amount_msat, max_fee_msat, authorization } => {
            budgets::preview(ctx, amount_msat, max_fee_msat, &authorization)
                .map(|preview| Response::Preview(Box::new(preview)))
        }
        Request::Spending { from, to } => {
            budgets::spending(ctx, from.as_deref(), to.as_deref()).await.map(Response::Spending)
        }
        Request::SignMessage { message } => sign::sign(ctx, message).map(Response::SignedMessage),
        Request::VerifyMessage { message, signature } => {
            sign::verify(&message, &signature).map(Response::VerifiedMessage)
        }
        Request::LogIn { domain, challenge } => sign::log_in(ctx, &domain, &challenge).map(Response::Login),
        Request::SiteRecord { key } => site_records::get(ctx, &key).await.map(Response::SiteRecord),
        Request::SiteRecordKeys { prefix } => site_records::keys(ctx, &prefix).await.map(Response::Texts),
        Request::SetSiteRecords { records } => {
            site_records::set(ctx, &records).await.map(|()| Response::None)
        }
        Request::SetBackup(options) => {
            backup.set(&options).await.map(|status| Response::BackupStatus(Box::new(status)))
        }
        Request::EndBackup { abandon } => backup.end(abandon).await.map(|()| Response::None),
        Request::Devices => backup.devices().await.map(Response::Devices),
        Request::RenameDevice { id, name } => backup.rename_device(&id, &name).await.map(|()| Response::None),
        Request::RemoveDevice { id } => backup.remove_device(&id).await.map(|()| Response::None),
        Request::ExportBackup => backup.export().await.map(Response::File),
        Request::Ack { id } => {
            ctx.node.ledger().ack(id);
            Ok(Response::None)
        }
        Request::Diagnostics => Ok(Response::Text(diagnostics::text(ctx, gateways, backup))),
        Request::Close => {
            ctx.node.close().await;
            Ok(Response::None)
        }
    }
}

async fn begin_invoice(
    ctx: &Ctx,
    text: &str,
    (amount_msat, max_fee_msat): (Option<Msat>, Option<Msat>),
    parts: Option<u32>,
    authorization: Option<&Authorization>,
) -> Result<PaymentId, WalletError> {
    let found = ctx.read(text).map_err(PayProblem::from)?;
    if let Some(order) = AmpOrder::find(&found, amount_msat, parts) {
        return begin_amp(ctx, order, max_fee_msat, authorization).await;
    }
    let order = PayOrder::of(found, amount_msat)?;
    let amount = order.check(ctx).await?;
    let (max_fee, authorization) =
        authorize(ctx, order.destination(), amount, max_fee_msat, authorization).await?;
    order.begin(ctx, max_fee, &authorization).await.map_err(|e| errors::pay(&e))
}

async fn begin_amp(
    ctx: &Ctx,
    order: AmpOrder,
    max_fee_msat: Option<Msat>,
    authorization: Option<&Authorization>,
) -> Result<PaymentId, WalletError> {
    let amount = order.check(ctx)?;
    let (max_fee, authorization) =
        authorize(ctx, order.destination(), amount, max_fee_msat, authorization).await?;
    order.begin(ctx, (amount, max_fee), &authorization).await.map_err(|e| errors::pay(&e))
}

async fn begin_keysend(
    ctx: &Ctx,
    order: KeysendOrder,
    max_fee_msat: Option<Msat>,
    authorization: Option<&Authorization>,
) -> Result<PaymentId, WalletError> {
    let (max_fee, authorization) =
        authorize(ctx, order.destination(), order.amount_msat, max_fee_msat, authorization).await?;
    order.begin(ctx, max_fee, &authorization).await.map_err(|e| errors::pay(&e))
}

/// The payment once it has ended, or as it is after a minute.
async fn ended(
    ctx: &Ctx,
    begun: Result<PaymentId, WalletError>,
    on_begin: OnBegin<'_>,
) -> Result<Payment, WalletError> {
    let id = begun.map_err(WalletError::not_sent)?;
    on_begin(&id);
    pay::outcome(ctx, id).await
}

/// The fee limit of a Lightning payment, and the authorization that it is made with.
async fn authorize(
    ctx: &Ctx,
    to: Destination<'_>,
    amount_msat: Msat,
    max_fee_msat: Option<Msat>,
    authorization: Option<&Authorization>,
) -> Result<(Msat, amplet_node::Authorization), WalletError> {
    pay::check_balance(ctx, &to.payee(), amount_msat)?;
    let max_fee = budgets::fee_limit(ctx, to, amount_msat, max_fee_msat, authorization).await?;
    let authorization =
        budgets::authorization(ctx, authorization, amount_msat.plus_up_to_max(max_fee)).await?;
    Ok((max_fee, authorization))
}

/// A wallet's channel: not announced, all of it its own.
fn private(capacity_sat: u64) -> OpenChannel {
    OpenChannel { capacity_sat, push_msat: Msat::ZERO, announce: false, zero_reserve: false, fee_rate: None }
}

fn channel(channel: channels::Channel) -> page::Channel {
    page::Channel {
        id: channel.id,
        gateway: channel.peer,
        state: channel.state,
        capacity_sat: channel.capacity_sat,
        balance_msat: channel.balance.ours_msat,
        pending_outbound_msat: channel.balance.pending_outbound_msat,
        pending_inbound_msat: channel.balance.pending_inbound_msat,
        reserve_msat: channel.balance.reserve_msat,
        close_cost_msat: channel.balance.close_cost_msat,
        together_cost_msat: channel.balance.together_cost_msat,
        outbound_msat: channel.outbound_msat,
        inbound_msat: channel.inbound_msat,
        trusted: channel.trusted,
        watched_by: channel.watched_by,
        funding: channel.funding,
    }
}

fn payment(payment: Payment) -> Response {
    Response::Payment(Box::new(payment))
}

fn budget(budget: Budget) -> Response {
    Response::Budget(Box::new(budget))
}
