//! What it takes to send the parts of a set, and to send again what came back.

use std::time::Duration;

use amplet_amp::{Amp, Child, Outgoing, SetId, Share};
use amplet_protocol::page::PaymentPart;
use amplet_protocol::{Msat, PaymentId};
use amplet_router::NoPlan;
use lightning::ln::channelmanager;
use lightning::ln::outbound_payment::{RecipientOnionFields, RetryableSendFailure};
use lightning::routing::router::{Path, PaymentParameters, Route, RouteParameters};
use lightning::sign::EntropySource;
use lightning::types::payment::PaymentHash;

use super::onion;
use super::order::{AmpParts, Terms};
use super::part_id;
use crate::ldk::Ldk;
use crate::ldk::routing::Split;
use crate::payments::MAX_PARTS;

/// Seconds in which what comes back is sent again: the payee holds an incomplete set for 120.
pub(super) const SENDING: Duration = Duration::from_secs(60);

/// A path and the part that is about to take it.
pub(super) type Planned = (Path, PaymentPart);

/// Part of a set that LDK did not take.
pub(super) struct NotTaken {
    pub index: u32,
    pub reason: RetryableSendFailure,
}

/// A set that is being sent in this run of the node.
pub(super) struct Sending {
    outgoing: Outgoing,
    terms: Terms,
    pub total_msat: Msat,
    pub max_fee_msat: Msat,
    parts: AmpParts,
    /// Plans that were asked for.
    pub rounds: u32,
    /// Monotonic time until which what comes back is sent again.
    pub until: Duration,
    /// Channels that did not carry a part.
    failed_channels: Vec<u64>,
}

impl Sending {
    /// Draws the root of a set.
    pub fn new(
        ldk: &Ldk,
        set: PaymentId,
        terms: Terms,
        (total_msat, max_fee_msat): (Msat, Msat),
        parts: AmpParts,
        until: Duration,
    ) -> Self {
        let root = Share(ldk.signer.get_secure_random_bytes());
        let outgoing = Outgoing::new(SetId(set.0), root);
        let failed_channels = Vec::new();
        Self { outgoing, terms, total_msat, max_fee_msat, parts, rounds: 0, until, failed_channels }
    }

    /// Plans parts for an amount, beside those in flight.
    pub fn plan(
        &mut self,
        ldk: &Ldk,
        (amount_msat, max_fee_msat): (Msat, Msat),
        in_flight: usize,
    ) -> Result<Vec<Planned>, NoPlan> {
        let mut params = params(ldk, &self.terms, amount_msat, max_fee_msat)?;
        params.payment_params.previously_failed_channels.clone_from(&self.failed_channels);
        let max_parts = self.parts.max.saturating_sub(in_flight).max(1);
        let split = Split { max_parts, max_part_msat: self.parts.max_msat };
        let (us, inflight) = (ldk.manager.get_our_node_id(), ldk.manager.compute_inflight_htlcs());
        let first_hops = ldk.manager.list_usable_channels();
        let rounds = self.rounds;
        self.rounds = rounds.saturating_add(1);
        ldk.router.plan_split(&us, &params, &first_hops, &inflight, (rounds, split))
    }

    /// Sends parts that were planned: all that the set lacks. The first one's index is returned, and which of them LDK did not take.
    pub fn send(&mut self, ldk: &Ldk, set: PaymentId, paths: Vec<Path>) -> (u32, Vec<NotTaken>) {
        let first = self.outgoing.next_index();
        let count = u32::try_from(paths.len()).unwrap_or(u32::MAX);
        // Never all out: this is called with what has come back.
        let children = self.outgoing.deal(count, || ldk.signer.get_secure_random_bytes()).unwrap_or_default();
        let sent = children.into_iter().zip(paths).filter_map(|(child, path)| {
            let reason = self.send_part(ldk, set, child, path).err()?;
            Some(NotTaken { index: child.index, reason })
        });
        let not_taken: Vec<NotTaken> = sent.collect();
        for part in &not_taken {
            self.outgoing.fold_back(part.index);
        }
        (first, not_taken)
    }

    fn send_part(
        &self,
        ldk: &Ldk,
        set: PaymentId,
        child: Child,
        path: Path,
    ) -> Result<(), RetryableSendFailure> {
        let amount_msat = Msat::up_to_max(path.final_value_msat());
        let onion = fields(&self.terms, self.total_msat, &self.outgoing.record(child))?;
        // Kept by LDK with each part: without what only a plan needs.
        let terms = Terms { route_hints: Vec::new(), ..self.terms.clone() };
        let mut params = params(ldk, &terms, amount_msat, Msat::MAX)
            .map_err(|_| RetryableSendFailure::OnionPacketSizeExceeded)?;
        params.max_total_routing_fee_msat = None;
        let route = Route { paths: vec![path], route_params: Some(params) };
        let hash = PaymentHash(child.hash(self.outgoing.root()).0);
        let id = channelmanager::PaymentId(part_id::of(set, child.index).0);
        ldk.manager.send_payment_with_route(route, hash, onion, id)
    }

    /// A part came back: its share is free again.
    pub fn came_back(&mut self, index: u32) {
        self.outgoing.fold_back(index);
    }

    /// A channel did not carry a part: none of this set is sent over it again.
    pub fn avoid(&mut self, channel: u64) {
        self.failed_channels.push(channel);
    }
}

fn fields(terms: &Terms, total_msat: Msat, amp: &Amp) -> Result<RecipientOnionFields, RetryableSendFailure> {
    // What LDK itself writes, it reads.
    onion::fields(terms.address, total_msat, amp).map_err(|_| RetryableSendFailure::OnionPacketSizeExceeded)
}

/// Parameters of a route for an amount, as LDK wants them.
pub(super) fn params(
    ldk: &Ldk,
    terms: &Terms,
    amount_msat: Msat,
    max_fee_msat: Msat,
) -> Result<RouteParameters, NoPlan> {
    let payee = PaymentParameters::for_keysend(terms.payee, terms.final_cltv, true);
    let payee = payee.with_route_hints(terms.route_hints.clone()).map_err(|()| NoPlan::NoPath)?;
    let payee = PaymentParameters { max_path_count: MAX_PARTS, ..payee };
    let mut params = RouteParameters::from_payment_params_and_value(payee, amount_msat.get());
    params.max_total_routing_fee_msat = Some(max_fee_msat.get());
    // The longest records that a part may have.
    let child = Child { share: Share::ZERO, index: u32::MAX };
    let onion = fields(terms, Msat::MAX, &Amp { child, set: SetId([0; 32]) });
    let onion = onion.map_err(|_| NoPlan::Malformed("its onion"))?;
    let height = ldk.manager.current_best_block().height;
    params.set_max_path_length(&onion, false, height).map_err(|()| NoPlan::Malformed("its onion"))?;
    Ok(params)
}
