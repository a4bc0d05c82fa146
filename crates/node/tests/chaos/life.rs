//! A life: a world, its nodes, and what is down or broken in it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use amplet_chain::testing::FakeServer;
use amplet_node::bitcoin::ScriptBuf;
use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::budget::{BudgetError, BudgetId, Holder, Name as BudgetName, Rules};
use amplet_node::lightning::ln::types::ChannelId;
use amplet_node::lightning_invoice::Bolt11Invoice;
use amplet_node::{Node, OpenChannel, PaymentId};
use amplet_protocol::page::PartHop;
use amplet_transport::Platform;
use futures::FutureExt;

use crate::acts::{MALLORY, NODES, Name, WALLETS, dials};
use crate::devices::Devices;
use crate::world::{Power, Taking, World, msat, open};

/// Limits of the users' and the app's budgets: what is spent is counted where there is one.
const USER_MSAT: u64 = 1_000_000_000_000;
const APP_MSAT: u64 = 100_000_000;

/// Acts after which a chain source's trouble ends by itself.
const TROUBLE: u32 = 4;

/// A running node.
pub struct Member {
    pub node: Node,
    pub power: Rc<Power>,
}

/// A channel that somebody began to open; its capacity is the only one of its size.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    pub from: Name,
    pub to: Name,
    pub sat: u64,
    pub push_sat: u64,
}

/// What the acts have done, beside what the nodes know.
#[derive(Default)]
pub struct Facts {
    pub deposited_sat: BTreeMap<Name, u64>,
    pub openings: Vec<Opening>,
    /// Channels that their owner closed by force.
    pub forced: BTreeSet<ChannelId>,
    /// Channels in use whose funding a reorganisation took out of its block: LDK closes one that waited for that block.
    pub unfunded: BTreeSet<ChannelId>,
    /// Payments from the app's budget.
    pub budgeted: BTreeSet<(Name, PaymentId)>,
    pub invoices: Vec<(Name, Bolt11Invoice)>,
    /// AMP invoices, by payee.
    pub amp_invoices: BTreeMap<Name, String>,
    /// Owners of addresses that somebody sent to.
    pub addresses: BTreeMap<String, Name>,
    /// Blocks mined while a node did not read or write them.
    pub missed: BTreeMap<Name, u32>,
    pub counts: BTreeMap<String, u64>,
}

impl Facts {
    pub fn count(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }
}

/// See the head of this file.
pub struct Life {
    pub world: World,
    pub up: BTreeMap<Name, Member>,
    /// Acts until a node is opened again.
    pub down: BTreeMap<Name, u32>,
    /// Acts until a node without power, whose connections stay, is killed.
    pub silent: BTreeMap<Name, u32>,
    /// Acts until there is room on a disk again.
    pub full: BTreeMap<Name, u32>,
    /// Acts until the chain source is honest again.
    pub trouble: u32,
    /// Filter that the second source forges.
    pub forged: Option<(u32, Vec<u8>)>,
    pub devices: Devices,
    ids: BTreeMap<Name, PublicKey>,
    pub facts: Facts,
}

impl Life {
    /// A network with its first channels, confirmed and announced.
    pub fn new(two_sources: bool, backups: bool) -> Self {
        // Always the same time, so that a seed's life is the same.
        let world = World::at(Duration::from_secs(1_900_000_000));
        if two_sources {
            let chain = world.server.chain.borrow().clone();
            *world.second_source.borrow_mut() = Some(FakeServer::new(chain));
        }
        let mut life = Self {
            world,
            up: BTreeMap::new(),
            down: BTreeMap::new(),
            silent: BTreeMap::new(),
            full: BTreeMap::new(),
            trouble: 0,
            forged: None,
            devices: Devices::default(),
            ids: BTreeMap::new(),
            facts: Facts::default(),
        };
        if backups {
            WALLETS.into_iter().for_each(|name| life.world.back_up(name));
        }
        for name in NODES {
            life.open(name);
            // Several coins, so that channels and their bumps do not wait for each other.
            for sat in [5_000_000, 4_000_000, 500_000] {
                life.deposit(name, sat);
            }
        }
        life.mine(1);
        NODES.into_iter().for_each(|name| life.dial(name));
        life.pass(Duration::from_secs(2));
        life.first_channels();
        life.set_budgets();
        life
    }

    fn first_channels(&mut self) {
        for (from, to, sat, push_sat, announce) in [
            ("gateway", "payee", 3_000_003, 1_000_000, true),
            ("gateway", "second", 2_000_003, 1_000_000, true),
            ("second", "payee", 2_500_003, 1_000_000, true),
            ("wallet", "gateway", 1_000_003, 300_000, false),
            ("other", "second", 1_100_003, 300_000, false),
            (MALLORY, "gateway", 900_003, 300_000, true),
        ] {
            self.facts.openings.push(Opening { from, to, sat, push_sat });
            self.begin_open(from, to, open(sat, push_sat * 1000, announce));
            self.pass(Duration::from_millis(300));
        }
        self.mine(6);
        // Announcements travel.
        self.pass(Duration::from_secs(180));
    }

    fn set_budgets(&mut self) {
        for name in WALLETS {
            let node = self.up[name].node.clone();
            let of_user = Rules { total: Some(msat(USER_MSAT)), ..Rules::default() };
            let of_app = Rules { total: Some(msat(APP_MSAT)), ..Rules::default() };
            let set = async move {
                let change = |policy: &mut amplet_node::budget::Policy,
                              _: &amplet_node::budget::Clock<'_>| {
                    policy.set_rules(BudgetId::USER, of_user)
                };
                node.budgets().change(change).await.unwrap();
                node.budgets()
                    .change(|policy, _| Ok::<_, BudgetError>(policy.open(app(), None, of_app)?.1))
                    .await
                    .unwrap();
            };
            self.within(Duration::from_secs(5), set).expect("budgets are made");
        }
    }

    /// A node, if it is up and has power.
    pub fn node(&self, name: Name) -> Option<Node> {
        let member = self.up.get(name)?;
        (!member.power.is_off()).then(|| member.node.clone())
    }

    pub fn id(&self, name: Name) -> PublicKey {
        self.ids[name]
    }

    pub fn name_of(&self, id: &PublicKey) -> Name {
        self.ids.iter().find(|(_, known)| *known == id).map_or("nobody", |(name, _)| name)
    }

    pub fn name_of_hop(&self, hop: &PartHop) -> Name {
        PublicKey::from_slice(&hop.node.0).map_or("nobody", |id| self.name_of(&id))
    }

    pub fn pass(&self, time: Duration) {
        self.world.platform.advance(time);
    }

    /// Runs `work` for so long at most; what is not done then goes on by itself.
    pub fn within<T: 'static>(&self, limit: Duration, work: impl Future<Output = T> + 'static) -> Option<T> {
        let slot = self.begin(work);
        let end = self.world.platform.monotonic() + limit;
        loop {
            self.world.platform.run_until_stalled();
            let done = slot.borrow_mut().take();
            if done.is_some() || self.world.platform.monotonic() >= end {
                return done;
            }
            self.pass(Duration::from_millis(10));
        }
    }

    /// Begins `work`; its result is found in what is returned.
    pub fn begin<T: 'static>(&self, work: impl Future<Output = T> + 'static) -> Rc<RefCell<Option<T>>> {
        let slot = Rc::new(RefCell::new(None));
        let out = Rc::clone(&slot);
        self.world.platform.spawn(async move { *out.borrow_mut() = Some(work.await) }.boxed_local());
        slot
    }

    pub fn begin_open(&self, from: Name, to: Name, how: OpenChannel) {
        let Some(node) = self.node(from) else { return };
        let to = self.id(to);
        self.begin(async move { node.channels().open(to, &how).await.is_ok() });
    }

    pub fn script(&self, name: Name) -> Option<ScriptBuf> {
        let node = self.node(name)?;
        let address = async move { node.onchain().new_address().await };
        Some(self.within(Duration::from_secs(1), address)?.ok()?.script_pubkey())
    }

    pub fn deposit(&mut self, to: Name, sat: u64) -> bool {
        let Some(script) = self.script(to) else { return false };
        self.world.deposit_to(script, sat);
        *self.facts.deposited_sat.entry(to).or_default() += sat;
        true
    }

    /// Mines what waits, and empty blocks above it up to so many; who can reads them.
    pub fn mine(&mut self, blocks: u32) {
        let mut left = blocks;
        while left > 0 {
            let has_htlcs = |member: &Member| {
                let channels = member.node.channels().list();
                channels
                    .iter()
                    .any(|it| !it.pending_inbound_htlcs.is_empty() || !it.pending_outbound_htlcs.is_empty())
            };
            // No more at once than LDK's margins allow to whoever is there.
            let step = if self.up.values().any(has_htlcs) { left.min(12) } else { left };
            self.world.mine_silently();
            self.world.server.chain.borrow_mut().mine_empty(step - 1);
            left -= step;
            self.count_missed(step);
            self.tell_blocks();
        }
    }

    fn count_missed(&mut self, blocks: u32) {
        for name in NODES {
            let is_well = self.node(name).is_some()
                && !self.full.contains_key(name)
                && self.trouble == 0
                && !self.lacks_backup(name);
            if !is_well {
                *self.facts.missed.entry(name).or_default() += blocks;
            }
        }
    }

    /// Everybody asks for blocks.
    pub fn tell_blocks(&mut self) {
        if let Some(second) = &*self.world.second_source.borrow() {
            let mut chain = self.world.server.chain.borrow().clone();
            if let Some((height, filter)) = &self.forged {
                chain.forge_filter(*height, filter.clone());
            }
            *second.chain.borrow_mut() = chain;
        }
        for member in self.up.values() {
            let node = member.node.clone();
            self.begin(async move { node.sync().now().await.is_ok() });
        }
        self.pass(Duration::from_millis(1_500));
    }

    /// Opens a node on its disk.
    pub fn open(&mut self, name: Name) {
        let (node, power) = self.world.open_powered(name);
        self.ids.insert(name, node.node_id());
        self.up.insert(name, Member { node, power });
        self.down.remove(name);
        if self.ids.len() == NODES.len() {
            self.dial(name);
        }
    }

    /// Dials whom a node always dials, and whoever it has a channel with.
    pub fn dial(&self, name: Name) {
        let Some(node) = self.node(name) else { return };
        let peers =
            node.channels().list().into_iter().map(|channel| self.name_of(&channel.counterparty.node_id));
        let all: BTreeSet<Name> = peers.chain(dials(name).iter().copied()).collect();
        all.into_iter().for_each(|to| self.connect(&node, to));
    }

    pub fn connect(&self, node: &Node, to: Name) {
        let Some(id) = self.ids.get(to) else { return };
        let address = format!("{id}@ws://{to}/lightning/v1").parse().unwrap();
        node.peers().connect_persistently(address).unwrap();
    }

    /// Ends a process at once, for so many acts.
    pub fn kill(&mut self, name: Name, acts: u32) {
        if let Some(member) = self.up.remove(name) {
            self.world.kill(name, member.node);
            self.silent.remove(name);
            self.down.insert(name, acts);
        }
    }

    /// Closes a node in good order, as far as it can be, for so many acts.
    pub fn close(&mut self, name: Name, acts: u32) {
        let Some(node) = self.node(name) else { return };
        let closing = async move { node.close().await };
        self.within(Duration::from_secs(10), closing);
        self.kill(name, acts);
    }

    /// One act has passed: what is down comes back when its time has come.
    pub fn tick(&mut self) {
        let over = |map: &mut BTreeMap<Name, u32>| -> Vec<Name> {
            map.values_mut().for_each(|left| *left = left.saturating_sub(1));
            map.iter().filter(|(_, left)| **left == 0).map(|(name, _)| *name).collect()
        };
        for name in over(&mut self.full) {
            self.lift(name);
        }
        for name in over(&mut self.down) {
            self.open(name);
        }
        for name in over(&mut self.silent) {
            self.kill(name, 0);
            self.open(name);
        }
        self.trouble = self.trouble.saturating_sub(1);
        if self.trouble == 0 {
            self.be_honest();
        }
        self.end_backup_trouble();
    }

    pub fn lift(&mut self, name: Name) {
        self.full.remove(name);
        self.world.disk(name).set_quota(None);
    }

    /// A chain source's trouble begins.
    pub fn begin_trouble(&mut self) {
        self.be_honest();
        self.trouble = TROUBLE;
    }

    pub fn be_honest(&mut self) {
        self.trouble = 0;
        let server = &self.world.server;
        server.down.set(false);
        *server.stalls.borrow_mut() = None;
        server.filter_lag.set(0);
        *server.tamper.borrow_mut() = None;
        *self.world.taking.borrow_mut() = Taking::Honest;
        if self.forged.take().is_some() {
            self.tell_blocks();
        }
    }

    /// All is well again: sources, disks, power, connections.
    pub fn heal(&mut self) {
        self.be_honest();
        self.heal_backups();
        *self.world.server.fees.borrow_mut() = Some("{}".to_owned());
        self.world.refuse_keysends.set(false);
        self.world.trust_zero_conf.set(false);
        self.world.answer_no_channel.set(false);
        for name in NODES {
            self.lift(name);
            if let Some(member) = self.up.get(name) {
                member.power.disarm();
            }
            if self.node(name).is_none() {
                self.kill(name, 0);
                self.open(name);
            }
        }
        NODES.into_iter().for_each(|name| self.dial(name));
        self.pass(Duration::from_secs(30));
    }
}

/// Holder of the app's budget.
pub fn app() -> Holder {
    Holder::App { id: BudgetName::parse("game").unwrap() }
}
