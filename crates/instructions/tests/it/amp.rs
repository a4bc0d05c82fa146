//! AMP invoices, written and read.
#![allow(clippy::unwrap_used)]

use crate::read;
use amplet_instructions::{Kind, to_amp};
use amplet_protocol::Msat;
use amplet_protocol::page::Network;
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
use lightning_invoice::{Currency, InvoiceBuilder, RawBolt11Invoice, RoutingFees};
use lightning_types::payment::{PaymentHash, PaymentSecret};
use lightning_types::routing::{RouteHint, RouteHintHop};

const KEY: [u8; 32] = [7; 32];

fn hint() -> RouteHint {
    let src_node_id =
        PublicKey::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&[8; 32]).unwrap());
    let fees = RoutingFees { base_msat: 1, proportional_millionths: 2 };
    let hop = RouteHintHop {
        src_node_id,
        short_channel_id: 3,
        fees,
        cltv_expiry_delta: 4,
        htlc_minimum_msat: None,
        htlc_maximum_msat: None,
    };
    RouteHint(vec![hop])
}

fn sign(raw: RawBolt11Invoice) -> String {
    let key = SecretKey::from_slice(&KEY).unwrap();
    raw.sign(|hash| Ok::<_, ()>(Secp256k1::new().sign_ecdsa_recoverable(hash, &key))).unwrap().to_string()
}

fn raw(amount_msat: Option<u64>) -> RawBolt11Invoice {
    let invoice = InvoiceBuilder::new(Currency::Regtest)
        .description("a subscription".into())
        .payment_hash(PaymentHash([5; 32]))
        .payment_secret(PaymentSecret([6; 32]))
        .duration_since_epoch(core::time::Duration::from_secs(1_800_000_000))
        .min_final_cltv_expiry_delta(144)
        .private_route(hint())
        .basic_mpp();
    let invoice = match amount_msat {
        Some(amount_msat) => invoice.amount_milli_satoshis(amount_msat),
        None => invoice,
    };
    invoice.build_raw().unwrap()
}

#[test]
fn an_amp_invoice_is_read_as_it_was_written() {
    for amount_msat in [Some(123_456), None] {
        let text = sign(to_amp(raw(amount_msat), [9; 32]));
        let found = read(&text, Network::Regtest).unwrap();
        let [method] = &found.methods[..] else { panic!("{found:?}") };
        let Kind::Amp(invoice) = &method.kind else { panic!("{method:?}") };
        assert_eq!(invoice.amount, amount_msat.map(|msat| Msat::new(msat).unwrap()));
        assert_eq!((&*invoice.description, invoice.expires_at), ("a subscription", 1_800_003_600));
        assert_eq!(invoice.payment_hash.0, [5; 32]);
        assert!(invoice.payable.is_none(), "in the usual way it is not paid");
        let terms = invoice.amp.as_ref().unwrap();
        assert_eq!((terms.payment_address, terms.min_final_cltv), ([9; 32], 144));
        assert_eq!(terms.route_hints, [hint()]);
        let key = SecretKey::from_slice(&KEY).unwrap();
        assert_eq!(invoice.payee.0, PublicKey::from_secret_key(&Secp256k1::new(), &key).serialize());
    }
}

#[test]
fn an_amp_invoice_without_payment_address_is_refused() {
    use lightning_invoice::{RawTaggedField, TaggedField};
    let mut raw = to_amp(raw(None), [9; 32]);
    let is_secret = |field: &RawTaggedField| {
        matches!(field, RawTaggedField::KnownSemantics(TaggedField::PaymentSecret(_)))
    };
    raw.data.tagged_fields.retain(|field| !is_secret(field));
    let refusal = read(&sign(raw), Network::Regtest).unwrap_err().to_string();
    assert_eq!(refusal, "the invoice has no payment secret; ask for a new one");
}

#[test]
fn an_invoice_for_a_single_payment_stays_one() {
    let text = sign(raw(Some(1)));
    let found = read(&text, Network::Regtest).unwrap();
    assert!(
        matches!(&found.methods[..], [method] if matches!(&method.kind, Kind::Bolt11(invoice) if invoice.amp.is_none()))
    );
}
