//! The smallest networks: one channel, and one hop in between.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::Node;
use amplet_node::bitcoin::Transaction;
use amplet_protocol::page::EventKind;
use amplet_storage::{MemoryBackend, Store};

use super::mempool::is_commitment;
use super::{Killable, World, open};

/// wallet -> gateway -> payee.
pub struct Net {
    pub world: World,
    pub wallet: Node,
    pub gateway: Node,
    pub payee: Node,
}

/// wallet -> gateway -> payee, both channels open and confirmed.
pub fn net() -> Net {
    net_in(World::new(), 0)
}

/// The same in a world of the test's own; `push_msat` of the wallet's channel are the gateway's.
pub fn net_in(world: World, push_msat: u64) -> Net {
    let gateway = world.open("gateway");
    let payee = world.open("payee");
    let wallet = world.open("wallet");
    world.fund(&gateway, 10_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&gateway, &payee, "payee");
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&gateway, &payee, open(5_000_000, 2_000_000_000, true));
    world.channel(&wallet, &gateway, open(1_000_000, push_msat, false));
    // Announcements travel.
    world.platform.advance(Duration::from_secs(180));
    Net { world, wallet, gateway, payee }
}

/// wallet -> gateway -> other: two wallets, each with a channel of its own, and none of them announced.
pub fn two_wallets() -> (World, [Node; 3]) {
    let world = World::new();
    let [gateway, wallet, other] = ["gateway", "wallet", "other"].map(|name| world.open(name));
    world.fund(&gateway, 10_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.connect(&other, &gateway, "gateway");
    world.channel(&gateway, &other, open(2_000_000, 0, false));
    world.channel(&wallet, &gateway, open(1_000_000, 0, false));
    world.platform.advance(Duration::from_secs(60));
    (world, [wallet, gateway, other])
}

/// A wallet with a confirmed channel of 1,000,000 sat to a gateway, half of it the gateway's.
pub fn pair() -> (World, Node, Node) {
    let world = World::new();
    let gateway = world.open("gateway");
    let wallet = world.open("wallet");
    world.fund(&gateway, 5_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
    assert!(wallet.channels().list()[0].is_usable);
    (world, wallet, gateway)
}

impl World {
    /// Opens an old copy of the gateway, which meets nobody, and closes its channel by force: what it broadcasts, and is returned, is
    /// revoked.
    pub fn cheat(&self, old: MemoryBackend) -> Transaction {
        let gateway = self.open_on("gateway", old);
        let channel = gateway.channels().list()[0].channel_id;
        gateway.channels().close(channel, true).unwrap();
        self.platform.advance(Duration::from_secs(5));
        self.kill("gateway", gateway);
        self.mempool.borrow().iter().find(|tx| is_commitment(tx)).expect("it is broadcast").clone()
    }
}

/// A wallet that holds the preimage of an HTLC which its peer, dead in the middle, never took off the commitment.
pub fn with_a_hanging_htlc() -> (World, Node) {
    for commits in 1..8 {
        let (world, wallet, gateway) = pair();
        world.kill("gateway", gateway);
        let wrap = move |store: Rc<dyn Store>| -> Rc<dyn Store> {
            Rc::new(Killable::new(store, 1 + commits, Rc::default()))
        };
        let gateway = world.open_with("gateway", world.disk("gateway"), wrap);
        world.platform.advance(Duration::from_secs(3));
        // The wallet's part of the payment may be begun or not, as far as the gateway lives.
        let _ = world.begin(&gateway, &world.ask(&wallet, 100_000_000), 0);
        world.platform.advance(Duration::from_secs(3));
        world.kill("gateway", gateway);
        let received =
            wallet.ledger().events().iter().any(|e| matches!(e.kind, EventKind::PaymentReceived { .. }));
        if received && !wallet.channels().list()[0].pending_inbound_htlcs.is_empty() {
            return (world, wallet);
        }
    }
    panic!("no death of the gateway leaves the HTLC on the commitment");
}
