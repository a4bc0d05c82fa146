//! Watchtowers: gateways keep what punishes the peers of a wallet's channels, should one broadcast a revoked commitment while the
//! wallet is away or gone.
//!
//! The wallet's side, [`Towers`], follows committed steps: what LDK's monitors learn of the peers' commitments is recorded with them
//! (`ldk::justice`), and each state that was revoked since is signed, sealed and sent to every connected gateway but the channel's own
//! peer. It all happens behind the step: no message of a channel waits for it, and it makes no transaction of its own. The gateway's side
//! is [`Tower`].

mod kit;
mod progress;
mod sign;
#[cfg(feature = "tower")]
mod tower;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

use amplet_protocol::NodeId;
use amplet_protocol::watchtower::{
    Code, Item, Label, MAX_ITEMS, MAX_MESSAGE, MESSAGE_TYPE, Message, TOWER_BIT,
};
use amplet_storage::StoreError;
use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::secp256k1::PublicKey;
use futures::future::select;
use futures::pin_mut;
use lightning::ln::msgs::Init;
use lightning::ln::types::ChannelId;
use lightning::sign::NodeSigner;

use crate::base::{Base, Committed, StepFollower};
use crate::config::Role;
use crate::ldk::intercept::has_bit;
use crate::ldk::justice::{State, States};
use crate::ldk::messages::MessageHandler;
use crate::notify::Notify;
use progress::{Cursor, Progress};

#[cfg(feature = "tower")]
pub use tower::{Tower, TowerReport};

/// Pause after a step, so that the states that one payment revokes go together and nothing of it is in the payment's way.
const LINGER: Duration = Duration::from_millis(200);
/// Time after which a gateway that could not write, or did not answer, is asked again.
const RETRY: Duration = Duration::from_secs(60);
/// States of a peer that may not be revoked: its newest, and the one before while its revocation is under way (BOLT 2). No channel is
/// spliced here, so there is one commitment of each.
const NOT_REVOKED: u64 = 2;

/// A channel, as far as it matters here.
struct Watched {
    /// LDK's name of its monitor.
    name: String,
    id: ChannelId,
    peer: PublicKey,
}

/// A request that is not answered yet.
struct Waiting {
    request: u32,
    since: Duration,
    name: String,
    /// How far the gateway keeps the channel then; `None`: nothing any more.
    then: Option<Cursor>,
}

/// A connected gateway.
#[derive(Default)]
struct Link {
    /// Room for more states; `None`: it has not said yet.
    room: Option<u32>,
    waiting: Option<Waiting>,
    /// Monotonic time before which nothing is sent.
    not_before: Duration,
}

/// The gateways that keep a wallet's revoked states.
pub struct Towers {
    base: Weak<Base>,
    progress: RefCell<Progress>,
    links: RefCell<BTreeMap<PublicKey, Link>>,
    /// By name: number of a channel's first state that is not revoked.
    revoked: RefCell<BTreeMap<String, u64>>,
    requests: Cell<u32>,
    /// Revision of the recorded states at the last look.
    seen: Cell<u64>,
    notify: Notify,
}

impl Towers {
    pub(crate) async fn open(base: &Rc<Base>) -> Result<Rc<Self>, StoreError> {
        let towers = Rc::new(Self {
            base: Rc::downgrade(base),
            progress: RefCell::new(Progress::open(&*base.store).await?),
            links: RefCell::default(),
            revoked: RefCell::default(),
            requests: Cell::default(),
            seen: Cell::default(),
            notify: Notify::default(),
        });
        if let Role::Wallet = base.config.role {
            base.ldk.messages.register(MESSAGE_TYPE, Rc::clone(&towers) as Rc<dyn MessageHandler>);
            base.while_open(Rc::clone(&towers).follow());
        }
        Ok(towers)
    }

    /// Number of gateways that keep every revoked state of a channel, its own peer left out.
    pub fn watching(&self, channel: &ChannelId) -> usize {
        let Some(base) = self.base.upgrade() else { return 0 };
        let Ok(monitor) = base.ldk.monitors.get_monitor(*channel) else { return 0 };
        let (name, peer) = (monitor.persistence_key().to_string(), monitor.get_counterparty_node_id());
        drop(monitor);
        let revoked = self.revoked.borrow().get(&name).copied();
        let watchers = |next| self.progress.borrow().watchers(&name, next, &NodeId(peer.serialize()));
        revoked.map_or(0, watchers)
    }

    /// Sends what is to be sent, for as long as the node is open.
    async fn follow(self: Rc<Self>) {
        loop {
            let Some(base) = self.base.upgrade() else { return };
            if let Err(error) = self.look(&base).await {
                log::warn!("revoked states could not be read for the watchtowers: {error}");
            }
            let (notified, later) = (self.notify.notified(), base.platform.sleep(RETRY));
            pin_mut!(notified);
            select(notified, later).await;
            base.platform.sleep(LINGER).await;
        }
    }

    /// Sends each gateway what comes next.
    async fn look(&self, base: &Base) -> Result<(), StoreError> {
        if base.staged.old_copy.is_set() {
            return Ok(());
        }
        let channels: Vec<Watched> = base
            .ldk
            .all_monitors()
            .map(|monitor| Watched {
                name: monitor.persistence_key().to_string(),
                id: monitor.channel_id(),
                peer: monitor.get_counterparty_node_id(),
            })
            .collect();
        for channel in &channels {
            self.find_revoked(base, channel).await?;
        }
        for tower in self.ready(base) {
            self.send_next(base, tower, &channels).await?;
        }
        Ok(())
    }

    /// Gateways that nothing is asked of at present.
    fn ready(&self, base: &Base) -> Vec<PublicKey> {
        let now = base.platform.monotonic();
        let mut links = self.links.borrow_mut();
        for link in links.values_mut() {
            link.waiting.take_if(|waiting| now.saturating_sub(waiting.since) >= RETRY);
        }
        let is_ready = |link: &Link| link.room.is_some() && link.waiting.is_none() && link.not_before <= now;
        links.iter().filter(|(_, link)| is_ready(link)).map(|(tower, _)| *tower).collect()
    }

    async fn find_revoked(&self, base: &Base, channel: &Watched) -> Result<(), StoreError> {
        let (_, end) = base.staged.justice.range(&channel.name);
        let known = self.revoked.borrow().get(&channel.name).copied().unwrap_or(0);
        let mut revoked = known.max(end.saturating_sub(NOT_REVOKED));
        while revoked < end {
            let States { from, states } =
                base.staged.justice.read(&*base.store, &channel.name, revoked).await?;
            let Ok(monitor) = base.ldk.monitors.get_monitor(channel.id) else { break };
            let more = states.iter().take_while(|state| sign::is_revoked(&monitor, state)).count();
            if more == 0 {
                break;
            }
            revoked = from.saturating_add(more as u64);
        }
        let before = self.revoked.borrow_mut().insert(channel.name.clone(), revoked);
        if before != Some(revoked) {
            base.changed();
        }
        Ok(())
    }

    /// Sends a gateway the next revoked states of a channel with somebody else, or has it forget one that is no more.
    async fn send_next(&self, base: &Base, tower: PublicKey, channels: &[Watched]) -> Result<(), StoreError> {
        let id = NodeId(tower.serialize());
        for channel in channels.iter().filter(|channel| channel.peer != tower) {
            if self.send_states(base, tower, channel).await? {
                return Ok(());
            }
        }
        let is_gone = |name: &String| !channels.iter().any(|channel| channel.name == *name);
        let gone = self.progress.borrow().channels_of(&id).into_iter().find(is_gone);
        if let Some(name) = gone {
            let request = self.next_request();
            let forget = Message::Forget { request, channel: label(base, &name) };
            self.ask(base, tower, request, &forget, (name, None));
        }
        Ok(())
    }

    /// Returns whether there was something to send.
    async fn send_states(
        &self,
        base: &Base,
        tower: PublicKey,
        channel: &Watched,
    ) -> Result<bool, StoreError> {
        let id = NodeId(tower.serialize());
        let revoked = self.revoked.borrow().get(&channel.name).copied().unwrap_or(0);
        loop {
            let cursor = self.progress.borrow().cursor(&id, &channel.name);
            let room = self.links.borrow().get(&tower).and_then(|link| link.room).unwrap_or(0);
            let most = usize::try_from(room).unwrap_or(MAX_ITEMS).min(MAX_ITEMS);
            if cursor.next >= revoked || most == 0 {
                return Ok(false);
            }
            let read = base.staged.justice.read(&*base.store, &channel.name, cursor.next).await?;
            let left = usize::try_from(revoked.saturating_sub(read.from)).unwrap_or(0);
            let states = read.states.get(..read.states.len().min(left).min(most)).unwrap_or_default();
            let items = self.items(base, channel, states);
            let next = match states.len() {
                0 => revoked,
                count => read.from.saturating_add(count as u64),
            };
            let then = Cursor { next, sent: cursor.sent.saturating_add(items.len() as u64) };
            if items.is_empty() {
                self.progress.borrow_mut().set(id, &channel.name, then);
                continue;
            }
            let request = self.next_request();
            let keep = Message::Keep { request, channel: label(base, &channel.name), items };
            self.ask(base, tower, request, &keep, (channel.name.clone(), Some(then)));
            return Ok(true);
        }
    }

    fn items(&self, base: &Base, channel: &Watched, states: &[State]) -> Vec<Item> {
        let Ok(monitor) = base.ldk.monitors.get_monitor(channel.id) else { return Vec::new() };
        let destination = base.ldk.wallet.destination();
        let item = |state: &State| {
            let mut nonce = [0; 12];
            base.platform.random(&mut nonce);
            sign::kit(&monitor, state, &destination)?.seal(&state.outpoint.txid, nonce)
        };
        states.iter().filter_map(item).collect()
    }

    fn next_request(&self) -> u32 {
        self.requests.set(self.requests.get().wrapping_add(1));
        self.requests.get()
    }

    fn ask(
        &self,
        base: &Base,
        tower: PublicKey,
        request: u32,
        message: &Message,
        (name, then): (String, Option<Cursor>),
    ) {
        // It may have hung up meanwhile.
        let mut links = self.links.borrow_mut();
        let Some(link) = links.get_mut(&tower) else { return };
        link.waiting = Some(Waiting { request, since: base.platform.monotonic(), name, then });
        base.ldk.messages.send(tower, MESSAGE_TYPE, message.encode());
    }

    fn answered(&self, base: &Base, tower: PublicKey, request: u32, code: Code, room: u32) {
        let mut links = self.links.borrow_mut();
        let Some(link) = links.get_mut(&tower) else { return };
        let Some(waiting) = link.waiting.take_if(|waiting| waiting.request == request) else { return };
        link.room = Some(room);
        match code {
            Code::Done => {
                let (mut progress, id) = (self.progress.borrow_mut(), NodeId(tower.serialize()));
                match waiting.then {
                    Some(cursor) => progress.set(id, &waiting.name, cursor),
                    None => progress.forget(&id, &waiting.name),
                }
                progress.stage(&base.staged);
                drop(progress);
                base.changed();
            }
            Code::Busy => link.not_before = base.platform.monotonic().saturating_add(RETRY),
            Code::Full | Code::Other => {
                log::warn!("watchtower {tower} keeps no more: {code:?}");
                link.room = Some(0);
            }
        }
        self.notify.notify();
    }
}

/// A channel's name to gateways: by LDK's name, which is public once the channel is, they would recognise it.
fn label(base: &Base, name: &str) -> Label {
    let mut engine = sha256::Hash::engine();
    engine.input(b"amplet justice label 1");
    engine.input(&base.ldk.signer.get_peer_storage_key().inner);
    engine.input(name.as_bytes());
    let hash = sha256::Hash::from_engine(engine).to_byte_array();
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
}

impl StepFollower for Towers {
    fn committed(&self, _: &Committed) {
        let Some(base) = self.base.upgrade() else { return };
        let revision = base.staged.justice.revision();
        if self.seen.replace(revision) != revision {
            self.notify.notify();
        }
    }
}

impl MessageHandler for Towers {
    fn max_len(&self) -> usize {
        MAX_MESSAGE
    }

    fn connected(&self, peer: PublicKey, init: &Init) {
        let Some(base) = self.base.upgrade() else { return };
        if has_bit(init, TOWER_BIT) {
            self.links.borrow_mut().insert(peer, Link::default());
            base.ldk.messages.send(peer, MESSAGE_TYPE, Message::Hello.encode());
        }
    }

    fn disconnected(&self, peer: PublicKey) {
        self.links.borrow_mut().remove(&peer);
    }

    fn received(&self, peer: PublicKey, bytes: &[u8]) {
        let Some(base) = self.base.upgrade() else { return };
        match Message::decode(bytes) {
            Some(Message::Kept { states, room }) => {
                let mut links = self.links.borrow_mut();
                // Said once on each connection: a gateway that repeats it would have everything sent again.
                let Some(link) = links.get_mut(&peer).filter(|link| link.room.is_none()) else { return };
                link.room = Some(room);
                self.progress.borrow_mut().keeps(NodeId(peer.serialize()), u64::from(states));
                drop(links);
                base.changed();
                self.notify.notify();
            }
            Some(Message::Answer { request, code, room }) => {
                self.answered(&base, peer, request, code, room);
            }
            // Of a later release, or nonsense: neither is a reason to hang up.
            _ => {}
        }
    }
}
