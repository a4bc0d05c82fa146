//! Outbound payments after their submission: LDK's events of them.

use std::rc::Rc;

use amplet_protocol::page::{PartState, Payment, WalletError};
use amplet_protocol::{Msat, PaymentId};
use hex_conservative::DisplayHex;
use lightning::events::PaymentFailureReason;
use lightning::routing::router::Path;
use lightning::types::payment::PaymentPreimage;

use super::amp_send::AmpSets;
use super::attempts::{Attempts, Ended, Owner};
use super::ends::{self, FailedPath, describe};
use super::parts;
use super::streams::{End, Streams};
use crate::base::Base;
use crate::graph::Graph;
use crate::ldk::routing::explain::no_route;
use crate::ledger::budgets::{Budgets, Spent};
use crate::ledger::record::Key;
use crate::ledger::{Ledger, Outcome};

/// Outbound payments, after they were submitted.
pub(crate) struct Outbound {
    base: Rc<Base>,
    ledger: Rc<Ledger>,
    budgets: Rc<Budgets>,
    graph: Rc<Graph>,
    attempts: Rc<Attempts>,
    streams: Rc<Streams>,
    amp: Rc<AmpSets>,
}

impl Outbound {
    pub(super) fn new(
        base: &Rc<Base>,
        (ledger, budgets): (&Rc<Ledger>, &Rc<Budgets>),
        graph: &Rc<Graph>,
        attempts: &Rc<Attempts>,
        (streams, amp): (&Rc<Streams>, &Rc<AmpSets>),
    ) -> Self {
        Self {
            base: Rc::clone(base),
            ledger: Rc::clone(ledger),
            budgets: Rc::clone(budgets),
            graph: Rc::clone(graph),
            attempts: Rc::clone(attempts),
            streams: Rc::clone(streams),
            amp: Rc::clone(amp),
        }
    }

    /// Sends again what came back of sets of AMP, and records what has become of their parts.
    pub fn go_on(&self) {
        self.amp.go_on();
    }

    /// Moves what the router planned since the last call to the payments' records.
    pub fn record_plans(&self) {
        for (id, parts) in self.attempts.take_all_planned() {
            if let Some(mut payment) = self.ledger.pending(Key::outbound(id)) {
                parts::add(&mut payment, parts);
                self.ledger.record(payment);
            }
        }
    }

    /// A payment succeeded: here is the proof.
    pub fn sent(&self, id: PaymentId, preimage: PaymentPreimage, fee_msat: Option<Msat>) {
        if self.amp.sent(id, preimage) {
            return;
        }
        self.record_plans();
        let ended = self.attempts.end(id);
        if let Some(Ended { owner: Owner::Stream(stream), .. }) = ended {
            // As for its budget: an unknown fee counts as the maximum reserved.
            let reserved = self.budgets.reserved(id).map_or(Msat::ZERO, |cost| cost.fee);
            self.ledger.close_reservation(id, Some(Spent { amount_msat: None, fee_msat }));
            let arrived = End::Arrived { fee_msat: fee_msat.unwrap_or(reserved) };
            self.streams.ended(Key::outbound(stream), id, arrived);
            return;
        }
        self.close(id, Outcome::Succeeded, ended, |payment| {
            payment.fee_msat = fee_msat;
            payment.preimage = Some(preimage.0.to_lower_hex_string());
            parts::end(payment, PartState::Succeeded);
            payment.hops = parts::longest(payment);
        });
    }

    /// A payment failed permanently; no funds were sent.
    pub fn failed(&self, id: PaymentId, reason: Option<PaymentFailureReason>) {
        if self.amp.failed(id, reason) {
            return;
        }
        self.record_plans();
        let error = self.explain(id, reason);
        let ended = self.attempts.end(id);
        if let Some(Ended { owner: Owner::Stream(stream), .. }) = ended {
            self.ledger.close_reservation(id, None);
            self.streams.ended(Key::outbound(stream), id, End::CameBack(error));
            return;
        }
        self.close(id, Outcome::Failed(error), ended, |payment| parts::end(payment, PartState::Failed));
    }

    fn close(
        &self,
        id: PaymentId,
        outcome: Outcome,
        ended: Option<Ended>,
        details: impl FnOnce(&mut Payment),
    ) {
        ends::close((&self.base, &self.ledger), id, outcome, ended, details);
    }

    fn explain(&self, id: PaymentId, reason: Option<PaymentFailureReason>) -> WalletError {
        let refused = self.attempts.refusal(id);
        let refused = refused.filter(|_| reason == Some(PaymentFailureReason::RouteNotFound));
        let total = self.ledger.pending(Key::outbound(id)).and_then(|payment| payment.amount_msat);
        match refused.zip(total) {
            Some((refused, total)) => no_route(&refused, total),
            None => describe(reason),
        }
    }

    /// A part arrived: its channels can carry such amounts.
    pub fn path_successful(&self, path: &Path) {
        self.base.ldk.router.path_succeeded(path);
    }

    /// A part failed: LDK tries again by itself, with what was learnt of it, and sets of AMP do so.
    pub fn path_failed(&self, failed: &FailedPath) {
        let FailedPath { id, path, channel, rejected, failure } = failed;
        log::info!(
            "a part failed at channel {channel:?}{}",
            if *rejected { ", refused by the payee" } else { "" }
        );
        if self.base.ldk.router.path_failed(path, *channel, *rejected, failure) {
            self.graph.update_soon();
        }
        self.amp.path_failed(failed);
        self.record_plans();
        if let Some(id) = id {
            self.attempts.part_failed(*id);
        }
        // The record of a payment that has ended knows already.
        if let Some(mut payment) = id.and_then(|id| self.ledger.pending(Key::outbound(id)))
            && parts::fail(&mut payment, path, *channel)
        {
            self.ledger.record(payment);
        }
    }
}
