//! Channels on request: wallets ask for the terms and for channels over BOLT 8.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use amplet_node::lightning::ln::channel_state::ChannelDetails;
use amplet_node::{
    AcceptChannel, Acceptance, ChannelError, InboundChannel, Incoming, Node, OnchainError, OpenChannel,
};
use amplet_protocol::gateway::{ChannelRefusal, Message};
use amplet_protocol::{ChannelId, Msat, NodeId};
use amplet_storage::Store;
use bitcoin::secp256k1::PublicKey;
use futures::StreamExt;
use futures::channel::mpsc::UnboundedReceiver;
use tracing::{info, warn};

use super::channel_budget::ChannelBudget;
use super::channel_policy::{self, Accepted, Funds, Given};
use super::channel_tokens::ChannelTokens;
use super::clock::unix_now;
use super::upkeep;
use crate::config::{ChannelSection, Live};
use crate::limits::client_of;

/// Virtual size of a funding transaction with a few inputs (5 of taproot, two outputs). When it takes more, the node refuses.
const FUNDING_VBYTES: u64 = 5 * 58 + 11 + 2 * 43;

/// Record of the channels that count for the limits of a day.
const BUDGET: &str = "gateway/channel_budget";

/// Serves wallets for as long as the node runs.
pub(crate) async fn serve(
    node: Node,
    store: Rc<dyn Store>,
    live: Arc<Live>,
    tokens: Rc<ChannelTokens>,
    mut messages: UnboundedReceiver<Incoming>,
) {
    let budget = RefCell::new(upkeep::read(&*store, BUDGET).await);
    let service = Rc::new(ChannelService { node, live, tokens, budget });
    while let Some(Incoming { peer, message, .. }) = messages.next().await {
        match message {
            Message::GetTerms => {
                let terms = service.live.get().channels.terms.clone();
                service.node.peers().send_message(peer, Message::Terms(terms));
            }
            Message::RequestChannel { request_id, capacity_sat, token } => {
                let request = Request { peer, request_id, capacity_sat, token };
                tokio::task::spawn_local(Rc::clone(&service).serve(request));
            }
            // Answers to requests, of which this gateway makes none.
            Message::Terms(_)
            | Message::ChannelComing { .. }
            | Message::ChannelOpened { .. }
            | Message::ChannelRefused { .. } => {}
        }
    }
}

struct ChannelService {
    node: Node,
    live: Arc<Live>,
    tokens: Rc<ChannelTokens>,
    budget: RefCell<ChannelBudget>,
}

/// A wallet's request for a channel.
struct Request {
    peer: PublicKey,
    request_id: u64,
    capacity_sat: u64,
    token: Option<String>,
}

/// A request that was granted, with what it is counted to.
struct Granted {
    accepted: Accepted,
    address: String,
    /// Id of the token.
    token: Option<String>,
}

impl ChannelService {
    async fn serve(self: Rc<Self>, request: Request) {
        let Request { peer, request_id, capacity_sat, .. } = request;
        // From the decision to LDK's note of the new channel (in the first poll of `open_channel`) nothing awaits, so two
        // requests cannot be granted the same place.
        let answer = match self.decide(&request) {
            Ok(granted) => {
                self.node.peers().send_message(peer, Message::ChannelComing { request_id });
                self.open(peer, granted).await
            }
            Err(refusal) => Err(refusal),
        };
        match answer {
            Ok(channel_id) => {
                info!(%peer, capacity_sat, channel = %channel_id, "a channel was opened for a wallet");
                self.node.peers().send_message(peer, Message::ChannelOpened { request_id, channel_id });
            }
            Err(reason) => {
                info!(%peer, capacity_sat, ?reason, "a channel was refused to a wallet");
                self.node.peers().send_message(peer, Message::ChannelRefused { request_id, reason });
            }
        }
    }

    /// Checks whether the wallet is one of those that get channels; returns the id of its token, where one is required. Who is not
    /// let in learns nothing else.
    fn let_in(&self, channels: &ChannelSection, request: &Request) -> Result<Option<String>, ChannelRefusal> {
        let ChannelSection { terms, allowed_wallets: allowed, .. } = channels;
        if !terms.opens_channels {
            return Err(ChannelRefusal::Disabled);
        }
        if !allowed.is_empty() && !allowed.contains(&NodeId(request.peer.serialize())) {
            return Err(ChannelRefusal::NotAllowed);
        }
        if !terms.needs_token {
            return Ok(None);
        }
        let checked = self.tokens.check(request.token.as_deref(), request.capacity_sat);
        checked.map(Some).map_err(|problem| ChannelRefusal::Token { problem })
    }

    fn decide(&self, request: &Request) -> Result<Granted, ChannelRefusal> {
        let Request { peer, capacity_sat, .. } = *request;
        let config = self.live.get();
        let token = self.let_in(&config.channels, request)?;
        let open = self.node.channels().list();
        let with_peer = open.iter().filter(|channel| channel.counterparty.node_id == peer).count();
        let rate = self.node.onchain().fee_rate(6);
        let free_sat = self.node.onchain().free_sat();
        let funds = Funds {
            confirmed_sat: free_sat.saturating_sub(self.node.channels().promised_sat()),
            reserve_sat: self.node.onchain().reserve_sat(1),
            opening_fee_sat: rate.fee_vb(FUNDING_VBYTES).map_or(u64::MAX, |fee| fee.to_sat()),
        };
        let with_peer = u32::try_from(with_peer).unwrap_or(u32::MAX);
        let accepted = channel_policy::decide(&config.channels.terms, with_peer, funds, capacity_sat)?;
        let limits = config.channels.limits;
        given(&open).check(&limits, capacity_sat)?;
        let address = self.address(peer);
        self.budget.borrow_mut().take(limits, unix_now(), &address, capacity_sat)?;
        self.store_budget();
        if let Some(id) = &token {
            self.tokens.count(id, capacity_sat);
        }
        Ok(Granted { accepted, address, token })
    }

    /// Client that a peer is, for the limits of a day; one that the gateway dialled stands for itself.
    fn address(&self, peer: PublicKey) -> String {
        self.node.peers().address_of(&peer).map_or_else(|| peer.to_string(), |ip| client_of(ip).to_string())
    }

    fn store_budget(&self) {
        upkeep::stage(&self.node, BUDGET, &*self.budget.borrow());
    }

    async fn open(&self, peer: PublicKey, granted: Granted) -> Result<ChannelId, ChannelRefusal> {
        let Granted { accepted, address, token } = granted;
        let how = OpenChannel {
            capacity_sat: accepted.capacity_sat,
            push_msat: Msat::ZERO,
            announce: false,
            zero_reserve: self.live.get().channels.zero_reserve,
            fee_rate: None,
        };
        let opened = self.node.channels().open(peer, &how).await;
        opened.map(|id| ChannelId(id.0)).map_err(|error| {
            warn!(%peer, %error, "a channel for a wallet failed");
            self.budget.borrow_mut().give_back(&address, accepted.capacity_sat);
            self.store_budget();
            if let Some(id) = &token {
                self.tokens.give_back(id, accepted.capacity_sat);
            }
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

/// Counts the channels that were opened to wallets: the operator's own are announced.
fn given(open: &[ChannelDetails]) -> Given {
    let to_wallets = open.iter().filter(|channel| channel.is_outbound && !channel.is_announced);
    to_wallets.fold(Given::default(), |given, channel| Given {
        channels: given.channels.saturating_add(1),
        sat: given.sat.saturating_add(channel.channel_value_satoshis),
    })
}

/// Decides on channels that peers fund.
pub(crate) fn acceptance(live: Arc<Live>) -> AcceptChannel {
    Rc::new(move |channel: &InboundChannel| {
        match channel_policy::decide_inbound(&live.get().channels.terms, channel) {
            Ok(()) => Acceptance::Accept,
            Err(reason) => {
                info!(peer = %channel.peer, capacity_sat = channel.capacity_sat, %reason, "a peer's channel was refused");
                Acceptance::Refuse(reason)
            }
        }
    })
}
