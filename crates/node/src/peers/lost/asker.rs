//! The wallet's side: which gateways were asked, and what they answered; what is left with them and with other peers.

use std::collections::BTreeMap;

use amplet_protocol::lost::{Answer, BIT, Claim, ListedChannel, LostState, MAX_NODES, Message, statement};
use amplet_storage::{Store, StoreError, get_unless_damaged};
use bitcoin::hex::DisplayHex;
use bitcoin::secp256k1::PublicKey;
use lightning::ln::msgs::Init;

use super::knocks::Knocks;
use super::{list, node_id, send, short};
use crate::base::Base;
use crate::ldk::intercept::has_bit;

/// Record that is there while gateways are asked to close.
const LOST_CLOSE: &str = "node/lost_close";

/// A gateway that was asked for channels of lost installations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostGateway {
    /// The gateway.
    pub gateway: PublicKey,
    /// Time of its answer, in seconds since the UNIX epoch; `None`: it has not answered yet.
    pub answered_at: Option<u64>,
    /// Its clock and this device's differ by more than a day, so it answers nothing.
    pub wrong_time: bool,
    /// What it has of lost installations.
    pub answers: Vec<LostAnswer>,
}

/// What a gateway has of a lost installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostAnswer {
    /// Its answer.
    pub answer: Answer,
    /// All channels of the installation, as it has listed them itself.
    pub listed: Vec<ListedChannel>,
}

/// See the module.
pub(super) struct Asker {
    close: bool,
    gateways: BTreeMap<PublicKey, LostGateway>,
    /// Connected gateways, and what was left with them.
    connected: BTreeMap<PublicKey, Vec<ListedChannel>>,
    /// Other connected peers that keep something (BOLT 9, `option_provide_storage`), and what was left with them.
    keepers: BTreeMap<PublicKey, Vec<u8>>,
    /// Addresses of peers.
    addresses: BTreeMap<PublicKey, String>,
    /// Peers that are no gateways.
    pub knocks: Knocks,
}

impl Asker {
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let close = get_unless_damaged(store, LOST_CLOSE).await?.is_some();
        Ok(Self {
            close,
            gateways: BTreeMap::new(),
            connected: BTreeMap::new(),
            keepers: BTreeMap::new(),
            addresses: BTreeMap::new(),
            knocks: Knocks::open(store).await?,
        })
    }

    pub fn gateways(&self) -> Vec<LostGateway> {
        self.gateways.values().cloned().collect()
    }

    pub fn closes(&self) -> bool {
        self.close
    }

    /// Goes on after a start: the word that was given to a release that asked gateways only counts from now on.
    pub fn go_on(&mut self, base: &Base) {
        self.knocks.set_close(base, self.close);
    }

    /// Stages what is asked from now on.
    pub fn set_close(&mut self, base: &Base, close: bool) {
        self.close = close;
        match close {
            true => base.staged.put(LOST_CLOSE, Vec::new()),
            false => base.staged.remove(LOST_CLOSE),
        }
        self.knocks.set_close(base, close);
    }

    pub fn connected(&mut self, base: &Base, peer: PublicKey, init: &Init) {
        if has_bit(init, BIT) {
            self.connected.insert(peer, Vec::new());
            self.knocks.met_gateway(base, node_id(&peer));
            self.ask(base, peer);
        } else {
            self.knocks.met_plain(node_id(&peer));
            if init.features.supports_provide_storage() {
                self.keepers.insert(peer, Vec::new());
            }
        }
        self.leave_list(base);
    }

    pub fn address(&mut self, peer: PublicKey, address: String) {
        self.knocks.address(node_id(&peer), address.clone());
        self.addresses.insert(peer, address);
    }

    /// Leaves the list of our channels with the connected gateways and keepers that do not have it as it is.
    pub fn leave_list(&mut self, base: &Base) {
        if self.connected.is_empty() && self.keepers.is_empty() {
            return;
        }
        let listed = list::listed(base, |peer| self.addresses.get(peer).cloned());
        self.leave_short(base, &listed);
        let stale = self.connected.iter_mut().filter(|(_, left)| **left != listed);
        for (gateway, left) in stale {
            if let Some(list) = base.ldk.signer.seal_list(|key, seed| list::encrypt(&listed, key, seed)) {
                send(base, *gateway, &Message::Keep { time: base.now(), list });
            }
            left.clone_from(&listed);
        }
    }

    /// The same in short, with peers that are no gateways. They keep it of whoever has a channel with them.
    fn leave_short(&mut self, base: &Base, listed: &[ListedChannel]) {
        let has_channel = |peer: &PublicKey| {
            base.ldk.manager.list_channels_with_counterparty(peer).iter().any(|it| it.is_channel_ready)
        };
        let written = short::write(listed);
        let stale = self.keepers.iter_mut().filter(|(peer, left)| **left != written && has_channel(peer));
        for (peer, left) in stale {
            let seal = |key: &_, seed: &_| Some(list::seal(written.clone(), key, seed));
            if let Some(sealed) = base.ldk.signer.seal_list(seal) {
                base.ldk.intercept.leave_with(*peer, sealed);
            }
            left.clone_from(&written);
        }
    }

    pub fn disconnected(&mut self, peer: &PublicKey) {
        self.connected.remove(peer);
        self.keepers.remove(peer);
    }

    pub fn ask_all(&mut self, base: &Base) {
        let connected: Vec<PublicKey> = self.connected.keys().copied().collect();
        connected.into_iter().for_each(|gateway| self.ask(base, gateway));
    }

    fn ask(&mut self, base: &Base, gateway: PublicKey) {
        let (time, close) = (base.now(), self.close);
        let (to, us) = (node_id(&gateway), node_id(&base.ldk.node_id()));
        let numbers = base.ldk.lost.numbers();
        let claims = numbers.into_iter().take(MAX_NODES).filter_map(|number| {
            let text = |node: &PublicKey| statement(&to, &us, &node_id(node), time, close);
            let (node, signature) = base.ldk.signer.claim(number, text)?;
            Some(Claim {
                node_id: node_id(&node),
                signature: signature.serialize_compact().to_lower_hex_string(),
            })
        });
        let claims: Vec<Claim> = claims.collect();
        if claims.is_empty() {
            return;
        }
        let asked = LostGateway { gateway, answered_at: None, wrong_time: false, answers: Vec::new() };
        self.gateways.entry(gateway).or_insert(asked);
        send(base, gateway, &Message::Ask { time, close, number: base.ldk.signer.installation(), claims });
    }

    pub fn answered(&mut self, base: &Base, gateway: PublicKey, message: Message) {
        if !self.gateways.contains_key(&gateway) {
            return;
        }
        match message {
            Message::Answer(answer) => {
                // An installation that was restored itself, and then lost: it is asked for at once.
                if base.ldk.signer.look_for(&base.ldk.lost, &answer.numbers) {
                    base.chain.ask_rescan(base.ldk.wallet.birthday());
                    base.notify.notify();
                    self.ask(base, gateway);
                }
                let Some(asked) = self.gateways.get_mut(&gateway) else { return };
                let lists = answer.list.iter();
                let listed =
                    lists.filter_map(|sealed| read_list(base, &answer, sealed)).next().unwrap_or_default();
                if answer.state == LostState::InUse {
                    self.knocks.seen_alive(base, answer.node_id);
                }
                self.knocks.learn(base, answer.node_id, &listed);
                asked.answers.retain(|other| other.answer.node_id != answer.node_id);
                asked.answers.push(LostAnswer { answer, listed });
            }
            Message::Answered => self.ended(base, gateway, false),
            Message::WrongTime { now } => {
                log::warn!("{gateway} has another time ({now}) and tells nothing of lost channels");
                self.ended(base, gateway, true);
            }
            Message::Ask { .. } | Message::Keep { .. } => {}
        }
    }

    fn ended(&mut self, base: &Base, gateway: PublicKey, wrong_time: bool) {
        if let Some(asked) = self.gateways.get_mut(&gateway) {
            (asked.wrong_time, asked.answered_at) = (wrong_time, Some(base.now()));
            base.changed();
        }
    }
}

/// The list that a lost installation has left.
fn read_list(base: &Base, answer: &Answer, sealed: &str) -> Option<Vec<ListedChannel>> {
    let numbers = base.ldk.lost.numbers();
    let key = numbers.into_iter().find_map(|number| {
        let (node, key) = base.ldk.signer.list_key(number)?;
        (node_id(&node) == answer.node_id).then_some(key)
    });
    list::decrypt(sealed, &key?)
}
