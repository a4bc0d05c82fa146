//! The gateways of a wallet: addresses, terms, and requests for channels.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::{ChannelError, Incoming, Node};
use amplet_protocol::ChannelId;
use amplet_protocol::gateway::{ChannelRefusal, ChannelTerms, Message};
use amplet_protocol::page::{ErrorCode, OpenOptions, WalletError};
use amplet_protocol::relay;
use amplet_transport::{PeerAddress, Platform, Scheme};
use futures::StreamExt;
use futures::channel::oneshot;
use futures::future::{Either, select};

use crate::ctx::Ctx;
use crate::errors;

/// Maximum time for a gateway's answer to a request for a channel.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

struct Configured {
    address: PeerAddress,
    node_id: PublicKey,
    chain_url: String,
    zero_conf: bool,
}

/// The waiter for a gateway's answer to one request.
type Waiter = oneshot::Sender<Result<(), ChannelRefusal>>;

#[derive(Default)]
struct Shared {
    terms: RefCell<HashMap<PublicKey, ChannelTerms>>,
    requests: RefCell<HashMap<(PublicKey, u64), Waiter>>,
    next_request: Cell<u64>,
}

/// The configured gateways, their terms, and the requests to them that wait.
pub(crate) struct Gateways {
    configured: Vec<Configured>,
    shared: Rc<Shared>,
}

fn invalid(message: String) -> WalletError {
    WalletError::new(ErrorCode::InvalidInput, message)
}

impl Gateways {
    /// Reads and checks the configured gateways.
    pub fn parse(options: &OpenOptions) -> Result<Self, WalletError> {
        let configured = options.gateways.iter().map(parse_one).collect::<Result<Vec<_>, _>>()?;
        if configured.is_empty() && options.chain_sources.is_empty() {
            return Err(invalid("no gateway is configured; add the address of one".into()));
        }
        Ok(Self { configured, shared: Rc::default() })
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

    /// Returns the node ids whose channels are used without confirmation.
    pub fn trusted(&self) -> HashSet<PublicKey> {
        self.configured.iter().filter(|gateway| gateway.zero_conf).map(|gateway| gateway.node_id).collect()
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
            while let Some(Incoming { peer, message }) = messages.next().await {
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

impl Shared {
    fn receive(&self, peer: PublicKey, message: Message) {
        match message {
            Message::Terms(terms) => {
                self.terms.borrow_mut().insert(peer, terms);
            }
            Message::ChannelComing { request_id } => self.resolve(peer, request_id, Ok(())),
            Message::ChannelRefused { request_id, reason } => self.resolve(peer, request_id, Err(reason)),
            Message::GetTerms | Message::RequestChannel { .. } => {
                log::debug!("{peer} took this wallet for a gateway");
            }
        }
    }

    fn resolve(&self, peer: PublicKey, request: u64, answer: Result<(), ChannelRefusal>) {
        if let Some(waiter) = self.requests.borrow_mut().remove(&(peer, request)) {
            // The waiter may have given up.
            let _ = waiter.send(answer);
        }
    }
}

/// The base URL of a gateway's HTTP side; one reached by TCP has none.
fn origin(address: &PeerAddress) -> Option<String> {
    address.endpoint.health_url().map(|health| health.trim_end_matches(relay::HEALTH_PATH).to_owned())
}

fn parse_one(gateway: &amplet_protocol::page::Gateway) -> Result<Configured, WalletError> {
    let text = gateway.address.trim();
    let parse = |text: &str| text.parse::<PeerAddress>().map_err(|e| invalid(format!("{e} (in {text:?})")));
    let mut address = parse(text)?;
    if address.endpoint.scheme() != Scheme::Tcp && matches!(address.endpoint.path(), "" | "/") {
        address = parse(&format!("{}{}", text.trim_end_matches('/'), relay::PATH))?;
    }
    let node_id = PublicKey::from_slice(&address.node_id.0).map_err(|_| {
        invalid(format!("{} is not a point of the curve; copy the gateway's address again", address.node_id))
    })?;
    let chain_url = match (&gateway.chain_url, origin(&address)) {
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, Some(origin)) => origin,
        (None, None) => {
            return Err(invalid(format!(
                "{text:?} has no chain API of its own; add the URL of a block-dn server"
            )));
        }
    };
    Ok(Configured { address, node_id, chain_url, zero_conf: gateway.trust_zero_conf })
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
        Err(refused(&ChannelRefusal::Size {
            min_sat: terms.min_capacity_sat,
            max_sat: terms.max_capacity_sat,
        }))
    }

    /// Asks a gateway for a channel; returns its id once both sides have signed its funding.
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
        if ctx.node.peers().copies().findings().other_installation.contains(&peer) {
            return Err(errors::channel(&ChannelError::OtherInstallation));
        }
        if !ctx.node.peers().is_connected(&peer) {
            return Err(errors::channel(&ChannelError::NotConnected));
        }
        let before = channel_ids(&ctx.node, &peer);
        let request_id = self.shared.next_request.get();
        self.shared.next_request.set(request_id.wrapping_add(1));
        let (sender, receiver) = oneshot::channel();
        self.shared.requests.borrow_mut().insert((peer, request_id), sender);
        let mut changes = ctx.node.subscribe();
        ctx.node.peers().send_message(peer, Message::RequestChannel { request_id, capacity_sat });
        let mut limit = ctx.platform.sleep(ANSWER_LIMIT);
        let late =
            || WalletError::new(ErrorCode::Timeout, "the gateway did not answer in time; try again later");
        match select(receiver, &mut limit).await {
            Either::Left((Ok(Ok(())), _)) => {}
            Either::Left((Ok(Err(refusal)), _)) => return Err(refused(&refusal)),
            Either::Left((Err(_), _)) => return Err(errors::channel(&ChannelError::Closing)),
            Either::Right(_) => {
                self.shared.requests.borrow_mut().remove(&(peer, request_id));
                return Err(late());
            }
        }
        loop {
            if let Some(id) = channel_ids(&ctx.node, &peer).difference(&before).next() {
                return Ok(*id);
            }
            match select(changes.next(), &mut limit).await {
                Either::Left((Some(_), _)) => {}
                Either::Left((None, _)) => return Err(errors::channel(&ChannelError::Closing)),
                Either::Right(_) => return Err(late()),
            }
        }
    }
}

/// Channels whose funding both sides have signed.
fn channel_ids(node: &Node, peer: &PublicKey) -> HashSet<ChannelId> {
    let channels = node.channels().list().into_iter();
    let with_peer = channels.filter(|c| c.counterparty.node_id == *peer && c.funding_txo.is_some());
    with_peer.map(|c| ChannelId(c.channel_id.0)).collect()
}

fn refused(refusal: &ChannelRefusal) -> WalletError {
    let message = match refusal {
        ChannelRefusal::Disabled => "this gateway opens no channels to wallets; open one from your savings, or choose another gateway".into(),
        ChannelRefusal::Size { min_sat, max_sat } => {
            format!("this gateway takes channels of {min_sat} to {max_sat} sat; choose an amount between")
        }
        ChannelRefusal::TooManyChannels { limit } => {
            format!("this gateway allows {limit} channels per wallet and you have them; close one, or choose another gateway")
        }
        ChannelRefusal::NoFunds => "this gateway has not enough money of its own now; try later, a smaller amount, or another gateway".into(),
        ChannelRefusal::Failed { message } => format!("the gateway could not open the channel ({message}); try again later"),
    };
    WalletError::new(ErrorCode::GatewayRefused, message)
}
