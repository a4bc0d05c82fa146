//! Events and changes of the node: logged, published, handed to the service of sites.

use std::rc::Rc;

use amplet_chain::SourceState;
use amplet_node::{Node, NodeError, Notice};
use amplet_protocol::page::{ErrorCode, Event, EventKind, Payment, StorageTrouble};
use amplet_protocol::{Msat, NodeId};
use futures::StreamExt;
use futures::channel::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tracing::{debug, error, info};

use super::handle::{Problem, ProblemCode};
use super::{NodeStatus, NodeThreadError, Phase};
use crate::desk::merchant::{EventBus, MerchantService, Subject};

/// Follows the node: logs its events, publishes its state, notifies sites.
pub(super) struct Follower {
    pub(super) node: Node,
    pub(super) status: watch::Sender<NodeStatus>,
    pub(super) events: EventBus,
    pub(super) merchant: Rc<MerchantService>,
}

impl Follower {
    /// Runs until the node stops by itself; returns why.
    pub(super) async fn run(self, mut notices: UnboundedReceiver<Notice>) -> NodeThreadError {
        let mut newest = None;
        // Unacknowledged since the last run: logged again rather than never.
        for event in self.node.ledger().events() {
            self.handle(&event).await;
            newest = newest.max(Some(event.id));
        }
        while let Some(notice) = notices.next().await {
            match notice {
                // What came up before the first look is among the notices, too.
                Notice::Event(event) if Some(event.id) <= newest => {}
                Notice::Event(event) => self.handle(&event).await,
                Notice::Changed => {
                    if let Some(proof) = self.node.old_copy() {
                        return NodeError::OldCopy(Box::new(proof)).into();
                    }
                    self.publish();
                }
                Notice::Payment(payment) => {
                    self.events.notify(Subject::Payment(payment.id));
                    if let Some(stream) = &payment.stream {
                        self.events.notify(Subject::Session(stream.session.as_str().into()));
                    }
                }
                Notice::Stopped(why) => {
                    error!(%why, "the node stopped");
                    return NodeThreadError::Stopped(why.to_string());
                }
            }
        }
        NodeThreadError::Crashed
    }

    /// Publishes the state of the chain and the phase, as they are now.
    pub(super) fn publish(&self) {
        let sync = self.node.sync().state();
        let sources = self.node.chain().trust().sources;
        self.status.send_if_modified(|status| {
            let mut now = NodeStatus {
                height: self.node.sync().best_block().0,
                synced: sync.synced && sync.error.is_none(),
                blocks_left: sync.blocks_left,
                tip_age: sync.tip_age,
                read_at: sync.checked_at.map(|at| at.as_secs()),
                chain_error: sync.error,
                problems: self.node.storage_trouble().map(storage_problem).into_iter().collect(),
                on_other_chain: sources.iter().any(|source| source.state == SourceState::OtherChain),
                ..status.clone()
            };
            if now.phase == Phase::Starting {
                now.phase = Phase::Up;
                now.node_id = Some(NodeId(self.node.node_id().serialize()));
            }
            let changed = *status != now;
            *status = now;
            changed
        });
    }

    /// Finishes an event: logs it and stages the calls to sites that it concerns, in one transaction with its acknowledgement.
    async fn handle(&self, event: &Event) {
        if self.merchant.handle_event(event).await {
            self.node.ledger().ack(event.id);
        }
        log(event);
    }
}

/// A storage that saves nothing, as a problem of the gateway.
fn storage_problem(trouble: StorageTrouble) -> Problem {
    let message = match trouble.error.code {
        ErrorCode::StorageFull => {
            "the gateway's disk is full, so that nothing can be saved; free space on it, everything goes on by itself"
        }
        _ => {
            "the gateway's storage fails, so that nothing can be saved; its log says why, look after its disk"
        }
    };
    let code = ProblemCode::Storage;
    Problem::risk(code, message).detail(Some(trouble.error.message))
}

fn log(event: &Event) {
    let line = |what: &str, payment: &Payment| {
        info!(
            event = event.id, id = %payment.id, amount_msat = payment.amount_msat.map(Msat::get),
            fee_msat = payment.fee_msat.map(Msat::get),
            "{what}"
        );
    };
    match &event.kind {
        EventKind::PaymentReceived { payment } => line("a payment was received", payment),
        EventKind::PaymentSent { payment } => line("a payment was sent", payment),
        EventKind::PaymentFailed { payment } => line("a payment failed, no funds were sent", payment),
        EventKind::DepositSeen { payment } => line("a deposit was seen", payment),
        EventKind::DepositConfirmed { payment } => line("a deposit was confirmed", payment),
        EventKind::BudgetUsed { holder, percent, spent_msat, limit_msat, .. } => {
            info!(event = event.id, %holder, percent, spent_msat = spent_msat.get(), limit_msat = limit_msat.get(), "a budget is used");
        }
        EventKind::BudgetLow { holder, parent, left_msat } => {
            info!(event = event.id, %holder, %parent, left_msat = left_msat.get(), "a budget that others draw from is low");
        }
        EventKind::ChannelPending { channel_id } => {
            info!(event = event.id, channel = %channel_id, "a channel waits for confirmations");
        }
        EventKind::ChannelReady { channel_id } => {
            info!(event = event.id, channel = %channel_id, "a channel is ready");
        }
        // The node's own line says more: with whom, and what of it is ours.
        EventKind::ChannelClosed { channel_id, reason } => {
            debug!(event = event.id, channel = %channel_id, %reason, "a channel was closed");
        }
    }
}
