//! Paying and being paid. There is one way out ([`Payments::begin`]) and one decision about what comes in
//! ([`inbound::Inbound`]).

mod amp;
mod amp_send;
pub(crate) mod attempts;
mod bolt11;
mod bumps;
mod claimable;
mod ends;
mod error;
mod inbound;
mod keysend;
#[cfg(feature = "offers")]
mod offers;
mod order;
mod outbound;
mod parts;
mod quote;
mod ready;
mod sessions;
mod streams;

use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::PaymentId;
use amplet_protocol::page::{Payment, PaymentStatus};
use amplet_router::{NoPlan, Scid};
use amplet_storage::Batch;
use futures::future::{Either, select};
use lightning::ln::outbound_payment::{Bolt11PaymentError, RetryableSendFailure};
use lightning_invoice::Bolt11Invoice;

use crate::base::Base;
use crate::config::Role;
use crate::graph::Graph;
use crate::ldk::routing::Refused;
use crate::ldk::routing::explain::no_route;
use crate::ledger::budgets::{Authorization, Budgets};
use crate::ledger::record::Key;
use crate::ledger::{Ledger, LedgerError, Outcome};
use crate::onchain::Onchain;
use amp::AmpInbound;
use amp_send::AmpSets;
use attempts::{Attempts, Owner};
use order::{Prepared, SubmitError};
use streams::Streams;

pub use amp_send::{AmpParts, AmpPayee, PayAmp};
pub use bolt11::{NewInvoice, description};
pub(crate) use claimable::Claimable;
pub(crate) use ends::FailedPath;
pub use error::{OfferError, PayError, StreamError};
pub(crate) use inbound::Inbound;
pub use keysend::Keysend;
#[cfg(feature = "offers")]
pub use offers::{NewOffer, PayOffer};
pub use order::{Order, PayInvoice, PayStream, SendOnchain, StreamTo};
pub(crate) use outbound::Outbound;
pub use quote::Destination;
pub use streams::{MAX_SESSION, SESSION_RECORD};

/// Further routes that LDK looks for.
const ATTEMPTS: u32 = 10;

/// Maximum number of parts of a payment: two full channels' worth (see `ldk::routing`).
const MAX_PARTS: u8 = 60;

/// Paying and being paid.
pub struct Payments {
    base: Rc<Base>,
    ledger: Rc<Ledger>,
    budgets: Rc<Budgets>,
    onchain: Rc<Onchain>,
    graph: Rc<Graph>,
    attempts: Rc<Attempts>,
    streams: Rc<Streams>,
    amp: Rc<AmpSets>,
    pub(crate) inbound: Inbound,
    pub(crate) outbound: Outbound,
}

impl Payments {
    /// Takes up the payments that were in flight when the process ended. `attempts` is what the router records to.
    pub(crate) async fn open(
        base: Rc<Base>,
        (ledger, budgets): (Rc<Ledger>, Rc<Budgets>),
        onchain: Rc<Onchain>,
        graph: Rc<Graph>,
        attempts: Rc<Attempts>,
    ) -> Result<Self, LedgerError> {
        let streams = Rc::new(Streams::open(&*base.store, Rc::clone(&ledger)).await?);
        let pending = ledger.all_pending();
        for payment in pending.iter().map(Key::of).filter(|key| *key == Key::outbound(key.id)) {
            attempts.begin(payment.id, Owner::Payment, None);
        }
        for (id, stream) in streams.in_flight() {
            attempts.begin(id, Owner::Stream(stream), None);
        }
        let amp = Rc::new(AmpSets::open(&base, &ledger, &attempts).await?);
        budgets.release_unknown(|id| {
            // One whose record cannot be read, or whose stream's cannot, is in flight as well.
            let is_unreadable = ledger.is_unreadable(Key::outbound(id));
            attempts.contains(id) || is_unreadable || base.ldk.knows_payment(id.0)
        });
        let hops = pending.iter().flat_map(|payment| &payment.parts).flat_map(|part| &part.path);
        base.ldk.router.mark_used(hops.filter_map(|hop| Scid::parse(&hop.channel)));
        let amp_inbound = AmpInbound::open(&base, &ledger).await?;
        let inbound = Inbound::new(&base, &ledger, &attempts, &streams, amp_inbound);
        let outbound = Outbound::new(&base, (&ledger, &budgets), &graph, &attempts, (&streams, &amp));
        Ok(Self { base, ledger, budgets, onchain, graph, attempts, streams, amp, inbound, outbound })
    }

    /// Begins a payment: reserves amount and maximum fee in the budget, submits it and records it, and returns its id. The
    /// outcome comes by [`outcome`](Self::outcome).
    ///
    /// - An invoice or a keysend: the id is its payment hash. When no path is known, a wallet first asks its gateways for
    ///   newer routing data.
    /// - By AMP, an invoice or a node: the id is that of the set of parts, chosen here, another one each time.
    /// - An offer: its payee is asked for an invoice, which is paid when it comes; without an answer the payment fails after a
    ///   minute or two. The id is not the payment hash.
    /// - A payment of a stream: it is counted in the stream's record ([`stream`](Self::stream)), and has neither a record nor an
    ///   event of its own.
    /// - An on-chain payment: recorded durably and then broadcast, before this returns; when commits begin to fail meanwhile,
    ///   broadcast once they succeed. It is pending, and sent again, until a block holds it or all chain sources have refused it for
    ///   a while.
    ///
    /// # Errors
    /// [`PayError`]: no funds were sent.
    pub async fn begin(
        &self,
        order: impl Into<Order>,
        authorization: &Authorization,
    ) -> Result<PaymentId, PayError> {
        self.begin_order(order.into(), authorization).await
    }

    async fn begin_order(&self, order: Order, authorization: &Authorization) -> Result<PaymentId, PayError> {
        // Whoever asks for what was paid is told so, whatever is missing now.
        if let Order::Invoice(pay) = &order {
            self.check(&pay.invoice).await?;
        }
        ready::check(&self.base, &order)?;
        let (ldk, now) = (&self.base.ldk, self.base.now());
        match order {
            Order::Invoice(pay) => self.start(bolt11::prepare(ldk, &pay, now)?, authorization).await,
            Order::Keysend(new) => {
                self.start(keysend::prepare(ldk, new, Owner::Payment, now)?, authorization).await
            }
            Order::Amp(pay) => self.start(self.amp.prepare(*pay, now)?, authorization).await,
            #[cfg(feature = "offers")]
            Order::Offer(pay) => {
                let prepared = offers::prepare(ldk, self.base.config.network, &pay, now)?;
                let id = self.start(prepared, authorization).await?;
                // Not durable, it is pending, as any payment that was begun.
                let _ = self.base.flushed().await;
                Ok(id)
            }
            Order::Stream(pay) => {
                let owner = Owner::Stream(pay.stream);
                self.start(keysend::prepare(ldk, self.streams.next(&pay)?, owner, now)?, authorization).await
            }
            Order::Onchain(send) => {
                let id = self.start(order::onchain(&self.onchain, &send, now)?, authorization).await?;
                if self.base.flushed_before(&send.signed.tx).await {
                    self.onchain.broadcast(&send.signed).await;
                }
                Ok(id)
            }
        }
    }

    /// Checks that nothing but its amount is against paying an invoice; [`begin`](Self::begin) does so, too.
    ///
    /// # Errors
    /// The first of [`PayError::Own`], [`PayError::Duplicate`], [`PayError::Expired`].
    pub async fn check(&self, invoice: &Bolt11Invoice) -> Result<(), PayError> {
        if invoice.get_payee_pub_key() == self.base.ldk.manager.get_our_node_id() {
            return Err(PayError::Own);
        }
        self.refuse_paid(PaymentId(invoice.payment_hash().0)).await?;
        bolt11::check_expiry(invoice, self.base.now())
    }

    /// Checks that nothing but its amount is against paying by AMP; [`begin`](Self::begin) does so, too.
    ///
    /// # Errors
    /// The first of [`PayError::Own`], [`PayError::Expired`].
    pub fn check_amp(&self, to: &AmpPayee) -> Result<(), PayError> {
        to.check(self.base.ldk.manager.get_our_node_id(), self.base.now())
    }

    /// Refuses an invoice that was paid, or is being paid: a second preimage would be worth nothing.
    async fn refuse_paid(&self, id: PaymentId) -> Result<(), PayError> {
        let key = Key::outbound(id);
        // An unreadable record may be that of a payment that succeeded.
        let known = self.ledger.get(key).await.map_err(|error| {
            log::error!("{error}");
            PayError::Duplicate
        })?;
        let was_paid = known.is_some_and(|payment| payment.status == PaymentStatus::Succeeded);
        let is_pending = self.ledger.pending(key).is_some() || self.attempts.contains(id);
        if was_paid || is_pending || self.base.ldk.knows_payment(id.0) {
            return Err(PayError::Duplicate);
        }
        Ok(())
    }

    /// The one way out: reserves the maximum cost, submits and records, in one step.
    async fn start(
        &self,
        prepared: Prepared<'_>,
        authorization: &Authorization,
    ) -> Result<PaymentId, PayError> {
        let Prepared { payment, max_fee_msat, owner, submit } = prepared;
        let id = payment.id;
        self.budgets.reserve(&payment, max_fee_msat, authorization)?;
        self.attempts.begin(id, owner, Some(self.base.platform.monotonic()));
        let submitted = self.submit(&payment, &*submit).await;
        if submitted.is_ok() && !authorization.beside.is_empty() {
            // In the step of the submission, so that they are there exactly when the payment is.
            self.ledger.stage(|batch| batch.merge(authorization.beside.clone()));
        }
        match (&submitted, owner) {
            (Ok(()), Owner::Payment) => {
                let parts = self.attempts.take_planned(id);
                self.ledger.record(Payment { parts, ..payment });
            }
            (Ok(()), Owner::Stream(stream)) => {
                self.streams.submitted(Key::outbound(stream), id, payment.amount_msat.unwrap_or_default());
            }
            (Err(error), Owner::Payment) => {
                // The attempt stays visible, and may be made again.
                self.attempts.end(id);
                let failed = Outcome::Failed(error.to_wallet_error());
                self.ledger.close_record(Payment { settled_at: Some(self.base.now()), ..payment }, failed);
            }
            (Err(error), Owner::Stream(stream)) => {
                self.attempts.end(id);
                self.ledger.close_reservation(id, None);
                self.streams.refused(Key::outbound(stream), error.to_wallet_error());
            }
        }
        self.base.notify.notify();
        submitted.map(|()| id)
    }

    /// Submits a payment; once more, when it was refused for want of channels and newer routing data could be had.
    async fn submit(
        &self,
        payment: &Payment,
        submit: &dyn Fn() -> Result<(), SubmitError>,
    ) -> Result<(), PayError> {
        let mut submitted = submit();
        if let Err(SubmitError::Ldk(_)) = submitted
            && self.may_be_outdated(payment.id)
            && self.graph.refresh().await
        {
            self.attempts.begin_again(payment.id);
            submitted = submit();
        }
        submitted.map_err(|error| match error {
            SubmitError::Ldk(error) => self.explain(&error, payment),
            #[cfg(feature = "offers")]
            SubmitError::Final(error) => error,
        })
    }

    /// Returns whether the payment was refused for want of channels that the network may have and the graph has not.
    fn may_be_outdated(&self, id: PaymentId) -> bool {
        let reason = self.attempts.refusal(id).map(|refused| refused.reason);
        matches!(reason, Some(NoPlan::NoPath | NoPlan::Inbound { .. } | NoPlan::Capacity { .. }))
    }

    fn explain(&self, error: &Bolt11PaymentError, payment: &Payment) -> PayError {
        match error {
            Bolt11PaymentError::InvalidAmount => PayError::Amount,
            Bolt11PaymentError::SendingFailed(failure) => match failure {
                RetryableSendFailure::PaymentExpired => PayError::Expired,
                RetryableSendFailure::RouteNotFound => {
                    let amount_msat = payment.amount_msat.unwrap_or_default();
                    let unknown = Refused { reason: NoPlan::NoPath, remaining_msat: amount_msat };
                    let refused = self.attempts.refusal(payment.id).unwrap_or(unknown);
                    PayError::NoRoute(Box::new(no_route(&refused, amount_msat)))
                }
                RetryableSendFailure::DuplicatePayment => PayError::Duplicate,
                RetryableSendFailure::OnionPacketSizeExceeded => PayError::TooLarge,
            },
        }
    }

    /// The outbound payment when it has ended (durably), or as it is after `limit`; `None` when there is no such payment.
    pub async fn outcome(&self, id: PaymentId, limit: Duration) -> Option<Payment> {
        let key = Key::outbound(id);
        if self.ledger.pending(key).is_some() {
            let ended = self.attempts.wait(id);
            if let Either::Left((Ok(payment), _)) = select(ended, self.base.platform.sleep(limit)).await {
                return Some(payment);
            }
        }
        self.ledger.get(key).await.ok().flatten()
    }

    /// Makes an invoice; durable before it is returned.
    ///
    /// # Errors
    /// [`PayError::Invoice`], [`PayError::OldCopy`].
    pub async fn invoice(&self, new: &NewInvoice) -> Result<Bolt11Invoice, PayError> {
        self.invoice_with(new, |_, _| ()).await
    }

    /// As [`invoice`](Self::invoice), with records of the application that are committed together with it. Their names must
    /// not be the node's own.
    ///
    /// # Errors
    /// [`PayError::Invoice`].
    pub async fn invoice_with(
        &self,
        new: &NewInvoice,
        beside: impl FnOnce(&Bolt11Invoice, &mut Batch),
    ) -> Result<Bolt11Invoice, PayError> {
        self.base.staged.check()?;
        ready::refuse_old_copy(&self.base)?;
        let (invoice, payment) = bolt11::make(&self.base.ldk, new, self.base.now())?;
        self.ledger.record(payment);
        self.ledger.stage(|batch| beside(&invoice, batch));
        self.base.flushed().await?;
        Ok(invoice)
    }

    /// Cancels an invoice that nobody has paid: it has failed, durably, before this returns, and whoever pays it later gets the money
    /// back.
    ///
    /// # Errors
    /// [`PayError::NotWaiting`], [`PayError::Unsaved`].
    pub async fn cancel_invoice(&self, id: PaymentId) -> Result<(), PayError> {
        self.base.staged.check()?;
        self.inbound.cancel(id)?;
        self.base.flushed().await?;
        Ok(())
    }

    /// Makes an offer, which may be paid any number of times. A node that is not announced is reached through the peers that
    /// it is connected to now.
    ///
    /// # Errors
    /// [`PayError::Invoice`]: no peer relays onion messages, or the amount is none.
    #[cfg(feature = "offers")]
    pub fn offer(&self, new: &NewOffer) -> Result<lightning::offers::offer::Offer, PayError> {
        ready::refuse_old_copy(&self.base)?;
        offers::make(&self.base.ldk, new)
    }

    /// Returns whether so many payments of streams ended since LDK's last tick that the next one should come early: LDK remembers
    /// each payment for eight ticks, and all of them are written with each step.
    pub(crate) fn is_busy(&self) -> bool {
        self.streams.is_busy()
    }

    /// LDK has ticked: unpaid invoices expire.
    pub(crate) fn ticked(&self) {
        self.streams.ticked();
        self.amp.ticked();
        self.inbound.expire();
        if matches!(self.base.config.role, Role::Wallet) {
            // A gateway's sessions are its sites' to close.
            self.streams.expire(self.base.now());
        }
    }
}
