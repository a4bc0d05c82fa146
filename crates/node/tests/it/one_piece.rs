//! BOLT 11 invoices whose payee takes one part only: without the feature `basic_mpp` (BOLT 9).

use std::time::Duration;

use amplet_node::bitcoin::Network;
use amplet_node::bitcoin::secp256k1::{Message, Secp256k1};
use amplet_node::keys::{Keys, parse_mnemonic};
use amplet_node::lightning::sign::KeysManager;
use amplet_node::lightning_invoice::{Bolt11Invoice, RawTaggedField, TaggedField};
use amplet_node::{Authorization, Node, PayError, PayInvoice};
use amplet_protocol::page::{NoRouteReason, PaymentStatus};

use crate::world::{MNEMONICS, World, msat, open};

/// The same invoice without `basic_mpp`, signed by the payee.
fn in_one_piece(invoice: &Bolt11Invoice) -> Bolt11Invoice {
    let (_, words) = MNEMONICS.iter().find(|(name, _)| *name == "payee").unwrap();
    let keys = Keys::new(&parse_mnemonic(words).unwrap(), Network::Regtest, 0).unwrap();
    let secret = KeysManager::new(&keys.lightning_seed().unwrap(), 0, 0, true).get_node_secret_key();
    let (mut raw, ..) = invoice.clone().into_signed_raw().into_parts();
    for field in &mut raw.data.tagged_fields {
        if let RawTaggedField::KnownSemantics(TaggedField::Features(features)) = field {
            features.clear_basic_mpp();
        }
    }
    let sign = |hash: &Message| Ok::<_, ()>(Secp256k1::new().sign_ecdsa_recoverable(hash, &secret));
    let invoice = Bolt11Invoice::from_signed(raw.sign(sign).unwrap()).unwrap();
    assert!(!invoice.features().is_some_and(|features| features.supports_basic_mpp()));
    invoice
}

#[test]
fn what_the_payee_takes_in_one_piece_goes_so_or_is_refused() {
    let world = World::new();
    let [gateway, second, payee, wallet] =
        ["gateway", "second", "payee", "wallet"].map(|name| world.open(name));
    for (gateway, host) in [(&gateway, "gateway"), (&second, "second")] {
        world.fund(gateway, 6_000_000);
        world.fund(&wallet, 1_500_000);
        world.connect(gateway, &payee, "payee");
        world.connect(&wallet, gateway, host);
        world.channel(gateway, &payee, open(5_000_000, 0, true));
        world.channel(&wallet, gateway, open(1_000_000, 0, false));
    }
    world.platform.advance(Duration::from_secs(180));
    let begin = |wallet: Node, invoice: Bolt11Invoice| {
        let pay = PayInvoice { invoice, amount_msat: None, max_fee_msat: msat(10_000_000) };
        world.platform.run(async move { wallet.payments().begin(pay, &Authorization::user()).await })
    };
    // It fits one channel.
    let id = begin(wallet.clone(), in_one_piece(&world.ask(&payee, 800_000_000))).unwrap();
    world.platform.advance(Duration::from_secs(10));
    let paid = world.payment(&wallet, id).unwrap();
    assert_eq!((paid.status, paid.parts.len()), (PaymentStatus::Succeeded, 1));
    // Both channels together have that much, and neither alone.
    let whole = world.ask(&payee, 1_000_000_000);
    let PayError::NoRoute(refused) = begin(wallet.clone(), in_one_piece(&whole)).unwrap_err() else {
        panic!()
    };
    let no_route = refused.no_route.unwrap();
    assert_eq!(no_route.reason, NoRouteReason::OnePiece);
    let largest = no_route.largest_msat.unwrap().get();
    assert!((900_000_000..1_000_000_000).contains(&largest), "{largest}");
    assert!(refused.message.contains(&format!("{} sat", largest / 1000)), "{}", refused.message);
    // As the payee made it, it may be paid in parts.
    let id = begin(wallet.clone(), whole).unwrap();
    world.platform.advance(Duration::from_secs(10));
    let paid = world.payment(&wallet, id).unwrap();
    assert_eq!(paid.status, PaymentStatus::Succeeded);
    assert!(paid.parts.len() > 1, "{paid:?}");
}
