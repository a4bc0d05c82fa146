//! BOLT 12: offers made, asked about by onion message, and paid.

use std::time::Duration;

use amplet_node::budget::{BudgetId, Clock, Msat, Rules, Utc};
use amplet_node::lightning::offers::offer::{Offer, OfferBuilder};
use amplet_node::{Authorization, NewOffer, Node, OfferError, PayError, PayOffer, PaymentId};
use amplet_protocol::page::{Direction, ErrorCode, Payment, PaymentKind, PaymentStatus};
use amplet_transport::Platform;

use crate::world::{Net, World, mortal, msat, net};

const AMOUNT: u64 = 50_000_000;

fn offer(node: &Node, amount_msat: Option<Msat>) -> Offer {
    node.payments().offer(&NewOffer { amount_msat, description: "coffee".into() }).unwrap()
}

fn begin(
    world: &World,
    from: &Node,
    offer: &Offer,
    amount_msat: Option<Msat>,
) -> Result<PaymentId, PayError> {
    let pay =
        PayOffer { offer: offer.clone(), amount_msat, max_fee_msat: msat(100_000), note: Some("two".into()) };
    let from = from.clone();
    world.platform.run(async move { from.payments().begin(pay, &Authorization::user()).await })
}

fn end(world: &World, from: &Node, id: PaymentId) -> Payment {
    let from = from.clone();
    world.platform.run(async move { from.payments().outcome(id, Duration::from_secs(300)).await }).unwrap()
}

/// The same network, whose wallet's graph knows the payee.
fn known() -> Net {
    let net = net();
    let first = net.world.pay(&net.wallet, &net.world.ask(&net.payee, 1_000_000));
    assert_eq!(first.status, PaymentStatus::Succeeded, "{first:?}");
    net
}

fn offers(world: &World, node: &Node) -> Vec<Payment> {
    let node = node.clone();
    let all = world.platform.run(async move { node.ledger().history(None, 100).await.unwrap() });
    all.into_iter().filter(|line| line.kind == PaymentKind::Offer).collect()
}

#[test]
fn an_offer_is_paid_two_hops_away_and_more_than_once() {
    let Net { world, wallet, payee, .. } = known();
    let fixed = offer(&payee, Some(msat(AMOUNT)));
    for _ in 0..2 {
        let id = begin(&world, &wallet, &fixed, None).unwrap();
        let paid = end(&world, &wallet, id);
        assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
        assert_eq!((paid.kind, paid.direction), (PaymentKind::Offer, Direction::Outbound));
        assert_eq!((paid.amount_msat, paid.fee_msat), (Some(msat(AMOUNT)), Some(msat(6_000))));
        assert_eq!((paid.description, paid.invoice), ("coffee".into(), Some(fixed.to_string())));
        assert_eq!(paid.parts.len(), 1);
    }
    let open = offer(&payee, None);
    let id = begin(&world, &wallet, &open, Some(msat(7_000))).unwrap();
    assert_eq!(end(&world, &wallet, id).amount_msat, Some(msat(7_000)));
    world.platform.run_until_stalled();
    let got = offers(&world, &payee).into_iter().map(|line| (line.status, line.amount_msat));
    let mut got: Vec<_> =
        got.filter(|(status, _)| *status == PaymentStatus::Succeeded).map(|(_, amount)| amount).collect();
    got.sort_unstable();
    assert_eq!(got, [Some(msat(7_000)), Some(msat(AMOUNT)), Some(msat(AMOUNT))]);
}

#[test]
fn a_wallet_that_nobody_knows_is_paid_behind_its_gateway() {
    let Net { world, wallet, gateway, payee } = known();
    // The gateway has something to give in that channel.
    assert_eq!(world.pay(&wallet, &world.ask(&gateway, 100_000_000)).status, PaymentStatus::Succeeded);
    let offer = offer(&wallet, Some(msat(1_000_000)));
    let id = begin(&world, &payee, &offer, None).unwrap();
    let paid = end(&world, &payee, id);
    assert_eq!(paid.status, PaymentStatus::Succeeded, "{paid:?}");
    world.platform.run_until_stalled();
    assert_eq!(offers(&world, &wallet)[0].amount_msat, Some(msat(1_000_000)));
}

#[test]
fn wrong_offers_are_refused_before_anybody_is_asked() {
    let Net { world, wallet, payee, .. } = known();
    let (fixed, open) = (offer(&payee, Some(msat(AMOUNT))), offer(&payee, None));
    assert_eq!(begin(&world, &wallet, &fixed, Some(msat(AMOUNT))), Err(PayError::Amount));
    assert_eq!(begin(&world, &wallet, &open, None), Err(PayError::Amount));
    assert_eq!(begin(&world, &wallet, &open, Some(msat(0))), Err(PayError::Amount));
    // Without a chain: mainnet's (BOLT 12).
    let foreign = OfferBuilder::new(payee.node_id()).build().unwrap();
    assert_eq!(begin(&world, &wallet, &foreign, Some(msat(1))), Err(PayError::Offer(OfferError::Network)));
    assert_eq!(offers(&world, &wallet), []);
}

#[test]
fn a_payee_that_does_not_answer_costs_nothing() {
    let Net { world, wallet, payee, .. } = known();
    let rules = Rules { total: Some(Msat::new(1_000_000_000).unwrap()), ..Rules::default() };
    let node = wallet.clone();
    let set = async move { node.budgets().change(|policy, _| policy.set_rules(BudgetId::USER, rules)).await };
    world.platform.run(set).unwrap();
    let reserved = || wallet.budgets().policy().usage(BudgetId::USER, &Clock::new(0, &Utc))[0].reserved.get();
    let offer = offer(&payee, Some(msat(AMOUNT)));
    world.kill("payee", payee);
    let id = begin(&world, &wallet, &offer, None).unwrap();
    assert_eq!(reserved(), AMOUNT + 100_000);
    let line = end(&world, &wallet, id);
    let PaymentStatus::Failed { error } = line.status else { panic!("{line:?}") };
    assert_eq!((error.code, reserved()), (ErrorCode::Timeout, 0));
}

/// Killed after so many commits, before or after it could ask or pay: paid once, and known on both sides, or not at all.
#[test]
fn paying_an_offer_survives_the_wallets_death_at_every_step() {
    let mut paid = 0;
    for commits in 0..=5 {
        let Net { world, wallet, gateway, payee } = known();
        let offer = offer(&payee, Some(msat(AMOUNT)));
        world.kill("wallet", wallet);
        let (wallet, store) = mortal(&world, "wallet");
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(2));
        store.die_after(commits);
        let node = wallet.clone();
        world.platform.spawn(Box::pin(async move {
            let pay = PayOffer { offer, amount_msat: None, max_fee_msat: msat(100_000), note: None };
            // Never answered when the process dies before the question is durable.
            let _ = node.payments().begin(pay, &Authorization::user()).await;
        }));
        world.platform.advance(Duration::from_secs(3));
        world.kill("wallet", wallet);
        let wallet = world.open("wallet");
        world.connect(&wallet, &gateway, "gateway");
        world.platform.advance(Duration::from_secs(300));
        let (sent, got) = (offers(&world, &wallet), offers(&world, &payee));
        match &sent[..] {
            [] => assert_eq!(got, [], "after {commits} commits"),
            [line] if line.status == PaymentStatus::Succeeded => {
                assert_eq!(got.len(), 1, "after {commits} commits");
                paid += 1;
            }
            [line] => {
                assert!(
                    matches!(line.status, PaymentStatus::Failed { .. }),
                    "after {commits} commits: {line:?}"
                );
                assert_eq!(got, [], "after {commits} commits");
            }
            more => panic!("after {commits} commits: {more:?}"),
        }
    }
    assert!(paid > 1, "{paid}");
}
