//! The gateway's side: it keeps what wallets send, looks for the hints in every block, and punishes what it finds.

mod breach;
mod kept;
mod scan;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};
use std::time::Duration;

use amplet_protocol::NodeId;
use amplet_protocol::watchtower::{Code, MAX_MESSAGE, MESSAGE_TYPE, Message};
use amplet_storage::StoreError;
use bitcoin::secp256k1::PublicKey;
use futures::future::select;
use futures::{StreamExt, pin_mut};
use lightning::ln::msgs::Init;

use crate::base::{Base, Notice};
use crate::ldk::messages::MessageHandler;
use breach::Breaches;
use kept::{Kept, Who};
use scan::Scan;

/// Time after which is looked for new blocks, whatever was told.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What a gateway keeps for others, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TowerReport {
    /// Wallets of which something is kept.
    pub wallets: usize,
    /// Revoked states that are kept.
    pub states: usize,
    /// Revoked commitments that were found on the chain and are being punished.
    pub punishing: usize,
    /// Those that were punished since the start.
    pub punished: u64,
}

/// See the head of this file.
pub struct Tower {
    base: Weak<Base>,
    /// `None` until all is read.
    kept: RefCell<Option<Kept>>,
    breaches: RefCell<Breaches>,
    scan: RefCell<Scan>,
    /// Wallets that asked before all was read.
    asked: RefCell<BTreeSet<PublicKey>>,
}

impl Tower {
    pub(crate) fn open(base: &Rc<Base>) -> Rc<Self> {
        let tower = Rc::new(Self {
            base: Rc::downgrade(base),
            kept: RefCell::default(),
            breaches: RefCell::default(),
            scan: RefCell::default(),
            asked: RefCell::default(),
        });
        base.ldk.messages.register(MESSAGE_TYPE, Rc::clone(&tower) as Rc<dyn MessageHandler>);
        base.while_open(Rc::clone(&tower).run());
        tower
    }

    /// What is kept.
    pub fn report(&self) -> TowerReport {
        let (kept, breaches) = (self.kept.borrow(), self.breaches.borrow());
        let (wallets, states) = kept.as_ref().map_or((0, 0), |kept| (kept.wallets(), kept.states()));
        TowerReport { wallets, states, punishing: breaches.len(), punished: breaches.punished }
    }

    async fn run(self: Rc<Self>) {
        let Some(base) = self.base.upgrade() else { return };
        // Nothing of a start waits for it.
        if let Err(error) = self.load(&base).await {
            log::error!("what is kept for wallets cannot be read, so nothing is watched: {error}");
            return;
        }
        for wallet in std::mem::take(&mut *self.asked.borrow_mut()) {
            self.greet(&base, wallet);
        }
        let mut notices = base.subscribers.subscribe();
        loop {
            self.read_blocks(&base).await;
            // The chain has been read further, perhaps; or a block could not be fetched.
            let changed = async { while !matches!(notices.next().await, Some(Notice::Changed) | None) {} };
            let later = base.platform.sleep(LOOK_EVERY);
            pin_mut!(changed);
            select(changed, later).await;
        }
    }

    async fn load(&self, base: &Base) -> Result<(), StoreError> {
        let kept = Kept::open(&*base.store, &*base.platform).await?;
        let breaches = Breaches::open(&*base.store).await?;
        *self.scan.borrow_mut() = Scan::open(&*base.store).await?;
        *self.breaches.borrow_mut() = breaches;
        *self.kept.borrow_mut() = Some(kept);
        Ok(())
    }

    fn who(base: &Base, wallet: &PublicKey) -> Who {
        match base.ldk.manager.list_channels_with_counterparty(wallet).is_empty() {
            true => Who::Stranger,
            false => Who::Customer,
        }
    }

    fn greet(&self, base: &Base, wallet: PublicKey) {
        let kept = self.kept.borrow();
        let Some(kept) = &*kept else {
            self.asked.borrow_mut().insert(wallet);
            return;
        };
        let id = NodeId(wallet.serialize());
        let (states, room) = (kept.states_of(&id), kept.room(&id, Self::who(base, &wallet)));
        send(base, wallet, &Message::Kept { states, room });
    }

    fn asked(&self, base: &Rc<Base>, wallet: PublicKey, message: Message) {
        let (id, who) = (NodeId(wallet.serialize()), Self::who(base, &wallet));
        let mut kept = self.kept.borrow_mut();
        let writable = kept.as_mut().filter(|_| base.staged.check().is_ok());
        let (request, code) = match (message, writable) {
            (Message::Keep { request, .. } | Message::Forget { request, .. }, None) => (request, Code::Busy),
            (Message::Keep { request, channel, items }, Some(kept)) => {
                let code = kept.keep(id, who, channel, &items, &base.staged);
                if !base.staged.is_empty() {
                    // With the first state it begins to matter from where on blocks are looked through.
                    self.scan.borrow().stage(&base.staged);
                }
                (request, code)
            }
            (Message::Forget { request, channel }, Some(kept)) => {
                kept.forget(&id, &channel, &base.staged);
                (request, Code::Done)
            }
            _ => return,
        };
        let room = kept.as_ref().map_or(0, |kept| kept.room(&id, who));
        let answer = move |code| Message::Answer { request, code, room };
        // Said when it is true; what came a second time may be on its way to the disk still.
        let durable = match code {
            Code::Done if base.staged.is_empty() => base.staged.flushed().ok().flatten(),
            Code::Done => Some(base.staged.with_step()),
            _ => None,
        };
        let Some(durable) = durable else {
            send(base, wallet, &answer(code));
            return;
        };
        let shared = Rc::clone(base);
        base.notify.notify();
        base.while_open(async move {
            let is_durable = matches!(durable.await, Ok(Ok(())));
            send(&shared, wallet, &answer(if is_durable { Code::Done } else { Code::Busy }));
        });
    }
}

fn send(base: &Base, wallet: PublicKey, message: &Message) {
    base.ldk.messages.send(wallet, MESSAGE_TYPE, message.encode());
}

impl MessageHandler for Tower {
    fn max_len(&self) -> usize {
        MAX_MESSAGE
    }

    fn connected(&self, _: PublicKey, _: &Init) {}

    fn disconnected(&self, peer: PublicKey) {
        self.asked.borrow_mut().remove(&peer);
    }

    fn received(&self, peer: PublicKey, bytes: &[u8]) {
        let Some(base) = self.base.upgrade() else { return };
        match Message::decode(bytes) {
            Some(Message::Hello) => self.greet(&base, peer),
            Some(message) => self.asked(&base, peer, message),
            // Of a later release, or nonsense: neither is a reason to hang up.
            None => {}
        }
    }
}
