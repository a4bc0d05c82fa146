//! Fee bumps and cancellations of on-chain payments.

use std::time::Duration;

use amplet_node::bitcoin::{Address, FeeRate, Transaction};
use amplet_node::budget::{Kind, Period, Rules, Window, WindowLimit};
use amplet_node::{Authorization, Bump, Node, OnchainError, PayError, PaymentId, SendOnchain};
use amplet_protocol::Msat;
use amplet_protocol::page::{BumpMethod, ErrorCode, Payment, PaymentKind, PaymentStatus};

use crate::world::{World, open, pair};

fn setup() -> (World, Node, Node) {
    let world = World::new();
    let payee = world.open("payee");
    let wallet = world.open("wallet");
    world.fund(&wallet, 500_000);
    (world, wallet, payee)
}

fn address(world: &World, node: &Node) -> Address {
    let node = node.clone();
    world.platform.run(async move { node.onchain().new_address().await.unwrap() })
}

fn id(tx: &Transaction) -> PaymentId {
    PaymentId::from_hex(&tx.compute_txid().to_string()).unwrap()
}

fn send(world: &World, node: &Node, to: &Address, sat: u64) -> Transaction {
    send_of(world, node, to, Some(sat))
}

/// The same with everything: `None`.
fn send_of(world: &World, node: &Node, to: &Address, sat: Option<u64>) -> Transaction {
    let rate = FeeRate::from_sat_per_vb(2);
    let signed = node.onchain().build(to, sat, rate).unwrap();
    let (node, tx, address) = (node.clone(), signed.tx.clone(), to.clone());
    let order = SendOnchain { signed, address };
    world.platform.run(async move { node.payments().begin(order, &Authorization::user()).await }).unwrap();
    tx
}

fn make(world: &World, node: &Node, bump: Bump) -> Result<(), PayError> {
    let node = node.clone();
    world.platform.run(async move { node.payments().bump(&bump).await.map(drop) })
}

fn msat(sat: u64) -> Msat {
    Msat::from_sat(sat).unwrap()
}

fn at(sat_per_vb: u64) -> Option<FeeRate> {
    FeeRate::from_sat_per_vb(sat_per_vb)
}

fn record(world: &World, node: &Node, id: PaymentId) -> Payment {
    world.payment(node, id).expect("a record")
}

fn reserved_msat(node: &Node) -> Vec<u64> {
    node.budgets().policy().all_reserved().map(|(_, reserved)| reserved.cost.sum().unwrap().get()).collect()
}

fn spent_msat(world: &World, node: &Node) -> u64 {
    let node = node.clone();
    let sum = |report: &amplet_node::budget::report::Report<'_>| {
        report.rows().map(|(_, sum)| sum.cost.sum().unwrap().get()).sum()
    };
    world.platform.run(async move { node.budgets().spending(None, None, sum).await }).unwrap()
}

#[test]
fn a_sent_payment_is_replaced_by_one_with_a_higher_fee_and_keeps_its_record() {
    let (world, wallet, payee) = setup();
    let first = send(&world, &wallet, &address(&world, &payee), 200_000);
    let bump = wallet.onchain().bump(id(&first), at(20)).unwrap();
    assert_eq!(bump.method, BumpMethod::Replacement);
    assert!(bump.signed.fee_sat > bump.signed.replaced_fee_sat * 9, "{:?}", bump.signed);
    let (second, fee_sat) = (bump.signed.tx.clone(), bump.signed.fee_sat);
    make(&world, &wallet, bump).unwrap();
    assert_eq!(*world.mempool.borrow(), vec![second.clone()]);
    let line = record(&world, &wallet, id(&first));
    assert_eq!(line.txid, Some(second.compute_txid().to_string()));
    assert_eq!(line.replaced.len(), 1);
    assert_eq!((line.status, line.fee_msat), (PaymentStatus::Pending, Some(msat(fee_sat))));
    assert_eq!(reserved_msat(&wallet), vec![(200_000 + fee_sat) * 1000]);
    assert_eq!(wallet.onchain().balance(), (0, 300_000 - fee_sat));
    // A restart in between changes nothing.
    world.close("wallet", wallet);
    let wallet = world.open("wallet");
    world.mine(0);
    let line = record(&world, &wallet, id(&first));
    assert_eq!((line.status, line.fee_msat), (PaymentStatus::Succeeded, Some(msat(fee_sat))));
    assert_eq!(line.confirmations, 1);
    assert!(world.payment(&wallet, id(&second)).is_none(), "one payment, one record");
    assert_eq!(spent_msat(&world, &wallet), (200_000 + fee_sat) * 1000);
    assert_eq!(payee.onchain().balance(), (200_000, 0));
    world.close("wallet", wallet);
    let wallet = world.open("wallet");
    assert!(world.payment(&wallet, id(&second)).is_none());
    let again = wallet.onchain().bump(id(&first), at(30)).unwrap_err();
    assert_eq!(again, OnchainError::NotPending);
}

#[test]
fn the_replaced_transaction_may_confirm_all_the_same() {
    let (world, wallet, payee) = setup();
    let first = send(&world, &wallet, &address(&world, &payee), 200_000);
    let before = record(&world, &wallet, id(&first));
    let bump = wallet.onchain().bump(id(&first), at(20)).unwrap();
    make(&world, &wallet, bump).unwrap();
    *world.mempool.borrow_mut() = vec![first.clone()];
    world.mine(0);
    let line = record(&world, &wallet, id(&first));
    assert_eq!((line.status, line.fee_msat), (PaymentStatus::Succeeded, before.fee_msat));
    assert_eq!(line.txid, before.txid);
    assert_eq!(reserved_msat(&wallet), Vec::<u64>::new());
}

/// Everything was sent, so that nothing else can pay a higher fee.
fn with_nothing_left() -> (World, Node, Node, Transaction) {
    let (world, wallet, payee) = setup();
    let first = send_of(&world, &wallet, &address(&world, &payee), None);
    assert_eq!(first.output.len(), 1);
    (world, wallet, payee, first)
}

#[test]
fn after_a_payment_of_everything_the_payee_pays_the_fee_if_the_user_says_so() {
    let (world, wallet, payee, first) = with_nothing_left();
    let unpaid = wallet.onchain().bump(id(&first), at(20)).unwrap_err();
    assert!(matches!(unpaid, OnchainError::BumpUnpaid { .. }), "{unpaid:?}");
    assert!(unpaid.to_string().contains("let the payee get less"), "the remedy: {unpaid}");
    let mut amounts = vec![first.output[0].value.to_sat()];
    for rate in [20, 40] {
        let bump = wallet.onchain().bump_from_amount(id(&first), at(rate)).unwrap();
        let (amount_sat, fee_sat) = (bump.signed.amount_sat.unwrap(), bump.signed.fee_sat);
        assert_eq!(amount_sat + fee_sat, 500_000);
        let tx = bump.signed.tx.clone();
        assert_eq!(tx.output[0].script_pubkey, first.output[0].script_pubkey);
        make(&world, &wallet, bump).unwrap();
        assert_eq!(*world.mempool.borrow(), vec![tx]);
        let line = record(&world, &wallet, id(&first));
        assert_eq!((line.amount_msat, line.fee_msat), (Some(msat(amount_sat)), Some(msat(fee_sat))));
        assert_eq!(reserved_msat(&wallet), vec![500_000_000], "it costs no more than before");
        amounts.push(amount_sat);
    }
    world.close("wallet", wallet);
    let wallet = world.open("wallet");
    world.mine(0);
    assert_eq!(payee.onchain().balance(), (amounts[2], 0));
    let line = record(&world, &wallet, id(&first));
    assert_eq!((line.status, line.amount_msat), (PaymentStatus::Succeeded, Some(msat(amounts[2]))));
    let paid: Vec<_> = line.replaced.iter().map(|old| old.amount_msat).collect();
    assert_eq!(paid, vec![Some(msat(amounts[0])), Some(msat(amounts[1]))]);
    assert_eq!(spent_msat(&world, &wallet), 500_000_000);
}

#[test]
fn the_amount_is_that_of_the_transaction_that_confirms() {
    let (world, wallet, payee, first) = with_nothing_left();
    let before = record(&world, &wallet, id(&first));
    let bump = wallet.onchain().bump_from_amount(id(&first), at(20)).unwrap();
    make(&world, &wallet, bump).unwrap();
    *world.mempool.borrow_mut() = vec![first.clone()];
    world.mine(0);
    let line = record(&world, &wallet, id(&first));
    assert_eq!((line.amount_msat, line.fee_msat), (before.amount_msat, before.fee_msat));
    assert_eq!(payee.onchain().balance(), (first.output[0].value.to_sat(), 0));
    assert_eq!(spent_msat(&world, &wallet), 500_000_000);
}

#[test]
fn what_the_payee_does_not_pay_for_stays_as_it_was() {
    let (world, wallet, payee) = setup();
    let to = address(&world, &payee);
    let first = send(&world, &wallet, &to, 200_000);
    let change_sat = |tx: &Transaction| {
        let ours = tx.output.iter().filter(|output| output.script_pubkey != to.script_pubkey());
        ours.map(|output| output.value.to_sat()).sum::<u64>()
    };
    let bump = wallet.onchain().bump_from_amount(id(&first), at(20)).unwrap();
    assert_eq!(change_sat(&bump.signed.tx), change_sat(&first), "the change is not touched");
    let more_sat = bump.signed.fee_sat - bump.signed.replaced_fee_sat;
    assert_eq!(bump.signed.amount_sat, Some(200_000 - more_sat));
    // More than the amount is not there.
    assert!(wallet.onchain().bump_from_amount(id(&first), at(5_000)).is_err());
}

#[test]
fn a_replacement_that_pays_too_little_is_refused_with_the_minimum() {
    let (world, wallet, payee) = setup();
    let first = send(&world, &wallet, &address(&world, &payee), 200_000);
    let refused = wallet.onchain().bump(id(&first), at(2)).unwrap_err();
    let OnchainError::BumpTooLow { minimum_sat_per_kvb } = refused else { panic!("{refused:?}") };
    assert!((3_000..=3_100).contains(&minimum_sat_per_kvb), "{minimum_sat_per_kvb}");
    let unpaid = wallet.onchain().bump(id(&first), at(900_000)).unwrap_err();
    assert!(matches!(unpaid, OnchainError::BumpUnpaid { .. }), "{unpaid:?}");
    // What the network refuses leaves the payment with its transaction.
    let bump = wallet.onchain().bump(id(&first), at(20)).unwrap();
    let (before, balance) = (record(&world, &wallet, id(&first)), wallet.onchain().balance());
    let refused_txid = bump.signed.tx.compute_txid().to_string();
    world.mempool.borrow_mut().clear();
    let spent = world.platform.run({
        let payee = payee.clone();
        async move { payee.onchain().new_address().await.unwrap() }
    });
    let rival = Transaction {
        output: vec![amplet_node::bitcoin::TxOut {
            value: amplet_node::bitcoin::Amount::from_sat(1_000),
            script_pubkey: spent.script_pubkey(),
        }],
        ..first.clone()
    };
    world.mempool.borrow_mut().push(rival);
    let refused = make(&world, &wallet, bump).unwrap_err();
    assert!(matches!(refused, PayError::Replacement(_)), "{refused:?}");
    let after = record(&world, &wallet, id(&first));
    assert_eq!((after.txid, after.fee_msat, after.status), (before.txid, before.fee_msat, before.status));
    assert_eq!(wallet.onchain().balance(), balance);
    assert_eq!(after.replaced[0].txid, refused_txid, "who refuses it may relay it");
}

#[test]
fn a_cancelled_payment_comes_back_less_the_fee_and_fails_when_that_is_buried() {
    let (world, wallet, payee) = setup();
    let first = send(&world, &wallet, &address(&world, &payee), 200_000);
    let cancel = wallet.onchain().cancellation(id(&first), None).unwrap();
    let fee_sat = cancel.signed.fee_sat;
    make(&world, &wallet, cancel).unwrap();
    world.mine(4);
    let line = record(&world, &wallet, id(&first));
    assert!(line.cancels);
    assert_eq!(line.status, PaymentStatus::Pending, "it may still be undone");
    world.mine(0);
    let line = record(&world, &wallet, id(&first));
    let PaymentStatus::Failed { error } = line.status else { panic!("{:?}", line.status) };
    assert_eq!((error.code, line.fee_msat), (ErrorCode::Cancelled, Some(msat(fee_sat))));
    assert_eq!(wallet.onchain().balance(), (500_000 - fee_sat, 0));
    assert_eq!(payee.onchain().balance(), (0, 0));
    assert_eq!(reserved_msat(&wallet), Vec::<u64>::new());
    assert_eq!(spent_msat(&world, &wallet), fee_sat * 1000, "the fee is all that was spent");
}

/// The payee is the peer whose channel the same transaction funded: a payment of its change is no channel's money (found by chaos,
/// seed 1129).
#[test]
fn a_cancelled_payment_of_a_fundings_change_is_given_up_by_the_payee() {
    let (world, wallet, gateway) = pair();
    let before = gateway.onchain().balance();
    let first = send(&world, &wallet, &address(&world, &gateway), 61_000);
    world.platform.advance(Duration::from_secs(65));
    assert_eq!(gateway.onchain().balance(), (before.0, 61_000), "it is seen");
    let cancel = wallet.onchain().cancellation(id(&first), None).unwrap();
    make(&world, &wallet, cancel).unwrap();
    world.mine(5);
    world.platform.advance(Duration::from_secs(300));
    assert_eq!(gateway.onchain().balance(), before);
    assert!(matches!(record(&world, &gateway, id(&first)).status, PaymentStatus::Failed { .. }));
}

#[test]
fn a_replacement_that_the_budget_does_not_allow_is_not_made() {
    let (world, wallet, payee) = setup();
    let first = send(&world, &wallet, &address(&world, &payee), 200_000);
    let limit = msat(201_000);
    let window = Window { period: Period::Day, kind: Kind::Calendar };
    let rules = Rules { windows: vec![WindowLimit { window, limit }], ..Rules::default() };
    let node = wallet.clone();
    world
        .platform
        .run(async move {
            let user = amplet_node::budget::BudgetId::USER;
            node.budgets().change(|policy, _| policy.set_rules(user, rules)).await
        })
        .unwrap();
    let bump = wallet.onchain().bump(id(&first), at(100)).unwrap();
    let refused = make(&world, &wallet, bump).unwrap_err();
    assert!(matches!(refused, PayError::Denied(_)), "{refused:?}");
    assert_eq!(*world.mempool.borrow(), vec![first.clone()]);
    assert_eq!(record(&world, &wallet, id(&first)).replaced, Vec::new());
    let small = wallet.onchain().bump(id(&first), at(4)).unwrap();
    make(&world, &wallet, small).unwrap();
}

#[test]
fn a_deposit_gets_a_child_that_pays_for_both() {
    let (world, wallet, _payee) = setup();
    world.deposit(&wallet, 80_000);
    world.platform.advance(Duration::from_secs(70));
    let deposit = world.mempool.borrow()[0].clone();
    let bump = wallet.onchain().bump(id(&deposit), at(10)).unwrap();
    assert_eq!((bump.method, bump.signed.replaced_fee_sat), (BumpMethod::Child, 0));
    let (child, fee_sat) = (bump.signed.tx.clone(), bump.signed.fee_sat);
    let size = u64::try_from(child.vsize() + deposit.vsize()).unwrap();
    assert!(fee_sat.abs_diff(size * 10) < 30, "{fee_sat} for {size} vB");
    make(&world, &wallet, bump).unwrap();
    assert!(world.mempool.borrow().contains(&child));
    world.mine(0);
    assert_eq!(record(&world, &wallet, id(&deposit)).status, PaymentStatus::Succeeded);
    let paid = record(&world, &wallet, id(&child));
    assert_eq!(
        (paid.status, paid.amount_msat, paid.fee_msat),
        (PaymentStatus::Succeeded, Some(Msat::ZERO), Some(msat(fee_sat)))
    );
    assert_eq!(wallet.onchain().balance(), (580_000 - fee_sat, 0));
    assert_eq!(spent_msat(&world, &wallet), fee_sat * 1000);
}

#[test]
fn a_channels_funding_is_never_replaced_but_its_change_pays_for_both() {
    let (world, wallet, payee) = setup();
    world.connect(&wallet, &payee, "payee");
    world.try_channel(&wallet, &payee, open(300_000, 0, false));
    let funding = world.mempool.borrow()[0].clone();
    let refused = wallet.onchain().cancellation(id(&funding), None).unwrap_err();
    assert_eq!(refused, OnchainError::Funding);
    let bump = wallet.onchain().bump(id(&funding), at(15)).unwrap();
    assert_eq!(bump.method, BumpMethod::Child);
    make(&world, &wallet, bump).unwrap();
    assert!(world.mempool.borrow().contains(&funding), "untouched");
    assert_eq!(world.mempool.borrow().len(), 2);
    world.mine(6);
    world.platform.advance(Duration::from_secs(5));
    assert!(wallet.channels().list()[0].is_usable);
    let opened = record(&world, &wallet, id(&funding));
    assert_eq!((opened.kind, opened.status), (PaymentKind::ChannelOpen, PaymentStatus::Succeeded));
}

#[test]
fn the_child_of_a_deposit_that_was_dropped_ends_with_it() {
    let (world, wallet, _payee) = setup();
    world.deposit(&wallet, 80_000);
    world.platform.advance(Duration::from_secs(70));
    let deposit = world.mempool.borrow()[0].clone();
    let bump = wallet.onchain().bump(id(&deposit), at(10)).unwrap();
    let child = bump.signed.tx.clone();
    make(&world, &wallet, bump).unwrap();
    world.mempool.borrow_mut().clear();
    world.platform.advance(Duration::from_secs(300));
    for tx in [&deposit, &child] {
        let line = record(&world, &wallet, id(tx));
        assert!(matches!(line.status, PaymentStatus::Failed { .. }), "{line:?}");
    }
    assert_eq!(reserved_msat(&wallet), Vec::<u64>::new());
    assert_eq!(wallet.onchain().balance(), (500_000, 0));
}
