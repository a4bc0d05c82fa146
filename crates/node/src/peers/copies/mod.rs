//! Copies of this node's storage, told apart with the help of gateways ([`amplet_protocol::copies`]): a wallet reports how far it
//! has come, a gateway keeps it and tells it on the next connection. What it tells is no proof: it makes the wallet wait and warn.

mod kept;
mod own;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::{Rc, Weak};

use amplet_protocol::copies::{
    KEEPS_BIT, KEPT_BIT, MAX_CHANNELS, MAX_MESSAGE, MESSAGE_TYPE, Message, Record,
};
use amplet_protocol::{Canary, ChannelId, InstanceId, NodeId};
use amplet_storage::StoreError;
use bitcoin::secp256k1::PublicKey;
use lightning::ln::msgs::Init;
use lightning::ln::types::ChannelId as LdkChannelId;

use crate::base::Base;
use crate::config::Role;
use crate::ldk::absence::safe_until;
use crate::ldk::intercept::has_bit;
use crate::ldk::messages::MessageHandler;
use kept::{Kept, Taken};
use own::Own;

/// Signs of other copies of this storage, none of them a proof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// A gateway claims that a later state of a channel exists. The channel rests for ten minutes at most.
    pub later: bool,
    /// Another copy has been connected since this one: both are as old.
    pub elsewhere: bool,
    /// Gateways that know another installation by this node id.
    pub other_installation: BTreeSet<PublicKey>,
}

enum Side {
    Wallet(Own),
    Gateway(Kept),
}

/// What a wallet has reported: its counters, and at which height.
type Told = (BTreeMap<ChannelId, u64>, u32);

/// The service.
pub struct Copies {
    base: Weak<Base>,
    side: RefCell<Side>,
    /// Connected gateways that keep this node's record.
    keepers: RefCell<BTreeSet<PublicKey>>,
    /// What was reported last.
    told: RefCell<Told>,
    findings: RefCell<Findings>,
}

impl Copies {
    pub(crate) async fn open(base: &Rc<Base>) -> Result<Rc<Self>, StoreError> {
        let side = match base.config.role {
            Role::Wallet => Side::Wallet(Own::open(&*base.store, &base.staged, &*base.platform).await?),
            Role::Gateway(_) => Side::Gateway(Kept::open(&*base.store).await?),
        };
        let copies = Rc::new(Self {
            base: Rc::downgrade(base),
            side: RefCell::new(side),
            keepers: RefCell::default(),
            told: RefCell::default(),
            findings: RefCell::default(),
        });
        base.ldk.messages.register(MESSAGE_TYPE, Rc::clone(&copies) as Rc<dyn MessageHandler>);
        Ok(copies)
    }

    /// Signs of other copies that were found since the node was opened, and still count.
    pub fn findings(&self) -> Findings {
        let mut findings = self.findings.borrow().clone();
        findings.later |= self.base.upgrade().is_some_and(|base| base.ldk.intercept.doubts());
        findings
    }

    /// Nodes that keep their record here, have a channel and are not connected, each with the height before which it has to run again,
    /// as it said last.
    pub fn away(&self) -> Vec<(NodeId, u32)> {
        let (Some(base), Side::Gateway(kept)) = (self.base.upgrade(), &*self.side.borrow()) else {
            return Vec::new();
        };
        let is_away = |node: &NodeId| {
            let peer = PublicKey::from_slice(&node.0);
            peer.is_ok_and(|peer| {
                !base.ldk.messages.is_connected(&peer)
                    && !base.ldk.manager.list_channels_with_counterparty(&peer).is_empty()
            })
        };
        kept.safe_until().filter(|(node, _)| is_away(node)).collect()
    }

    /// Reports what committed steps have changed since the last report.
    pub(crate) fn report_changes(&self) {
        let Some(base) = self.base.upgrade() else { return };
        let Side::Wallet(own) = &*self.side.borrow() else { return };
        // With a block the wallet may stay away until another one.
        let now = (counters(&base), base.ldk.manager.current_best_block().height);
        if *self.told.borrow() == now {
            return;
        }
        let counters = now.0.clone();
        let (told, _) = self.told.replace(now);
        // With a new channel a gateway may begin to keep a record: it gets all of it.
        let is_whole = !told.keys().eq(counters.keys());
        let is_new = |(channel, counter): &(ChannelId, u64)| is_whole || told.get(channel) != Some(counter);
        let counters = counters.into_iter().filter(is_new).collect();
        let report = report(&base, own.instance, None, counters);
        for keeper in &*self.keepers.borrow() {
            send(&base, *keeper, &report);
        }
    }

    /// The gateway has told what it keeps of this wallet.
    fn heed(&self, base: &Rc<Base>, own: &mut Own, gateway: PublicKey, kept: &Record) {
        let id = NodeId(gateway.serialize());
        let ours = counters(base);
        let known: BTreeSet<LdkChannelId> = base.ldk.monitors.list_monitors().into_iter().collect();
        let ldk_id = |channel: &ChannelId| LdkChannelId(channel.0);
        let unknown = kept.counters.keys().map(ldk_id).filter(|channel| !known.contains(channel)).collect();
        let later =
            kept.counters.iter().filter(|(channel, kept)| ours.get(channel).is_some_and(|ours| *kept > ours));
        let later: Vec<LdkChannelId> = later.map(|(channel, _)| ldk_id(channel)).collect();
        let other = kept.instance.is_some_and(|instance| instance != own.instance);
        let channels = base.ldk.manager.list_channels_with_counterparty(&gateway);
        {
            let mut findings = self.findings.borrow_mut();
            // Of its own channels its next word, `channel_reestablish`, says more.
            findings.later |=
                later.iter().any(|later| !channels.iter().any(|channel| channel.channel_id == *later));
            findings.elsewhere |= !other && kept.canary.is_some_and(|canary| !own.knows(&id, &canary));
            if other {
                findings.other_installation.insert(gateway);
            }
        }
        base.ldk.intercept.kept(gateway, &later, unknown, other);
        base.changed();
        if !channels.is_empty() && !other {
            let canary = own.renew(id, kept.canary, &base.staged, &*base.platform);
            leave_canary(base, gateway, own, canary);
        }
    }
}

/// Leaves a new canary with a gateway once it is durable here: one that only the gateway knows would be taken for another copy's.
fn leave_canary(base: &Rc<Base>, gateway: PublicKey, own: &Own, canary: Canary) {
    let instance = own.instance;
    let (shared, durable) = (Rc::clone(base), base.staged.with_step());
    base.while_open(async move {
        if matches!(durable.await, Ok(Ok(()))) && !shared.staged.old_copy.is_set() {
            send(&shared, gateway, &report(&shared, instance, Some(canary), BTreeMap::new()));
        }
    });
}

/// By open channel: the number of its newest committed change.
fn counters(base: &Base) -> BTreeMap<ChannelId, u64> {
    let open = base.ldk.manager.list_channels().into_iter().filter(|channel| channel.funding_txo.is_some());
    let counter = |id: LdkChannelId| {
        let monitor = base.ldk.monitors.get_monitor(id).ok()?;
        Some((ChannelId(id.0), monitor.get_latest_update_id()))
    };
    open.filter_map(|channel| counter(channel.channel_id)).take(MAX_CHANNELS).collect()
}

/// A wallet's report, with the height before which it has to run again.
fn report(
    base: &Base,
    instance: InstanceId,
    canary: Option<Canary>,
    counters: BTreeMap<ChannelId, u64>,
) -> Message {
    Message::Report(Record { instance: Some(instance), canary, counters, safe_until: safe_until(&base.ldk) })
}

fn send(base: &Base, peer: PublicKey, message: &Message) {
    base.ldk.messages.send_json(peer, MESSAGE_TYPE, message);
}

impl MessageHandler for Copies {
    fn max_len(&self) -> usize {
        MAX_MESSAGE
    }

    fn connected(&self, peer: PublicKey, init: &Init) {
        let Some(base) = self.base.upgrade() else { return };
        match &*self.side.borrow() {
            Side::Wallet(own) if has_bit(init, KEEPS_BIT) => {
                self.keepers.borrow_mut().insert(peer);
                send(&base, peer, &report(&base, own.instance, None, counters(&base)));
            }
            Side::Gateway(kept) if has_bit(init, KEPT_BIT) => {
                send(&base, peer, &Message::Kept(kept.get(&NodeId(peer.serialize()))));
            }
            Side::Wallet(_) | Side::Gateway(_) => {}
        }
    }

    fn disconnected(&self, peer: PublicKey) {
        self.keepers.borrow_mut().remove(&peer);
    }

    fn received(&self, peer: PublicKey, bytes: &[u8]) {
        let Some(base) = self.base.upgrade() else { return };
        // One of a later release is not understood, which is no reason to hang up.
        let Ok(message) = serde_json::from_slice(bytes) else { return };
        match (&mut *self.side.borrow_mut(), message) {
            (Side::Wallet(own), Message::Kept(kept)) if self.keepers.borrow().contains(&peer) => {
                self.heed(&base, own, peer, &kept);
            }
            (Side::Gateway(kept), Message::Report(report)) => {
                let channels = base.ldk.manager.list_channels_with_counterparty(&peer);
                let channels: Vec<ChannelId> =
                    channels.iter().map(|channel| ChannelId(channel.channel_id.0)).collect();
                let taken = kept.take(NodeId(peer.serialize()), &report, &channels, &base.staged);
                if taken == Taken::OtherInstallation {
                    log::warn!(
                        "{peer} is another installation than the one that has its channels; its word on them is not taken"
                    );
                    base.ldk.intercept.mute(&peer);
                }
            }
            (Side::Wallet(_), _) | (Side::Gateway(_), _) => {}
        }
    }
}
