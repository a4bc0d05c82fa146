//! What users of earlier browser wallets complained of, and the tests of it; those that stand nowhere else are here.
//!
//! | complaint | tests |
//! |---|---|
//! | manager stale against monitor | [`the_manager_is_in_every_commit_that_a_monitor_is_in`]; `monitors::a_wallet_killed_after_any_payment_goes_on_where_it_was`, `payments::a_payment_survives_the_wallets_death_at_every_step` |
//! | monitor stale on a second device | `copies::an_old_copy_is_recognised_and_says_nothing` and the others there; flows `old_copy` |
//! | HTLC timing out while closed | `absence::*`, `both_ways::*`, `closed::an_htlc_taken_back_after_its_expiry_while_the_wallet_was_closed_is_not_counted`; gateway `absences_with_htlcs_in_both_directions` |
//! | two devices | `copies::two_live_copies_are_told_apart_while_both_are_as_old`, `copies::a_second_installation_of_a_fresh_mnemonic_is_refused_and_closes_nothing`, `ends::of_two_devices_that_spend_one_coin_the_losers_payment_fails_and_frees_its_reservation` |
//! | false "already running" | [`a_wallet_whose_process_was_killed_opens_at_once`]; `channels::a_second_writer_fences_the_first_out`; e2e `flows/wallet.spec.ts` "shows one wallet in two tabs; the first may go" |
//! | fee disagreement | `sources::a_gateway_that_raises_the_fee_rate_is_not_answered_by_closing`, `together::a_side_that_sees_higher_fees_closes_together` |
//! | anchor bump without a coin | `closing::a_forced_close_without_savings_goes_out_with_its_own_fee_and_asks_for_a_deposit`, `closing::a_forced_close_without_savings_comes_home_without_a_deposit_too` |
//! | sweep after long absence | `absence::three_months_with_a_gateway_that_closed`, `sources::a_sweep_takes_a_quarter_of_what_it_brings_home_at_most` |
//! | 1-sat payment | [`one_satoshi_goes_both_ways`]; `balance::the_balance_moves_by_what_was_paid_from_the_first_satoshi_on` |
//! | stuck pending | `payments::a_payment_under_way_when_the_wallet_is_closed_has_its_end_after_opening_again`, `sources::a_payment_that_all_sources_refuse_and_nobody_shows_ends_after_an_hour_of_blocks`, `ends::*` |
//! | receive in background | [`money_that_comes_to_a_page_that_nobody_sees_is_told_at_the_next_start`] |
//! | reserve and spendable balance right | `balance::what_can_be_spent_can_be_paid_in_one_press`, `balance::both_sides_and_what_is_in_flight_are_the_capacity_to_the_millisatoshi`, `closing::the_reserve_is_held_until_a_closing_channel_needs_it_no_more` |
//! | start with the provider down | [`a_wallet_opens_while_its_gateway_is_down_and_pays_when_it_is_back`]; `channels::a_wallet_opens_and_pays_while_no_chain_source_answers`, `half_sources::*` |
//! | start with 1,000 past payments | `history::a_wallet_opens_with_as_many_reads_however_long_its_history_is` (5,000; reads are counted, not seconds) |
//! | storage denied | `disk_full::*`, `damaged::*`; gateway `a_full_disk_is_told_and_claims_go_out_all_the_same` |

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::page::{EventKind, PaymentStatus};

use crate::world::{World, open, pair, through};

#[test]
fn the_manager_is_in_every_commit_that_a_monitor_is_in() {
    let world = World::new();
    let commits: Rc<RefCell<Vec<Vec<String>>>> = Rc::default();
    let log = Rc::clone(&commits);
    let gateway = world.open("gateway");
    let wallet = world.open_with("wallet", world.disk("wallet"), move |inner| {
        through(inner, move |store, batch| {
            log.borrow_mut().push(batch.iter().map(|(name, _)| name.to_owned()).collect());
            async move { store.commit(batch).await }
        })
    });
    world.fund(&wallet, 2_000_000);
    world.connect(&wallet, &gateway, "gateway");
    world.channel(&wallet, &gateway, open(1_000_000, 500_000_000, false));
    for (from, to) in [(&wallet, &gateway), (&gateway, &wallet)] {
        assert_eq!(world.pay(from, &world.ask(to, 50_000_000)).status, PaymentStatus::Succeeded);
        world.platform.advance(Duration::from_secs(90));
        world.mine(1);
    }
    wallet.channels().close(wallet.channels().list()[0].channel_id, true).unwrap();
    world.platform.advance(Duration::from_secs(5));
    world.mine(1);
    let commits = commits.borrow();
    let with = |prefix: &str, names: &[String]| names.iter().any(|name| name.starts_with(prefix));
    let of_monitors: Vec<_> = commits.iter().filter(|names| with("ldk/monitor", names)).collect();
    assert!(of_monitors.len() > 10, "{}", of_monitors.len());
    for names in of_monitors {
        assert!(with("ldk/manager", names), "{names:?}");
    }
}

#[test]
fn a_wallet_whose_process_was_killed_opens_at_once() {
    let (world, mut wallet, gateway) = pair();
    for _ in 0..3 {
        world.kill("wallet", wallet);
        // The same disk, on which the dead one closed nothing and said no goodbye.
        wallet = world.open("wallet");
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(3));
        assert_eq!(world.pay(&wallet, &world.ask(&gateway, 1_000_000)).status, PaymentStatus::Succeeded);
    }
}

#[test]
fn one_satoshi_goes_both_ways() {
    let (world, wallet, gateway) = pair();
    let before = wallet.channels().balance().lightning_msat.get();
    assert_eq!(world.pay(&gateway, &world.ask(&wallet, 1_000)).status, PaymentStatus::Succeeded);
    world.platform.advance(Duration::from_secs(2));
    assert_eq!(wallet.channels().balance().lightning_msat.get(), before + 1_000);
    assert_eq!(world.pay_within(&wallet, &world.ask(&gateway, 1_000), 0).status, PaymentStatus::Succeeded);
    world.platform.advance(Duration::from_secs(2));
    assert_eq!(wallet.channels().balance().lightning_msat.get(), before);
    assert_eq!(wallet.channels().list().len(), 1);
}

#[test]
fn money_that_comes_to_a_page_that_nobody_sees_is_told_at_the_next_start() {
    let (world, wallet, gateway) = pair();
    let invoice = world.ask(&wallet, 7_000_000);
    world.close("wallet", wallet);
    world.hidden.set(true);
    let wallet = world.open("wallet");
    world.connect(&wallet, &gateway, "gateway");
    world.platform.advance(Duration::from_secs(120));
    let paid = world.pay(&gateway, &invoice);
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    // The browser takes the page away before anybody has looked.
    world.kill("wallet", wallet);
    world.hidden.set(false);
    let wallet = world.open("wallet");
    world.connect(&wallet, &gateway, "gateway");
    world.platform.advance(Duration::from_secs(5));
    let told = wallet.ledger().events().iter().any(|event| match &event.kind {
        EventKind::PaymentReceived { payment } => payment.id == paid.id,
        _ => false,
    });
    assert!(told);
    assert_eq!(world.payment(&wallet, paid.id).unwrap().status, PaymentStatus::Succeeded);
}

#[test]
fn a_wallet_opens_while_its_gateway_is_down_and_pays_when_it_is_back() {
    let (world, wallet, gateway) = pair();
    let balance = wallet.channels().balance().lightning_msat;
    world.close("wallet", wallet);
    world.close("gateway", gateway.clone());
    let wallet = world.open("wallet");
    wallet.peers().connect_persistently(World::address(&gateway, "gateway")).unwrap();
    world.platform.advance(Duration::from_secs(600));
    assert_eq!(wallet.channels().balance().lightning_msat, balance, "it is shown");
    assert!(world.mempool.borrow().is_empty(), "nobody closes for that");
    let gateway = world.open("gateway");
    world.connected(&wallet, gateway.node_id());
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 1_000_000)).status, PaymentStatus::Succeeded);
}
