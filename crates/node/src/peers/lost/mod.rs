//! Channels of lost installations: a restored wallet asks its gateways for them, on proof of the old keys, and a gateway closes them
//! when it is asked to ([`amplet_protocol::lost`]). A wallet leaves a list of its channels with gateways, which they give only to
//! whoever proves its key. Other peers keep a short one (BOLT 1, `peer_storage`), and are asked as the lost installation.

mod asked;
mod asker;
mod knocks;
mod list;
mod short;

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use amplet_protocol::NodeId;
use amplet_protocol::lost::{MAX_MESSAGE, MESSAGE_TYPE, Message};
use amplet_protocol::page::LostPeer;
use amplet_storage::StoreError;
use bitcoin::secp256k1::PublicKey;
use lightning::ln::msgs::Init;

use crate::base::Base;
use crate::config::Role;
use crate::ldk::lost::knock::Knock;
use crate::ldk::messages::MessageHandler;
use crate::ldk::unsaved::Unsaved;
use asked::{Asked, Question, WrongTime};
use asker::Asker;

pub use asker::{LostAnswer, LostGateway};

/// Interval between looks at what is due: what a gateway was asked to close, and whom a wallet asks.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Interval between a wallet's questions on a connection.
const ASK_EVERY: Duration = Duration::from_secs(600);

enum Side {
    Wallet(Asker),
    Gateway(Asked),
}

/// The service.
pub struct Lost {
    base: Weak<Base>,
    side: RefCell<Side>,
}

impl Lost {
    pub(crate) async fn open(base: &Rc<Base>) -> Result<Rc<Self>, StoreError> {
        let side = match base.config.role {
            Role::Wallet => Side::Wallet(Asker::open(&*base.store).await?),
            Role::Gateway(_) => Side::Gateway(Asked::open(&*base.store).await?),
        };
        let lost = Rc::new(Self { base: Rc::downgrade(base), side: RefCell::new(side) });
        base.ldk.messages.register(MESSAGE_TYPE, Rc::clone(&lost) as Rc<dyn MessageHandler>);
        Ok(lost)
    }

    /// Asks, or closes what it was asked to close, for as long as the node runs.
    pub(crate) async fn follow(self: Rc<Self>) {
        let Some(base) = self.base.upgrade() else { return };
        if let Side::Wallet(asker) = &mut *self.side.borrow_mut() {
            if base.ldk.lost.numbers().is_empty() {
                return;
            }
            asker.go_on(&base);
        }
        let mut asked_at = base.platform.monotonic();
        loop {
            base.platform.sleep(LOOK_EVERY).await;
            match &mut *self.side.borrow_mut() {
                Side::Gateway(asked) => asked.close_due(&base),
                Side::Wallet(asker) if base.platform.monotonic().saturating_sub(asked_at) >= ASK_EVERY => {
                    asked_at = base.platform.monotonic();
                    asker.ask_all(&base);
                }
                Side::Wallet(_) => {}
            }
            self.knock(&base).await;
        }
    }

    /// Asks the peers that are no gateways, one after the other, as far as it is time.
    async fn knock(&self, base: &Base) {
        while let Some(knock) = self.next_knock(base) {
            // Until then another writer may speak for this wallet.
            if base.staged.old_copy.is_set() || base.store.ready().await.is_err() {
                return;
            }
            let may_tell =
                || matches!(&*self.side.borrow(), Side::Wallet(it) if it.knocks.may_tell(base, &knock));
            let heard = base.ldk.knock(&base.platform, &knock, may_tell).await;
            if let Side::Wallet(asker) = &mut *self.side.borrow_mut() {
                asker.knocks.heard(base, &knock, heard);
            }
        }
    }

    fn next_knock(&self, base: &Base) -> Option<Knock> {
        match &mut *self.side.borrow_mut() {
            Side::Wallet(asker) => asker.knocks.next(base),
            Side::Gateway(_) => None,
        }
    }

    /// Notes a peer's address, for the list of our channels.
    pub(super) fn address(&self, peer: PublicKey, address: String) {
        if let Side::Wallet(asker) = &mut *self.side.borrow_mut() {
            asker.address(peer, address);
        }
    }

    /// Leaves the list of our channels with the gateways, where committed steps have changed it.
    pub(crate) fn leave_list(&self) {
        let Some(base) = self.base.upgrade() else { return };
        if let Side::Wallet(asker) = &mut *self.side.borrow_mut() {
            asker.leave_list(&base);
        }
    }

    /// Gateways that were asked since the node was opened, and their answers; empty where nothing is lost.
    pub fn gateways(&self) -> Vec<LostGateway> {
        match &*self.side.borrow() {
            Side::Wallet(asker) => asker.gateways(),
            Side::Gateway(_) => Vec::new(),
        }
    }

    /// Peers that are no gateways, and that lost installations had channels with; empty where nothing is lost.
    pub fn peers(&self) -> Vec<LostPeer> {
        match (&*self.side.borrow(), self.base.upgrade()) {
            (Side::Wallet(asker), Some(base)) => asker.knocks.peers(&base),
            _ => Vec::new(),
        }
    }

    /// Returns whether gateways are asked to close the lost installations' channels.
    pub fn asks_to_close(&self) -> bool {
        matches!(&*self.side.borrow(), Side::Wallet(asker) if asker.closes())
    }

    /// Asks every gateway to close, or to leave open, the channels of lost installations: now, and on each connection from now on; and
    /// other peers, a day later. Durable before it returns.
    ///
    /// # Errors
    /// [`Unsaved`].
    pub async fn ask_to_close(&self, close: bool) -> Result<(), Unsaved> {
        let Some(base) = self.base.upgrade() else { return Err(Unsaved::Stopped) };
        base.staged.check()?;
        if let Side::Wallet(asker) = &mut *self.side.borrow_mut() {
            asker.set_close(&base, close);
        }
        base.flushed().await?;
        if let Side::Wallet(asker) = &mut *self.side.borrow_mut() {
            asker.ask_all(&base);
        }
        base.changed();
        Ok(())
    }
}

fn send(base: &Base, peer: PublicKey, message: &Message) {
    base.ldk.messages.send_json(peer, MESSAGE_TYPE, message);
}

fn node_id(key: &PublicKey) -> NodeId {
    NodeId(key.serialize())
}

impl MessageHandler for Lost {
    fn max_len(&self) -> usize {
        MAX_MESSAGE
    }

    fn connected(&self, peer: PublicKey, init: &Init) {
        let Some(base) = self.base.upgrade() else { return };
        match &mut *self.side.borrow_mut() {
            Side::Wallet(asker) => asker.connected(&base, peer, init),
            Side::Gateway(asked) => asked.seen(&base, &peer),
        }
    }

    fn disconnected(&self, peer: PublicKey) {
        let Some(base) = self.base.upgrade() else { return };
        match &mut *self.side.borrow_mut() {
            Side::Wallet(asker) => asker.disconnected(&peer),
            Side::Gateway(asked) => asked.seen(&base, &peer),
        }
    }

    fn received(&self, peer: PublicKey, bytes: &[u8]) {
        let Some(base) = self.base.upgrade() else { return };
        // One of a later release is not understood, which is no reason to hang up.
        let Ok(message) = serde_json::from_slice(bytes) else { return };
        match (&mut *self.side.borrow_mut(), message) {
            (Side::Gateway(asked), Message::Ask { time, close, number, claims }) => {
                match asked.answer(&base, &peer, Question { time, close, number, claims }) {
                    Ok(answers) => {
                        answers.into_iter().for_each(|answer| send(&base, peer, &Message::Answer(answer)));
                        send(&base, peer, &Message::Answered);
                    }
                    Err(WrongTime) => send(&base, peer, &Message::WrongTime { now: base.now() }),
                }
            }
            (Side::Gateway(asked), Message::Keep { time, list }) => asked.keep(&base, &peer, time, list),
            (Side::Wallet(asker), message) => asker.answered(&base, peer, message),
            (Side::Gateway(_), Message::Answer(_) | Message::Answered | Message::WrongTime { .. }) => {}
        }
    }
}
