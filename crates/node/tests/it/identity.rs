//! A payment's identity is its direction and id: whoever we pay learns the preimage, and nothing that comes in with it ends,
//! overwrites or pays for what goes out.

use std::rc::Rc;
use std::time::Duration;

use amplet_node::bitcoin::hashes::{Hash, sha256};
use amplet_node::budget::{BudgetId, Clock, Kind, Msat, Period, Rules, Utc, Window, WindowLimit};
use amplet_node::lightning::ln::channelmanager::{self, Bolt11InvoiceParameters};
use amplet_node::lightning::ln::outbound_payment::{RecipientCustomTlvs, RecipientOnionFields, Retry};
use amplet_node::lightning::routing::router::{PaymentParameters, RouteParameters};
use amplet_node::lightning::types::payment::{PaymentHash, PaymentPreimage};
use amplet_node::{
    Authorization, HTLC_DELTA, Node, PayError, PayStream, PaymentId, Records, SESSION_RECORD, StreamTo,
};
use amplet_protocol::page::{Direction, Payment, PaymentStatus};
use amplet_storage::Store;

use crate::world::{Killable, Net, World, mortal, msat, net};

const AMOUNT: u64 = 5_000_000;
/// At the gateway: 1 sat and a hundred millionths.
const FEE: u64 = 1_500;
const MAX_FEE: u64 = 100_000;

/// A network whose user may spend 10,000 sat a day.
fn limited() -> Net {
    let net = net();
    // The gateway's and the payee's sides above dust.
    net.world.pay(&net.wallet, &net.world.ask(&net.payee, 20_000_000));
    let window = Window { kind: Kind::Calendar, period: Period::Day };
    let limit = msat(30_000_000);
    let rules = Rules { windows: vec![WindowLimit { window, limit }], ..Rules::default() };
    let node = net.wallet.clone();
    let set = async move { node.budgets().change(|policy, _| policy.set_rules(BudgetId::USER, rules)).await };
    net.world.platform.run(set).unwrap();
    net
}

/// Spent and reserved of the user's budget, in msat, since the limit was set.
fn usage(node: &Node) -> (u64, u64) {
    let usage = node.budgets().policy().usage(BudgetId::USER, &Clock::new(0, &Utc))[0];
    (usage.spent.get(), usage.reserved.get())
}

/// A keysend of `amount_msat` with a preimage of the attacker's choice.
fn keysend(world: &World, from: &Node, to: &Node, preimage: [u8; 32], amount_msat: u64, records: Records) {
    let preimage = PaymentPreimage(preimage);
    let id = channelmanager::PaymentId(PaymentHash::from(preimage).0);
    let payee = PaymentParameters::for_keysend(to.node_id(), HTLC_DELTA.into(), false);
    let params = RouteParameters::from_payment_params_and_value(payee, amount_msat);
    let onion = RecipientOnionFields::spontaneous_empty(amount_msat)
        .with_custom_tlvs(RecipientCustomTlvs::new(records).unwrap());
    let sent = from.manager().send_spontaneous_payment(Some(preimage), onion, id, params, Retry::Attempts(0));
    sent.unwrap();
    // The engine is not told of what a test does behind its back.
    from.ledger().ack(u64::MAX);
    world.platform.advance(Duration::from_secs(5));
}

fn outbound(world: &World, node: &Node, id: PaymentId) -> Option<Payment> {
    let node = node.clone();
    world.platform.run(async move { node.ledger().payment(Direction::Outbound, id).await.unwrap() })
}

fn inbound(world: &World, node: &Node, id: PaymentId) -> Option<Payment> {
    let node = node.clone();
    world.platform.run(async move { node.ledger().payment(Direction::Inbound, id).await.unwrap() })
}

/// The payee's own invoice, and the preimage that its hostile owner knows.
fn invoice_and_preimage(net: &Net) -> (amplet_node::lightning_invoice::Bolt11Invoice, [u8; 32]) {
    let invoice = net.world.ask(&net.payee, AMOUNT);
    let (hash, secret) = (invoice.payment_hash(), *invoice.payment_secret());
    let preimage = net.payee.manager().get_payment_preimage_decrypt_metadata(hash, secret, None).unwrap();
    (invoice, preimage.0)
}

/// The payee holds the money of a payment back, and pays the payer with its preimage meanwhile.
fn answered_with_its_own_preimage(records: &Records) {
    let net = limited();
    let Net { world, wallet, gateway, .. } = &net;
    let (invoice, preimage) = invoice_and_preimage(&net);
    world.disk("payee").set_quota(Some(1));
    let id = world.begin(wallet, &invoice, MAX_FEE).unwrap();
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(usage(wallet), (0, AMOUNT + MAX_FEE), "in flight");
    keysend(world, gateway, wallet, preimage, 1_000, records.clone());
    assert_eq!(usage(wallet), (0, AMOUNT + MAX_FEE), "nothing inbound counts for it");
    let pending = outbound(world, wallet, id).unwrap();
    assert_eq!((pending.status, pending.amount_msat), (PaymentStatus::Pending, Some(msat(AMOUNT))));
    assert_eq!(inbound(world, wallet, id), None, "refused");
    world.disk("payee").set_quota(None);
    world.platform.advance(Duration::from_secs(30));
    let paid = outbound(world, wallet, id).unwrap();
    assert_eq!((&paid.status, paid.amount_msat), (&PaymentStatus::Succeeded, Some(msat(AMOUNT))));
    assert_eq!((usage(wallet), paid.fee_msat), ((AMOUNT + FEE, 0), Some(msat(FEE))));
    // Also afterwards, when LDK has forgotten it.
    world.platform.advance(Duration::from_secs(600));
    keysend(world, gateway, wallet, preimage, 1_000, records.clone());
    assert_eq!(inbound(world, wallet, id), None);
    assert_eq!(outbound(world, wallet, id), Some(paid));
    assert_eq!(usage(wallet), (AMOUNT + FEE, 0));
}

#[test]
fn a_payment_answered_with_its_own_preimage_is_counted_whole() {
    answered_with_its_own_preimage(&Vec::new());
}

#[test]
fn a_payment_answered_on_a_session_with_its_own_preimage_is_counted_whole() {
    answered_with_its_own_preimage(&vec![(SESSION_RECORD, b"film".to_vec())]);
}

/// The preimage of a payment that the payee has claimed, found on its disk.
fn claimed_preimage(world: &World, store: &Rc<Killable>, id: PaymentId) -> [u8; 32] {
    let store = Rc::clone(store);
    let records = world.platform.run(async move {
        let mut records = Vec::new();
        for name in store.list("ldk/").await.unwrap() {
            records.push(store.get(&name).await.unwrap().unwrap());
        }
        records
    });
    let is_it = |bytes: &&[u8]| sha256::Hash::hash(bytes).to_byte_array() == id.0;
    let found = records.iter().flat_map(|record| record.windows(32)).find(is_it);
    found.expect("a claimed preimage").try_into().unwrap()
}

#[test]
fn a_streams_payment_answered_with_its_own_preimage_is_counted_once() {
    let net = limited();
    let Net { world, wallet, gateway, payee } = &net;
    let to = StreamTo { payee: payee.node_id(), session: "film".into() };
    let node = wallet.clone();
    let stream = world.platform.run(async move { node.payments().open_stream(&to).await }).unwrap();
    world.kill("payee", payee.clone());
    let (payee, store) = mortal(world, "payee");
    world.connect(gateway, &payee, "payee");
    world.platform.advance(Duration::from_secs(2));
    // It dies between its claim's commit and the claim.
    store.die_after(3);
    let next = PayStream { stream, amount_msat: msat(AMOUNT), max_fee_msat: msat(MAX_FEE) };
    let node = wallet.clone();
    let begun = async move { node.payments().begin(next, &Authorization::user()).await };
    let id = world.platform.run(begun).unwrap();
    world.platform.advance(Duration::from_secs(5));
    let preimage = claimed_preimage(world, &store, id);
    assert_eq!(usage(wallet), (0, AMOUNT + MAX_FEE), "in flight");
    keysend(world, gateway, wallet, preimage, 1_000, Vec::new());
    keysend(world, gateway, wallet, preimage, 1_000, vec![(SESSION_RECORD, b"back".to_vec())]);
    assert_eq!(inbound(world, wallet, id), None, "refused");
    assert_eq!(usage(wallet), (0, AMOUNT + MAX_FEE), "nothing inbound counts for it");
    assert_eq!(wallet.payments().stream(stream).unwrap().amount_msat, Some(Msat::ZERO));
    world.kill("payee", payee);
    let payee = world.open("payee");
    world.connect(gateway, &payee, "payee");
    world.platform.advance(Duration::from_secs(60));
    let line = wallet.payments().stream(stream).unwrap();
    assert_eq!((line.amount_msat, line.fee_msat), (Some(msat(AMOUNT)), Some(msat(FEE))));
    assert_eq!(usage(wallet), (AMOUNT + FEE, 0));
}

/// An invoice whose hash is a session's id: its preimage is the text that the id is the hash of.
#[test]
fn an_invoice_with_a_sessions_id_is_not_paid_for_by_the_session() {
    let net = limited();
    let Net { world, wallet, gateway, payee } = &net;
    let session = "a name with 17 b.";
    let id = PaymentId(sha256::Hash::hash(format!("amplet session {session}").as_bytes()).to_byte_array());
    let params = Bolt11InvoiceParameters {
        amount_msats: Some(AMOUNT),
        payment_hash: Some(PaymentHash(id.0)),
        ..Bolt11InvoiceParameters::default()
    };
    let invoice = payee.manager().create_bolt11_invoice(params).unwrap();
    world.disk("payee").set_quota(Some(1));
    assert_eq!(world.begin(wallet, &invoice, MAX_FEE), Ok(id));
    world.platform.advance(Duration::from_secs(5));
    assert_eq!(usage(wallet), (0, AMOUNT + MAX_FEE), "in flight");
    for preimage in [[1; 32], [2; 32]] {
        keysend(world, gateway, wallet, preimage, 1_000, vec![(SESSION_RECORD, session.into())]);
    }
    assert_eq!(
        wallet.payments().session(session).unwrap().amount_msat,
        Some(msat(2_000)),
        "a session as any"
    );
    assert_eq!(usage(wallet), (0, AMOUNT + MAX_FEE), "nothing inbound counts for it");
    assert_eq!(outbound(world, wallet, id).unwrap().status, PaymentStatus::Pending);
    world.disk("payee").set_quota(None);
    world.platform.advance(Duration::from_secs(30));
    // The payee's own node does not have the preimage.
    let failed = outbound(world, wallet, id).unwrap();
    assert!(matches!(failed.status, PaymentStatus::Failed { .. }), "{failed:?}");
    assert_eq!((usage(wallet), failed.amount_msat), ((0, 0), Some(msat(AMOUNT))));
    assert_eq!(inbound(world, wallet, id).unwrap().amount_msat, Some(msat(2_000)));
}

#[test]
fn an_invoice_that_was_paid_is_never_paid_again() {
    let mut net = limited();
    let invoice = net.world.ask(&net.payee, AMOUNT);
    let paid = net.world.pay(&net.wallet, &invoice);
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    // LDK has forgotten it by then.
    net.world.platform.advance(Duration::from_secs(600));
    let again = |net: &Net| net.world.begin(&net.wallet, &invoice, MAX_FEE);
    assert_eq!(again(&net), Err(PayError::Duplicate));
    net.world.kill("wallet", net.wallet.clone());
    net.wallet = net.world.open("wallet");
    net.world.connect(&net.wallet, &net.gateway, "gateway");
    net.world.platform.advance(Duration::from_secs(2));
    assert_eq!(again(&net), Err(PayError::Duplicate), "after a restart");
    assert_eq!(outbound(&net.world, &net.wallet, paid.id).unwrap().status, PaymentStatus::Succeeded);
}
