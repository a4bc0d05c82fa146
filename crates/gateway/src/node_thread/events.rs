//! What the node says by itself: to the log, and to whoever asks how it is.

use amplet_node::{Node, Notice};
use amplet_protocol::page::{Event, EventKind, Payment};
use futures::StreamExt;
use futures::channel::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tracing::{error, info};

use super::{NodeStatus, NodeThreadError, Phase};
use crate::merchant::Hub;

/// Logs and tells until the node stops by itself; then why.
pub(super) async fn follow(
    node: Node,
    mut notices: UnboundedReceiver<Notice>,
    status: watch::Sender<NodeStatus>,
    hub: Hub,
) -> NodeThreadError {
    // Unacknowledged since the last run: logged again rather than never.
    for event in node.events() {
        note(&node, &event);
    }
    tell(&node, &status);
    while let Some(notice) = notices.next().await {
        match notice {
            Notice::Event(event) => note(&node, &event),
            Notice::Changed => tell(&node, &status),
            Notice::Payment(payment) => hub.tell(&payment.id),
            Notice::Stopped(why) => {
                error!(%why, "the node stopped");
                return NodeThreadError::Stopped(why.to_string());
            }
        }
    }
    NodeThreadError::Crashed
}

fn tell(node: &Node, status: &watch::Sender<NodeStatus>) {
    let (height, _) = node.best_block();
    let sync = node.sync_state();
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

/// The log is where a gateway's events go; once there they are done with.
fn note(node: &Node, event: &Event) {
    let line = |what: &str, payment: &Payment| {
        info!(
            event = event.id, id = %payment.id, amount_msat = payment.amount_msat, fee_msat = payment.fee_msat,
            "{what}"
        );
    };
    match &event.kind {
        EventKind::PaymentReceived { payment } => line("a payment was received", payment),
        EventKind::PaymentSent { payment } => line("a payment was sent", payment),
        EventKind::PaymentFailed { payment } => line("a payment failed, nothing left", payment),
        EventKind::DepositSeen { payment } => line("a deposit was seen", payment),
        EventKind::DepositConfirmed { payment } => line("a deposit was confirmed", payment),
        EventKind::PurseUsed { holder, percent, spent_msat, limit_msat, .. } => {
            info!(event = event.id, %holder, percent, spent_msat, limit_msat, "a purse is used");
        }
        EventKind::PurseLow { holder, parent, left_msat } => {
            info!(event = event.id, %holder, %parent, left_msat, "a purse that others draw from is low");
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
    node.ack(event.id);
}
