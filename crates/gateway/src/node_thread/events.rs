//! What the node says by itself: to the log, and to whoever asks how it is.

use std::rc::Rc;

use amplet_node::{Node, Notice};
use amplet_protocol::page::{Event, EventKind, Payment};
use futures::StreamExt;
use futures::channel::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tracing::{error, info};

use super::{NodeStatus, NodeThreadError, Phase};
use crate::merchant::{Desk, Hub};

/// Logs and tells until the node stops by itself; then why.
pub(super) async fn follow(
    node: Node,
    mut notices: UnboundedReceiver<Notice>,
    status: watch::Sender<NodeStatus>,
    hub: Hub,
    desk: Rc<Desk>,
) -> NodeThreadError {
    tell(&node, &status);
    // Unacknowledged since the last run: logged again rather than never.
    for event in node.ledger().events() {
        hear(&node, &desk, &event).await;
    }
    while let Some(notice) = notices.next().await {
        match notice {
            Notice::Event(event) => hear(&node, &desk, &event).await,
            Notice::Changed => tell(&node, &status),
            Notice::Payment(payment) => {
                hub.tell(&payment.id.to_string());
                if let Some(stream) = &payment.stream {
                    hub.tell(&stream.session);
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

fn tell(node: &Node, status: &watch::Sender<NodeStatus>) {
    let (height, _) = node.sync().best_block();
    let sync = node.sync().state();
    let synced = sync.synced && sync.error.is_none();
    status.send_if_modified(|status| {
        let changed = (status.height, status.synced) != (height, synced);
        (status.height, status.synced) = (height, synced);
        if status.phase == Phase::Starting {
            status.phase = Phase::Up;
            status.node_id = Some(node.node_id().to_string());
            return true;
        }
        changed
    });
}

/// An event is done with once it is logged and the sites that it concerns are to be told: in one transaction with its
/// acknowledgement.
async fn hear(node: &Node, desk: &Desk, event: &Event) {
    let heard = desk.hear(event).await;
    if heard {
        node.ledger().ack(event.id);
    }
    note(event);
}

fn note(event: &Event) {
    let line = |what: &str, payment: &Payment| {
        info!(
            event = event.id, id = %payment.id, amount_msat = payment.amount_msat, fee_msat = payment.fee_msat,
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
            info!(event = event.id, %holder, percent, spent_msat, limit_msat, "a budget is used");
        }
        EventKind::BudgetLow { holder, parent, left_msat } => {
            info!(event = event.id, %holder, %parent, left_msat, "a budget that others draw from is low");
        }
        EventKind::ChannelPending { channel_id } => {
            info!(event = event.id, channel = %channel_id, "a channel waits for confirmations");
        }
        EventKind::ChannelReady { channel_id } => {
            info!(event = event.id, channel = %channel_id, "a channel is ready");
        }
        EventKind::ChannelClosed { channel_id, reason } => {
            info!(event = event.id, channel = %channel_id, %reason, "a channel was closed");
        }
    }
}
