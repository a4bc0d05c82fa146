//! Forwarding fees that the operator changes.

use std::time::Duration;

use amplet_protocol::page::PaymentStatus;

use crate::world::{Net, World, msat, net_in, two_wallets};

/// They reach the channels that exist, and whoever pays over them, without anybody opening a channel anew.
#[test]
fn changed_fees_reach_channels_that_exist() {
    let Net { world, wallet, payee, .. } = net_in(World::new(), 400_000_000);
    let fee = |node: &amplet_node::Node| {
        let paid = world.pay(node, &world.ask(&payee, 10_000_000));
        assert_eq!(paid.status, PaymentStatus::Succeeded);
        paid.fee_msat
    };
    assert_eq!(fee(&wallet), Some(msat(1000 + 1000)));
    let forward = world.forwards.borrow()[0];
    assert_eq!((forward.amount_msat, forward.fee_msat), (msat(10_000_000), Some(msat(2_000))));
    assert_eq!(forward.channel.0, payee.channels().list()[0].channel_id.0);
    for fees @ (base, ppm) in [(0, 50), (3000, 2000)] {
        world.close("gateway", world.node("gateway"));
        world.fees.set(fees);
        let gateway = world.open("gateway");
        world.connect(&gateway, &payee, "payee");
        world.connected(&wallet, gateway.node_id());
        // A wallet asks for news of the network every hour.
        world.platform.advance(Duration::from_secs(2 * 3600));
        let expected = Some(msat(u64::from(base) + 10_000_000 * u64::from(ppm) / 1_000_000));
        assert_eq!(fee(&wallet), expected);
        assert_eq!(world.forwards.borrow().last().and_then(|forward| forward.fee_msat), expected);
    }
}

/// The same while the gateway runs, and for a channel to a wallet, whose invoices carry the terms.
#[test]
fn terms_change_while_the_gateway_runs() {
    let (world, [wallet, gateway, other]) = two_wallets();
    for (base, ppm) in [(0, 50), (3000, 2000), (1000, 100)] {
        world.fees.set((base, ppm));
        gateway.channels().apply_terms();
        world.platform.advance(Duration::from_secs(2));
        let paid = world.pay(&wallet, &world.ask(&other, 10_000_000));
        assert_eq!(paid.status, PaymentStatus::Succeeded);
        assert_eq!(paid.fee_msat, Some(msat(u64::from(base) + 10 * u64::from(ppm))));
    }
}
