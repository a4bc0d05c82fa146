//! Channels on request: wallets ask for the terms and for channels over BOLT 8.

use std::cell::Cell;
use std::rc::Rc;

use amplet_node::{
    AcceptChannel, Acceptance, ChannelError, InboundChannel, Incoming, Node, OnchainError, OpenChannel,
};
use amplet_protocol::Msat;
use amplet_protocol::gateway::{ChannelRefusal, ChannelTerms, Message};
use bitcoin::secp256k1::PublicKey;
use futures::StreamExt;
use futures::channel::mpsc::UnboundedReceiver;
use tracing::{info, warn};

use super::channel_policy::{self, Accepted, Funds};
use crate::config::ChannelSection;

/// Virtual size of a funding transaction with a few inputs (5 of taproot, two outputs). When it takes more, the node refuses.
const FUNDING_VBYTES: u64 = 5 * 58 + 11 + 2 * 43;

/// Serves wallets for as long as the node runs.
pub(crate) async fn serve(node: Node, channels: ChannelSection, mut messages: UnboundedReceiver<Incoming>) {
    let service = Rc::new(ChannelService { node, channels, promised_sat: Cell::new(0) });
    while let Some(Incoming { peer, message }) = messages.next().await {
        match message {
            Message::GetTerms => {
                service.node.peers().send_message(peer, Message::Terms(service.channels.terms.clone()))
            }
            Message::RequestChannel { request_id, capacity_sat } => {
                tokio::task::spawn_local(request(Rc::clone(&service), peer, request_id, capacity_sat));
            }
            // Answers to requests, of which this gateway makes none.
            Message::Terms(_) | Message::ChannelComing { .. } | Message::ChannelRefused { .. } => {}
        }
    }
}

struct ChannelService {
    node: Node,
    channels: ChannelSection,
    /// Capacity of the channels being opened, which the balance does not show yet, in sat.
    promised_sat: Cell<u64>,
}

async fn request(service: Rc<ChannelService>, peer: PublicKey, request_id: u64, capacity_sat: u64) {
    // From the decision to LDK's note of the new channel (in the first poll of `open_channel`) nothing awaits, so two
    // requests cannot be granted the same place.
    let answer = match service.decide(peer, capacity_sat) {
        Ok(accepted) => {
            service.node.peers().send_message(peer, Message::ChannelComing { request_id });
            service.open(peer, accepted).await
        }
        Err(refusal) => Err(refusal),
    };
    match answer {
        Ok(id) => info!(%peer, capacity_sat, channel = %id, "a channel was opened for a wallet"),
        Err(reason) => {
            info!(%peer, capacity_sat, ?reason, "a channel was refused to a wallet");
            service.node.peers().send_message(peer, Message::ChannelRefused { request_id, reason });
        }
    }
}

impl ChannelService {
    fn decide(&self, peer: PublicKey, capacity_sat: u64) -> Result<Accepted, ChannelRefusal> {
        let with_peer = self.node.channels().list().iter().filter(|c| c.counterparty.node_id == peer).count();
        let rate = self.node.onchain().fee_rate(6);
        let (confirmed_sat, _) = self.node.onchain().balance();
        let funds = Funds {
            confirmed_sat: confirmed_sat.saturating_sub(self.promised_sat.get()),
            reserve_sat: self.node.onchain().reserve_sat(1),
            opening_fee_sat: rate.fee_vb(FUNDING_VBYTES).map_or(u64::MAX, |fee| fee.to_sat()),
        };
        let with_peer = u32::try_from(with_peer).unwrap_or(u32::MAX);
        channel_policy::decide(&self.channels.terms, with_peer, funds, capacity_sat)
    }

    async fn open(&self, peer: PublicKey, accepted: Accepted) -> Result<String, ChannelRefusal> {
        let how = OpenChannel {
            capacity_sat: accepted.capacity_sat,
            push_msat: Msat::ZERO,
            announce: false,
            zero_reserve: self.channels.zero_reserve,
            fee_rate: None,
        };
        self.promised_sat.set(self.promised_sat.get().saturating_add(accepted.capacity_sat));
        let opened = self.node.channels().open(peer, &how).await;
        self.promised_sat.set(self.promised_sat.get().saturating_sub(accepted.capacity_sat));
        opened.map(|id| id.to_string()).map_err(|error| {
            warn!(%peer, %error, "a channel for a wallet failed");
            match error {
                ChannelError::Onchain(OnchainError::Insufficient { .. }) => ChannelRefusal::NoFunds,
                // The details are the operator's: they show the gateway's money.
                _ => ChannelRefusal::Failed {
                    message: "the gateway could not open the channel; try again later".into(),
                },
            }
        })
    }
}

/// Decides on channels that peers fund.
pub(crate) fn acceptance(terms: ChannelTerms) -> AcceptChannel {
    Rc::new(move |channel: &InboundChannel| {
        let with_peer = u32::try_from(channel.channels_with_peer).unwrap_or(u32::MAX);
        match channel_policy::decide_inbound(&terms, with_peer, channel.capacity_sat) {
            Ok(()) => Acceptance::Accept,
            Err(reason) => {
                info!(peer = %channel.peer, capacity_sat = channel.capacity_sat, %reason, "a peer's channel was refused");
                Acceptance::Refuse(reason)
            }
        }
    })
}
