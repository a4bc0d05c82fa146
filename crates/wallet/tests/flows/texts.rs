//! Texts that are pasted: what they offer, and why it can or cannot be used.

use amplet_protocol::Msat;
use amplet_protocol::page::{ErrorCode, Inspected, PaymentMethod, PaymentMethodKind, Request};
use amplet_wallet::Response;

use super::User;

/// On regtest: 2,000 msat for "tea", of "shop".
const OFFER: &str = "lno1qgsqvgnwgcg35z6ee2h3yczraddm72xrfua9uve2rlrm9deu7xyfzrcgqgraqzsrw3jkzysywd5x7uqkyypjgef743p5fzqq9nqxh0ah7y87rzv3ud0eleps9kl2d5348hq2k8q";
/// The same, expired since 1970.
const EXPIRED_OFFER: &str = "lno1qgsqvgnwgcg35z6ee2h3yczraddm72xrfua9uve2rlrm9deu7xyfzrcgqgraqzsrw3jkzrspqyfqgumgdacpvggry3jnatzrgjyqqtxqdwlm0ug0uxyerc6lnljrqtd75mfr20wq4vwq";

/// What an offer says is told, and that its time is over.
fn offer_terms(current: Inspected, expired: Inspected) {
    let only = |seen: Inspected| match seen {
        Inspected::Unsupported { others } => <[PaymentMethod; 1]>::try_from(others).unwrap(),
        seen => panic!("{seen:?}"),
    };
    let ([current], [expired]) = (only(current), only(expired));
    assert_eq!(current.problem.unwrap().code, ErrorCode::InvalidPaymentRequest);
    let terms = current.offer.unwrap();
    assert_eq!(terms.amount_msat, Some(Msat::from(2_000)));
    assert_eq!((terms.description.as_str(), terms.issuer.as_str()), ("tea", "shop"));
    assert_eq!((terms.expires_at, terms.max_quantity, terms.price), (None, None, None));
    assert_eq!(expired.problem.unwrap().code, ErrorCode::Expired);
    assert_eq!(expired.offer.unwrap().expires_at, Some(1));
}

/// Lightning that was offered and cannot be used is told; what was paid or is one's own is not paid on-chain instead.
pub(super) async fn offers(me: &User, mine: &str, own: &str) {
    let inspect = async |text: &str| match me
        .ask(Request::Inspect { text: text.to_owned(), amount_msat: None })
        .await
    {
        Ok(Response::Inspected(seen)) => Ok(seen),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    for (offered, kind) in [
        ("lno=lno1pgtestoffer", PaymentMethodKind::Unreadable),
        (&*format!("lno={OFFER}"), PaymentMethodKind::Bolt12),
        ("lightning=lnurl1dp68gurn8ghj7umgdaczuetcv9khqmr99acxz7fld9jr6vglt63jx", PaymentMethodKind::Lnurl),
    ] {
        let seen = inspect(&format!("bitcoin:{mine}?{offered}")).await.unwrap();
        let Inspected::Onchain { others, problem: None, .. } = seen else { panic!("{seen:?}") };
        let [method] = &others[..] else { panic!("{others:?}") };
        assert_eq!((method.kind, method.lightning), (kind, true));
        assert_eq!(method.problem.as_ref().unwrap().code, ErrorCode::InvalidPaymentRequest);
    }
    let seen = inspect("₿alice@shop.example").await.unwrap();
    let Inspected::Unsupported { others } = seen else { panic!("{seen:?}") };
    assert_eq!(others[0].name.as_deref(), Some("₿alice@shop.example"));
    // In a browser by its own tables, elsewhere by ours.
    let seen = inspect("alice@BU\u{308}CHER.example").await.unwrap();
    let Inspected::Unsupported { others } = seen else { panic!("{seen:?}") };
    assert_eq!(others[0].name.as_deref(), Some("alice@xn--bcher-kva.example"));
    let error = inspect("alice@☃/.example").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidPaymentRequest);
    for text in ["lno1pgtestoffer", OFFER] {
        let error = me.pay(text).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidPaymentRequest);
        assert!(error.message.contains("BOLT 12 offer"), "{error}");
    }
    offer_terms(inspect(OFFER).await.unwrap(), inspect(EXPIRED_OFFER).await.unwrap());
    let conflict = inspect(&format!("bitcoin:{mine}?amount=0.5&lightning={own}")).await.unwrap_err();
    assert!(conflict.message.contains("50000000 sat"), "{conflict}");
    // What `inspect` finds in a text, `pay` finds, too: here one's own invoice.
    for text in [
        format!("lightning:{own}"),
        format!("bitcoin:{mine}?lightning={}", own.to_uppercase()),
        format!("Pay \u{201c}{own}\u{201d}, please."),
    ] {
        assert_eq!(me.pay(&text).await.unwrap_err().code, ErrorCode::InvalidInput, "{text}");
    }
    // One's own invoice beside an address that could be paid.
    let seen = inspect(&format!("Pay me:\nlightning://{own} thanks!")).await.unwrap();
    assert!(
        matches!(&seen, Inspected::Bolt11 { problem: Some(_), others, .. } if others.is_empty()),
        "{seen:?}"
    );
    let seen =
        inspect(&format!("bitcoin:{mine}?lightning=lightning%3A{}", own.to_uppercase())).await.unwrap();
    let Inspected::Bolt11 { problem: Some(problem), others, .. } = seen else { panic!("{seen:?}") };
    assert_eq!((problem.code, others[0].kind), (ErrorCode::InvalidInput, PaymentMethodKind::Onchain));
}
