//! Size of a wallet's backup by the number of its payments, half of them made and half received, in a network in memory:
//! `cargo run --profile fuzz -p amplet-node --example backup_size -- 10000`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[cfg(not(feature = "std"))]
#[path = "../tests/world/mod.rs"]
mod world;

/// Time is virtual here, and LDK with `std` reads the system's clock.
#[cfg(feature = "std")]
fn main() {}

#[cfg(not(feature = "std"))]
fn main() {
    use amplet_protocol::page::PaymentStatus;
    use std::time::Duration;

    let most: u32 = std::env::args().nth(1).map_or(10_000, |number| number.parse().unwrap());
    let world = world::World::new();
    world.back_up("wallet");
    let world::Net { world, wallet, payee, .. } = world::net_in(world, 300_000_000);
    println!("payments  records  kB on the server  kB sent a payment");
    let mut sent = 0;
    for number in 0..=most {
        if number.is_power_of_two() || number % 1_000 == 0 {
            let (records, bytes) = world.vss.usage();
            let now = world.backup_of("wallet").unwrap().sent_bytes;
            println!(
                "{number:8}  {records:7}  {:16}  {:17}",
                bytes / 1_000,
                now.saturating_sub(sent) / 1_000
            );
        }
        sent = world.backup_of("wallet").unwrap().sent_bytes;
        let (from, to) = if number % 2 == 0 { (&wallet, &payee) } else { (&payee, &wallet) };
        let paid = world.pay(from, &world.ask(to, 1_000_000));
        assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
        world.platform.advance(Duration::from_secs(1));
        // As an application does, which has shown them.
        wallet.ledger().events().iter().for_each(|event| wallet.ledger().ack(event.id));
    }
}
