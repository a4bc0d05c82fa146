//! The wallet: one request, one handler.

use std::rc::Rc;

use amplet_node::Node;
use amplet_protocol::page::{Budget, Notice, OpenOptions, Payment, Request, WalletError};
use amplet_storage::Store;
use amplet_transport::Platform;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use zeroize::Zeroizing;

use crate::gateways::Gateways;
use crate::identity::Identity;
use crate::{Response, budgets, diagnostics, inspect, onchain, open, pay, receive, sign, state, stream};

pub(crate) struct Inner {
    pub platform: Rc<dyn Platform>,
    pub node: Node,
    pub options: OpenOptions,
    pub gateways: Gateways,
}

fn payment(payment: Payment) -> Response {
    Response::Payment(Box::new(payment))
}

fn budget(budget: Budget) -> Response {
    Response::Budget(Box::new(budget))
}

/// An open wallet. Clones are the same wallet. Single-threaded.
#[derive(Clone)]
pub struct Wallet {
    pub(crate) inner: Rc<Inner>,
}

impl Wallet {
    /// Opens the wallet in `store`, or creates it there when `options` has a mnemonic, and sets it running on the platform.
    ///
    /// # Errors
    /// [`WalletError`] names what is wrong and what to do.
    pub async fn open(
        platform: Rc<dyn Platform>,
        store: Rc<dyn Store>,
        options: OpenOptions,
    ) -> Result<Self, WalletError> {
        let inner = open::open(platform, store, options).await?;
        Ok(Self { inner: Rc::new(inner) })
    }

    /// The words of the wallet in `store`. To be shown only to whoever has proved the passphrase once more.
    ///
    /// # Errors
    /// `walletNotFound`, `corrupt`, `newerFormat`, `storage`.
    pub async fn words(store: &dyn Store) -> Result<Zeroizing<String>, WalletError> {
        Identity::words(store).await
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`WalletError`] names what is wrong and what to do; nothing is half done.
    pub async fn request(&self, request: Request) -> Result<Response, WalletError> {
        let inner = &*self.inner;
        match request {
            Request::Balance => Ok(Response::Balance(state::balance(inner))),
            Request::Status => Ok(Response::Status(Box::new(state::status(inner)))),
            Request::Receive { amount_msat, description, expiry_secs } => {
                receive::receive(inner, amount_msat, description, expiry_secs)
                    .await
                    .map(Response::PaymentRequest)
            }
            Request::NewAddress => Ok(Response::Text(inner.node.onchain().new_address().await.to_string())),
            Request::Inspect { text } => inspect::inspect(inner, &text).await.map(Response::Inspected),
            Request::Pay { invoice, amount_msat, max_fee_msat, authorization } => {
                pay::pay(inner, &invoice, amount_msat, max_fee_msat, authorization.as_ref())
                    .await
                    .map(payment)
            }
            Request::Keysend { payee, amount_msat, records, max_fee_msat, authorization } => {
                pay::keysend(inner, &payee, amount_msat, &records, max_fee_msat, authorization.as_ref())
                    .await
                    .map(payment)
            }
            Request::OpenStream { payee, session } => stream::open(inner, &payee, session).await.map(payment),
            Request::StreamPay { stream, amount_msat, max_fee_msat, authorization } => {
                let paid = stream::pay(inner, &stream, amount_msat, max_fee_msat, authorization.as_ref());
                paid.await.map(payment)
            }
            Request::CloseStream { stream } => stream::close(inner, &stream).await.map(payment),
            Request::Streams => Ok(Response::Payments(inner.node.payments().streams())),
            Request::Send { address, amount, fee_rate, dry_run, authorization } => {
                onchain::send(inner, &address, amount, fee_rate, dry_run, authorization.as_ref())
                    .await
                    .map(Response::OnchainSend)
            }
            Request::FeeRates => Ok(Response::FeeRates(onchain::fee_rates(inner))),
            Request::History(page) => pay::history(inner, &page).await.map(Response::Payments),
            Request::Payment { id } => pay::payment(inner, &id).await.map(payment),
            Request::Channels => Ok(Response::Channels(state::channels(inner))),
            Request::OpenChannel { gateway, capacity_sat } => {
                inner.open_channel(&gateway, capacity_sat).await.map(Response::Text)
            }
            Request::RequestChannel { gateway, capacity_sat } => {
                inner.request_channel(&gateway, capacity_sat).await.map(Response::Text)
            }
            Request::CloseChannel { channel_id, force } => {
                inner.close_channel(&channel_id, force).map(|()| Response::None)
            }
            Request::Budgets => Ok(Response::Budgets(budgets::list(inner))),
            Request::OpenBudget { holder, rules, parent } => {
                budgets::open(inner, &holder, &rules, parent).await.map(budget)
            }
            Request::SetBudgetRules { id, rules } => budgets::set_rules(inner, id, &rules).await.map(budget),
            Request::TopUpBudget { id, more_msat } => budgets::top_up(inner, id, more_msat).await.map(budget),
            Request::CloseBudget { id } => budgets::close(inner, id).await.map(budget),
            Request::Preview { amount_msat, max_fee_msat, authorization } => {
                budgets::preview(inner, amount_msat, max_fee_msat, &authorization)
                    .map(|preview| Response::Preview(Box::new(preview)))
            }
            Request::Spending { from, to } => {
                budgets::spending(inner, from.as_deref(), to.as_deref()).await.map(Response::Spending)
            }
            Request::SignMessage { message } => sign::sign(inner, message).map(Response::SignedMessage),
            Request::VerifyMessage { message, signature } => {
                sign::verify(&message, &signature).map(Response::VerifiedMessage)
            }
            Request::LogIn { domain, challenge } => {
                sign::log_in(inner, &domain, &challenge).map(Response::Login)
            }
            Request::Ack { id } => {
                inner.node.ledger().ack(id);
                Ok(Response::None)
            }
            Request::Diagnostics => Ok(Response::Text(diagnostics::text(inner))),
            Request::Close => {
                inner.node.close().await;
                Ok(Response::None)
            }
        }
    }

    /// Stops at once, as if the process had been killed: nothing more is written or said. What was committed is what counts.
    pub fn abort(&self) {
        self.inner.node.abort();
    }

    /// What happens, from now on: first the state and every event that nobody acknowledged, then each change. One stream
    /// for each page; it ends when the wallet has stopped.
    pub fn notices(&self) -> UnboundedReceiver<Notice> {
        let (sender, receiver) = unbounded();
        let inner = Rc::downgrade(&self.inner);
        let mut changes = self.inner.node.subscribe();
        // The receiver is in our hands: these cannot fail.
        let _ = sender.unbounded_send(state::changed(&self.inner));
        for event in self.inner.node.ledger().events() {
            let _ = sender.unbounded_send(Notice::Event { event });
        }
        let task = async move {
            while let Some(change) = changes.next().await {
                let Some(inner) = inner.upgrade() else { return };
                let notice = match change {
                    amplet_node::Notice::Event(event) => Notice::Event { event },
                    amplet_node::Notice::Payment(payment) => Notice::PaymentChanged { payment },
                    amplet_node::Notice::Changed => state::changed(&inner),
                    amplet_node::Notice::Stopped(error) => {
                        Notice::Stopped { error: WalletError::from(&*error) }
                    }
                };
                if sender.unbounded_send(notice).is_err() {
                    return;
                }
            }
        };
        self.inner.platform.spawn(Box::pin(task));
        receiver
    }
}
