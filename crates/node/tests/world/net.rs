//! The smallest network with a hop in between.

use std::time::Duration;

use amplet_node::Node;

use super::{World, open};

/// wallet -> gateway -> payee.
pub struct Net {
    pub world: World,
    pub wallet: Node,
    pub gateway: Node,
    pub payee: Node,
}

/// wallet -> gateway -> payee, both channels open and confirmed.
pub fn net() -> Net {
    let world = World::new();
    let gateway = world.open("gateway");
    let payee = world.open("payee");
    let wallet = world.open("wallet");
    world.fund(&gateway, 10_000_000);
    world.fund(&wallet, 2_000_000);
    world.connect(&gateway, &payee, "payee");
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&gateway, &payee, open(5_000_000, 2_000_000_000, true));
    world.channel(&wallet, &gateway, open(1_000_000, 0, false));
    // Announcements travel.
    world.platform.advance(Duration::from_secs(180));
    Net { world, wallet, gateway, payee }
}
