//! Nodes whose wallet has a backup: what is not there is not said, and another device goes on where this one stopped.

use std::time::Duration;

use amplet_node::{Node, PayError, Unsaved};
use amplet_protocol::page::{ErrorCode, PaymentStatus};
use amplet_storage::{MemoryBackend, Purpose};
use amplet_transport::Platform;

use crate::world::{Net, World, net_in};

const RESTORE: Purpose = Purpose::Restore { move_here: true };
const SECOND: Duration = Duration::from_secs(1);

/// wallet -> gateway -> payee, the wallet with a backup.
pub fn backed_up() -> Net {
    let world = World::new();
    world.back_up("wallet");
    net_in(world, 300_000_000)
}

/// HTLCs that the gateway has heard of from this peer.
fn heard(gateway: &Node, from: &Node) -> usize {
    let channels = gateway.channels().list().into_iter();
    let shared = channels.filter(|channel| channel.counterparty.node_id == from.node_id());
    shared.map(|channel| channel.pending_inbound_htlcs.len()).sum()
}

/// Both sides of the one channel say the same, and nothing is in flight.
pub fn in_order(wallet: &Node, gateway: &Node) -> u64 {
    let (ours, theirs) = (wallet.channels().list(), gateway.channels().list());
    assert_eq!(ours.len(), 1, "the channel is open");
    let theirs = theirs.iter().find(|other| other.channel_id == ours[0].channel_id).unwrap();
    assert!(ours[0].is_usable && ours[0].pending_outbound_htlcs.is_empty());
    let (here, there) = (wallet.channels().balance_of(&ours[0]), gateway.channels().balance_of(theirs));
    assert_eq!((here.ours_msat, here.theirs_msat), (there.theirs_msat, there.ours_msat));
    here.ours_msat.get()
}

#[test]
fn a_payment_is_not_told_to_the_peer_while_the_backup_does_not_have_it() {
    let Net { world, wallet, gateway, payee } = backed_up();
    let invoice = world.ask(&payee, 50_000_000);
    let before = in_order(&wallet, &gateway);
    world.vss.set_unreachable(true);
    let id = world.begin(&wallet, &invoice, 100_000).unwrap();
    world.platform.advance(10 * SECOND);
    assert_eq!(heard(&gateway, &wallet), 0, "nobody has heard of it");
    assert_eq!(world.payment(&wallet, id).unwrap().status, PaymentStatus::Pending);
    // Nothing new begins meanwhile, and it is told why.
    let another = world.ask(&payee, 1_000_000);
    let refused = world.begin(&wallet, &another, 100_000).unwrap_err();
    let PayError::Unsaved(Unsaved::Stalled(trouble)) = refused else { panic!("{refused:?}") };
    assert_eq!(trouble.error.code, ErrorCode::BackupUnreachable);
    world.vss.set_unreachable(false);
    world.platform.advance(20 * SECOND);
    let paid = world.payment(&wallet, id).unwrap();
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    assert_eq!(wallet.storage_trouble(), None);
    let cost = paid.amount_msat.unwrap().get() + paid.fee_msat.unwrap().get();
    assert_eq!(in_order(&wallet, &gateway), before - cost);
}

#[test]
fn a_lost_device_is_replaced_and_its_channels_go_on() {
    let Net { world, wallet, gateway, payee } = backed_up();
    world.pay(&wallet, &world.ask(&payee, 50_000_000));
    world.platform.advance(SECOND);
    let before = in_order(&wallet, &gateway);
    let history = wallet.ledger().events().len();
    world.kill("wallet", wallet);
    world.backups.borrow_mut().insert("wallet".into(), RESTORE);
    let wallet = world.open_on("wallet", MemoryBackend::new());
    assert_eq!(wallet.ledger().events().len(), history);
    world.connect(&wallet, &gateway, "gateway");
    world.platform.advance(SECOND);
    assert_eq!(in_order(&wallet, &gateway), before);
    let paid = world.pay(&wallet, &world.ask(&payee, 20_000_000));
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    world.platform.advance(SECOND);
    in_order(&wallet, &gateway);
    assert!(wallet.old_copy().is_none() && world.mempool.borrow().is_empty());
}

/// Another device takes the wallet over at any moment of a payment: the first one stops, and the payment ends once, exactly.
#[test]
fn another_device_takes_over_in_the_middle_of_a_payment() {
    for moment in (0..120).step_by(15) {
        let Net { world, wallet, gateway, payee } = backed_up();
        world.vss.set_delay_ms(20);
        let before = in_order(&wallet, &gateway);
        let id = world.begin(&wallet, &world.ask(&payee, 50_000_000), 100_000).unwrap();
        world.platform.advance(Duration::from_millis(moment));
        world.backups.borrow_mut().insert("wallet@2".into(), RESTORE);
        let second = world.open_on("wallet@2", MemoryBackend::new());
        // The first one hears of it, and lets its connections go.
        world.platform.advance(10 * SECOND);
        assert!(wallet.peers().list().is_empty(), "after {moment} ms the first one still speaks");
        world.connect(&second, &gateway, "gateway");
        world.platform.advance(20 * SECOND);
        let paid = match world.payment(&second, id) {
            // It was not durable: nobody has heard of it.
            None => 0,
            Some(paid) if paid.status == PaymentStatus::Succeeded => {
                paid.amount_msat.unwrap().get() + paid.fee_msat.unwrap().get()
            }
            Some(paid) => panic!("after {moment} ms: {paid:?}"),
        };
        assert_eq!(in_order(&second, &gateway), before - paid, "after {moment} ms");
        assert!(world.mempool.borrow().is_empty(), "a channel was closed");
    }
}

/// Another device may have gone on: then it would be a revoked one.
#[test]
fn a_commitment_waits_until_the_backup_knows_that_the_channel_is_closed() {
    let Net { world, wallet, .. } = backed_up();
    let channel = wallet.channels().list()[0].channel_id;
    world.vss.set_unreachable(true);
    wallet.channels().close(channel, true).unwrap();
    world.platform.advance(90 * SECOND);
    assert!(world.mempool.borrow().is_empty(), "it left before the backup knew of it");
    world.vss.set_unreachable(false);
    world.platform.advance(30 * SECOND);
    assert!(!world.mempool.borrow().is_empty());
}

#[test]
fn without_its_backup_a_wallet_opens_and_follows_the_chain_and_begins_nothing() {
    let Net { world, wallet, gateway, payee } = backed_up();
    world.kill("wallet", wallet);
    world.vss.set_unreachable(true);
    let wallet = world.open("wallet");
    wallet.peers().connect_persistently(World::address(&gateway, "gateway")).unwrap();
    let invoice = world.ask(&payee, 1_000_000);
    world.platform.advance(5 * SECOND);
    world.mine(3);
    let height = world.server.chain.borrow().height();
    assert_eq!(wallet.sync().best_block().0, height);
    assert!(wallet.onchain().balance().0 > 0 && wallet.peers().list().is_empty());
    let refused = world.begin(&wallet, &invoice, 100_000).unwrap_err();
    assert!(matches!(refused, PayError::Unsaved(Unsaved::Stalled(_))), "{refused:?}");
    world.vss.set_unreachable(false);
    world.platform.advance(20 * SECOND);
    assert_eq!(world.pay(&wallet, &invoice).status, PaymentStatus::Succeeded);
}

/// Payments of a row of [`costs_of_a_backup`].
const MEASURED: u32 = 5;

/// What a payment costs the wallet, on average.
struct Cost {
    commits: u64,
    round_trips: u64,
    bytes: u64,
    took: Duration,
}

fn cost(world: &World, wallet: &Node, from: &Node, to: &Node) -> Cost {
    let sent_bytes = || world.backup_of("wallet").map_or(0, |backup| backup.sent_bytes);
    let (puts, commits, bytes) = (world.vss.puts(), wallet.commits(), sent_bytes());
    let mut took = Duration::ZERO;
    for _ in 0..MEASURED {
        let invoice = world.ask(to, 3_000_000);
        let began = world.platform.monotonic();
        assert_eq!(world.pay(from, &invoice).status, PaymentStatus::Succeeded);
        took += world.platform.monotonic() - began;
        world.platform.advance(5 * SECOND);
    }
    let measured = u64::from(MEASURED);
    Cost {
        commits: (wallet.commits() - commits) / measured,
        round_trips: (world.vss.puts() - puts) / measured,
        bytes: (sent_bytes() - bytes) / measured,
        took: took / MEASURED,
    }
}

/// What a backup costs where each message and each answer of its server is under way for half the delay: printed by
/// `cargo test -p amplet-node --test it costs_of_a_backup -- --nocapture`.
#[test]
fn costs_of_a_backup() {
    let nets = [backed_up(), net_in(World::new(), 300_000_000)];
    for (delay_ms, side) in [0, 20, 100].into_iter().flat_map(|delay| [(delay, "payer"), (delay, "payee")]) {
        let [with, without] = nets.each_ref().map(|Net { world, wallet, payee, .. }| {
            world.vss.set_delay_ms(delay_ms);
            world.way.set(Duration::from_millis(u64::from(delay_ms) / 2));
            let (from, to) = if side == "payer" { (wallet, payee) } else { (payee, wallet) };
            cost(world, wallet, from, to)
        });
        let Cost { commits, round_trips, bytes, took } = with;
        println!(
            "{side} at {delay_ms} ms: {commits} commits, {round_trips} round trips, {bytes} bytes, {} ms; without: {} commits, {} ms",
            took.as_millis(),
            without.commits,
            without.took.as_millis(),
        );
        assert!(round_trips <= commits, "at most one round trip per step");
        let most = without.took + commits as u32 * Duration::from_millis(u64::from(delay_ms));
        assert!(
            took <= most,
            "a round trip of more than one step's is waited for: {took:?}, at most {most:?}"
        );
    }
    let Net { wallet, gateway, .. } = &nets[0];
    in_order(wallet, gateway);
}
