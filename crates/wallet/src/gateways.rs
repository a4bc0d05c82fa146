//! The gateways of a wallet: addresses, terms, and requests for channels.

mod configured;
mod on_demand;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::{AcceptChannel, Acceptance, ChannelError, InboundChannel, Incoming, Node, Notice};
use amplet_protocol::ChannelId;
use amplet_protocol::gateway::{ChannelRefusal, ChannelTerms, Message};
use amplet_protocol::page::{ErrorCode, OpenOptions, WalletError};
use amplet_transport::Platform;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::future::{Either, select};

use crate::ctx::Ctx;
use crate::errors;
use configured::{Configured, invalid, origin, parse_one};
pub(crate) use on_demand::is_open;

/// Maximum time for a gateway's answer to a request for a channel.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Time for which a request waits for the gateway's connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Minimum capacity of a channel that a gateway opens unasked, in sat: several times what is held back to close it.
const MIN_UNASKED_SAT: u64 = 50_000;

/// Number of channels with one gateway from which on it opens none unasked.
const MAX_UNASKED: usize = 5;

/// Number of channels with one gateway from which on it opens none at all.
const MAX_CHANNELS: usize = 20;

/// A gateway's answer to a request for a channel.
enum Answer {
    /// It opens the channel.
    Coming,
    /// It has the channel, durably.
    Opened(ChannelId),
    Refused(ChannelRefusal),
}

#[derive(Default)]
struct Shared {
    terms: RefCell<HashMap<PublicKey, ChannelTerms>>,
    requests: RefCell<HashMap<(PublicKey, u64), UnboundedSender<Answer>>>,
    next_request: Cell<u64>,
}

/// The configured gateways, their terms, and the requests to them that wait.
pub(crate) struct Gateways {
    configured: Vec<Configured>,
    shared: Rc<Shared>,
    /// Held while a channel is asked for because an amount needs it.
    on_demand: futures::lock::Mutex<()>,
}

impl Gateways {
    /// Reads and checks the configured gateways.
    pub fn parse(options: &OpenOptions) -> Result<Self, WalletError> {
        let configured = options.gateways.iter().map(parse_one).collect::<Result<Vec<_>, _>>()?;
        if configured.is_empty() && options.chain_sources.is_empty() {
            return Err(invalid("no gateway is configured; add the address of one".into()));
        }
        Ok(Self { configured, shared: Rc::default(), on_demand: futures::lock::Mutex::default() })
    }

    /// Returns base URLs of the chain API: the gateways' own, then the others.
    pub fn chain_sources(&self, options: &OpenOptions) -> Vec<String> {
        let own = self.configured.iter().map(|gateway| gateway.chain_url.clone());
        let mut seen = HashSet::new();
        own.chain(options.chain_sources.iter().cloned()).filter(|url| seen.insert(url.clone())).collect()
    }

    /// Returns base URLs of the gateways' own HTTP side, where they serve routing data.
    pub fn graph_sources(&self) -> Vec<String> {
        self.configured.iter().filter_map(|gateway| origin(&gateway.address)).collect()
    }

    /// Returns all node ids.
    pub fn all(&self) -> HashSet<PublicKey> {
        self.configured.iter().map(|gateway| gateway.node_id).collect()
    }

    /// Returns the decision about channels that peers open: from this wallet's gateways only, and of what it did not ask for not so
    /// many, nor so small, that what is held back to close them makes the savings unspendable.
    pub fn acceptance(&self) -> AcceptChannel {
        let trusted: HashMap<PublicKey, bool> =
            self.configured.iter().map(|gateway| (gateway.node_id, gateway.zero_conf)).collect();
        let shared = Rc::clone(&self.shared);
        Rc::new(move |channel: &InboundChannel| match trusted.get(&channel.peer) {
            None => Acceptance::Refuse("this wallet takes channels from its own gateways only".into()),
            Some(_) if channel.announced => {
                Acceptance::Refuse("a wallet's channels are not announced".into())
            }
            Some(_) if is_burden(channel, shared.has_asked(&channel.peer)) => Acceptance::Refuse(
                "this wallet did not ask for a channel that is small, or one of many".into(),
            ),
            Some(true) => Acceptance::AcceptZeroConf,
            Some(false) => Acceptance::Accept,
        })
    }

    /// Returns the terms that a gateway has told.
    pub fn terms(&self, gateway: &PublicKey) -> Option<ChannelTerms> {
        self.shared.terms.borrow().get(gateway).cloned()
    }

    /// Connects, now and whenever a connection is lost, and asks for the terms each time.
    pub fn keep_connected(&self, node: &Node) -> Result<(), WalletError> {
        for gateway in &self.configured {
            node.peers().connect_persistently(gateway.address.clone()).map_err(|_| {
                invalid(format!("{} is not a node id; copy the gateway's address again", gateway.node_id))
            })?;
            node.peers().send_message(gateway.node_id, Message::GetTerms);
        }
        Ok(())
    }

    /// Follows the gateways' messages for as long as the node runs.
    pub fn listen(&self, platform: &Rc<dyn Platform>, node: &Node) {
        let Some(mut messages) = node.peers().messages() else { return };
        let shared = Rc::clone(&self.shared);
        let ids = self.all();
        platform.spawn(Box::pin(async move {
            while let Some(Incoming { peer, message, .. }) = messages.next().await {
                if ids.contains(&peer) {
                    shared.receive(peer, message);
                }
            }
        }));
        for gateway in self.all() {
            let node = node.clone();
            platform.spawn(Box::pin(async move {
                node.peers().connected(gateway).await;
                node.peers().send_message(gateway, Message::GetTerms);
            }));
        }
    }
}

/// Returns whether a channel binds more savings than it is worth.
fn is_burden(channel: &InboundChannel, is_asked: bool) -> bool {
    let limit = if is_asked { MAX_CHANNELS } else { MAX_UNASKED };
    channel.channels_with_peer >= limit || (!is_asked && channel.capacity_sat < MIN_UNASKED_SAT)
}

impl Shared {
    /// Returns whether a request to this gateway waits for its channel.
    fn has_asked(&self, gateway: &PublicKey) -> bool {
        self.requests.borrow().keys().any(|(peer, _)| peer == gateway)
    }

    fn receive(&self, peer: PublicKey, message: Message) {
        match message {
            Message::Terms(terms) => {
                self.terms.borrow_mut().insert(peer, terms);
            }
            Message::ChannelComing { request_id } => self.answer(peer, request_id, Answer::Coming),
            Message::ChannelOpened { request_id, channel_id } => {
                self.answer(peer, request_id, Answer::Opened(channel_id));
            }
            Message::ChannelRefused { request_id, reason } => {
                self.answer(peer, request_id, Answer::Refused(reason));
            }
            Message::GetTerms | Message::RequestChannel { .. } => {
                log::debug!("{peer} took this wallet for a gateway");
            }
        }
    }

    fn answer(&self, peer: PublicKey, request: u64, answer: Answer) {
        if let Some(waiter) = self.requests.borrow().get(&(peer, request)) {
            // The waiter may have given up.
            let _ = waiter.unbounded_send(answer);
        }
    }
}

impl Gateways {
    /// Returns the node id of a configured gateway whose terms, where they are known, allow a channel of this capacity.
    ///
    /// # Errors
    /// `invalidInput`: not configured; `gatewayRefused`: the size.
    pub fn check(&self, gateway: &str, capacity_sat: u64) -> Result<PublicKey, WalletError> {
        let known = self.configured.iter().find(|configured| configured.node_id.to_string() == gateway);
        let node_id = known.map(|gateway| gateway.node_id).ok_or_else(|| {
            invalid(format!("{gateway} is not one of this wallet's gateways; add it in the settings first"))
        })?;
        let Some(terms) = self.terms(&node_id) else { return Ok(node_id) };
        if (terms.min_capacity_sat..=terms.max_capacity_sat).contains(&capacity_sat) {
            return Ok(node_id);
        }
        Err(errors::channel_refusal(&ChannelRefusal::Size {
            min_sat: terms.min_capacity_sat,
            max_sat: terms.max_capacity_sat,
        }))
    }

    fn token(&self, gateway: &PublicKey) -> Option<String> {
        self.configured.iter().find(|configured| configured.node_id == *gateway)?.token.clone()
    }

    /// Asks a gateway for a channel; returns its id once both sides have signed its funding and the gateway says that it has it,
    /// so that it is there whichever process ends then.
    ///
    /// # Errors
    /// As [`check`](Self::check); the gateway is not connected, refuses, or does not answer in time.
    pub async fn request_channel(
        &self,
        ctx: &Ctx,
        gateway: &str,
        capacity_sat: u64,
    ) -> Result<ChannelId, WalletError> {
        let peer = self.check(gateway, capacity_sat)?;
        if ctx.node.old_copy().is_some() {
            return Err(errors::channel(&ChannelError::OldCopy));
        }
        // Right after a start the first connection is still under way.
        let connected = pin!(ctx.node.peers().connected(peer));
        select(connected, ctx.platform.sleep(CONNECT_LIMIT)).await;
        if !ctx.node.peers().is_connected(&peer) {
            return Err(errors::channel(&ChannelError::NotConnected));
        }
        // What this connection has just told.
        if ctx.node.peers().copies().findings().other_installation.contains(&peer) {
            return Err(errors::channel(&ChannelError::OtherInstallation));
        }
        let request_id = self.shared.next_request.get();
        self.shared.next_request.set(request_id.wrapping_add(1));
        let (sender, answers) = unbounded();
        self.shared.requests.borrow_mut().insert((peer, request_id), sender);
        let before = ready_channels(&ctx.node, &peer);
        let changes = ctx.node.subscribe();
        let token = self.token(&peer);
        ctx.node.peers().send_message(peer, Message::RequestChannel { request_id, capacity_sat, token });
        let opened = opened(ctx, peer, &before, answers, changes).await;
        self.shared.requests.borrow_mut().remove(&(peer, request_id));
        opened
    }
}

/// Waits until a gateway has said that a channel is there, or has made one ready that was not `before`.
async fn opened(
    ctx: &Ctx,
    peer: PublicKey,
    before: &HashSet<ChannelId>,
    mut answers: UnboundedReceiver<Answer>,
    mut changes: UnboundedReceiver<Notice>,
) -> Result<ChannelId, WalletError> {
    let mut limit = ctx.platform.sleep(ANSWER_LIMIT);
    loop {
        match select(select(answers.next(), changes.next()), &mut limit).await {
            Either::Left((Either::Left((Some(Answer::Coming), _)), _)) => {}
            Either::Left((Either::Left((Some(Answer::Opened(id)), _)), _)) => return Ok(id),
            Either::Left((Either::Left((Some(Answer::Refused(refusal)), _)), _)) => {
                return Err(errors::channel_refusal(&refusal));
            }
            // Its word was lost with a connection, perhaps.
            Either::Left((Either::Right((Some(_), _)), _)) => {
                if let Some(id) = ready_channels(&ctx.node, &peer).difference(before).next() {
                    return Ok(*id);
                }
            }
            Either::Left(_) => return Err(errors::channel(&ChannelError::Closing)),
            Either::Right(_) => {
                let message = "the gateway did not answer in time; try again later";
                return Err(WalletError::new(ErrorCode::Timeout, message));
            }
        }
    }
}

/// Channels that both sides have declared ready.
fn ready_channels(node: &Node, peer: &PublicKey) -> HashSet<ChannelId> {
    let channels = node.channels().list().into_iter();
    let with_peer = channels.filter(|c| c.counterparty.node_id == *peer && c.is_channel_ready);
    with_peer.map(|c| ChannelId(c.channel_id.0)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use amplet_protocol::Msat;

    const GATEWAY: &str = "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619";

    fn gateways(trust_zero_conf: bool) -> Gateways {
        let address = format!("{GATEWAY}@wss://gateway.example");
        let configured = amplet_protocol::page::Gateway { address, chain_url: None, trust_zero_conf };
        Gateways {
            configured: vec![parse_one(&configured).unwrap()],
            shared: Rc::default(),
            on_demand: Default::default(),
        }
    }

    fn channel(capacity_sat: u64, channels_with_peer: usize) -> InboundChannel {
        let peer = GATEWAY.parse().unwrap();
        InboundChannel {
            peer,
            capacity_sat,
            push_msat: Msat::ZERO,
            announced: false,
            channels_with_peer,
            channels: channels_with_peer,
            is_reserve_covered: true,
        }
    }

    #[test]
    fn a_gateway_cannot_bind_the_savings_with_channels_that_nobody_asked_for() {
        let gateways = gateways(true);
        let accept = gateways.acceptance();
        assert_eq!(accept(&channel(50_000, 4)), Acceptance::AcceptZeroConf);
        assert!(matches!(accept(&channel(49_999, 0)), Acceptance::Refuse(_)));
        assert!(matches!(accept(&channel(1_000_000, 5)), Acceptance::Refuse(_)));
        let (sender, _receiver) = unbounded();
        gateways.shared.requests.borrow_mut().insert((GATEWAY.parse().unwrap(), 0), sender);
        assert_eq!(accept(&channel(20_000, 7)), Acceptance::AcceptZeroConf, "what was asked for is taken");
        assert!(matches!(accept(&channel(20_000, 20)), Acceptance::Refuse(_)), "one of very many is not");
    }

    #[test]
    fn strangers_and_announced_channels_are_refused() {
        let accept = gateways(false).acceptance();
        assert_eq!(accept(&channel(100_000, 0)), Acceptance::Accept);
        let announced = InboundChannel { announced: true, ..channel(100_000, 0) };
        assert!(matches!(accept(&announced), Acceptance::Refuse(_)));
        let stranger = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798".parse().unwrap();
        assert!(matches!(
            accept(&InboundChannel { peer: stranger, ..channel(100_000, 0) }),
            Acceptance::Refuse(_)
        ));
    }
}
