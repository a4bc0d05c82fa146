//! Sets of parts as they arrive at the payee, in every order, right and wrong.
#![allow(clippy::unwrap_used)]

use amplet_amp::{Child, Incoming, Limits, Part, PartFault, PaymentAddress, SetId, Share, Verdict};
use amplet_protocol::{Msat, PaymentId};
use proptest::prelude::*;

use crate::world::{LIMITS, Payer};

/// A payment of 900 msat in three parts.
fn three() -> (Payer, [Part; 3]) {
    let mut payer = Payer::new(1, 900);
    let children = payer.deal(3);
    let parts = [300, 200, 400].into_iter().zip(children).map(|(msat, child)| payer.part(child, msat));
    let parts: Vec<Part> = parts.collect();
    (payer, parts.try_into().unwrap())
}

fn complete(verdict: Verdict) -> amplet_amp::Complete {
    match verdict {
        Verdict::Complete(complete) => complete,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_set_is_claimed_whole_and_only_whole() {
    let (_, [a, b, c]) = three();
    let mut incoming = Incoming::new(LIMITS);
    assert_eq!(incoming.offer(b), Verdict::Held);
    assert_eq!(incoming.offer(a), Verdict::Held);
    assert!(incoming.due().is_some());
    let whole = complete(incoming.offer(c));
    assert!(incoming.due().is_none());
    assert_eq!(whole.amount_msat, Msat::from(900));
    assert_eq!(whole.claims.len(), 3);
    assert!(whole.claims.iter().all(|claim| claim.preimage.hash() == claim.hash));
    assert_eq!(incoming.claimed(a.hash), None);
    // What is left to claim after a restart in the middle.
    let left = complete(incoming.offer(b));
    assert_eq!(left.claims.len(), 2);
    assert_eq!(incoming.claimed(b.hash), None);
    let parts = incoming.claimed(c.hash).unwrap();
    assert_eq!(parts.len(), 3);
    assert_eq!(incoming.claimed(c.hash), None, "forgotten");
}

#[test]
fn a_part_that_failed_may_come_again_as_others() {
    let mut payer = Payer::new(1, 900);
    let children = payer.deal(2);
    let mut incoming = Incoming::new(LIMITS);
    assert_eq!(incoming.offer(payer.part(children[0], 500)), Verdict::Held);
    assert!(payer.outgoing.fold_back(children[1].index));
    let again = payer.deal(2);
    assert_eq!(incoming.offer(payer.part(again[0], 150)), Verdict::Held);
    assert_eq!(complete(incoming.offer(payer.part(again[1], 250))).claims.len(), 3);
}

#[test]
fn what_contradicts_its_set_goes_back_alone() {
    let (payer, [a, b, c]) = three();
    let mut incoming = Incoming::new(LIMITS);
    assert_eq!(incoming.offer(a), Verdict::Held);
    let wrong = |change: fn(&mut Part)| {
        let mut part = Part { hash: PaymentId([77; 32]), ..b };
        change(&mut part);
        part
    };
    let cases = [
        (wrong(|part| part.kept.total.total_msat = Msat::from(901)), PartFault::Total),
        (wrong(|part| part.kept.total.address = PaymentAddress([3; 32])), PartFault::Address),
        (wrong(|part| part.kept.amp.child.index = 0), PartFault::Index),
        (Part { hash: a.hash, ..b }, PartFault::Hash),
        (Part { amount_msat: Msat::from(1), ..a }, PartFault::Hash),
    ];
    for (part, fault) in cases {
        assert_eq!(incoming.offer(part), Verdict::Refused(fault));
    }
    // Another set is none of its business, whatever it claims.
    let other = Part { hash: PaymentId([78; 32]), ..b };
    let mut other_set = other;
    other_set.kept.amp.set = SetId([8; 32]);
    assert_eq!(incoming.offer(other_set), Verdict::Held);
    assert_eq!(incoming.offer(b), Verdict::Held);
    assert_eq!(complete(incoming.offer(c)).claims.len(), 3);
    let late = payer.part(Child { share: Share([4; 32]), index: 9 }, 1);
    assert_eq!(incoming.offer(late), Verdict::Refused(PartFault::Late));
}

#[test]
fn shares_that_do_not_fit_send_the_set_back() {
    let (_, [a, b, mut c]) = three();
    let mut incoming = Incoming::new(LIMITS);
    assert_eq!(incoming.offer(a), Verdict::Held);
    assert_eq!(incoming.offer(b), Verdict::Held);
    c.kept.amp.child.share = Share([5; 32]);
    let Verdict::SetRefused(PartFault::Shares, hashes) = incoming.offer(c) else { panic!("accepted") };
    let mut all = vec![a.hash, b.hash, c.hash];
    all.sort();
    assert_eq!(hashes, all);
    // Nothing of it is left.
    assert_eq!(incoming.offer(a), Verdict::Held);
}

#[test]
fn what_waits_is_limited() {
    let (_, [a, b, c]) = three();
    let mut incoming = Incoming::new(Limits { parts: 2, ..LIMITS });
    assert_eq!(incoming.offer(a), Verdict::Held);
    assert_eq!(incoming.offer(b), Verdict::Held);
    assert_eq!(incoming.offer(c), Verdict::Refused(PartFault::Parts));
    assert_eq!(Incoming::new(Limits { parts: 0, ..LIMITS }).offer(a), Verdict::Refused(PartFault::Parts));

    let first = |number: u8, total: u64| {
        let mut payer = Payer::new(number, total);
        let children = payer.deal(2);
        payer.part(children[0], 1)
    };
    let mut incoming = Incoming::new(Limits { sets: 2, ..LIMITS });
    assert_eq!(incoming.offer(first(1, 10)), Verdict::Held);
    assert_eq!(incoming.offer(first(2, 10)), Verdict::Held);
    assert_eq!(incoming.offer(first(3, 10)), Verdict::Refused(PartFault::Sets));

    let mut incoming = Incoming::new(Limits { msat: Msat::from(100), ..LIMITS });
    assert_eq!(incoming.offer(first(1, 60)), Verdict::Held);
    assert_eq!(incoming.offer(first(2, 41)), Verdict::Refused(PartFault::Amount));
    assert_eq!(incoming.offer(first(3, 40)), Verdict::Held);
}

#[test]
fn a_set_waits_for_its_time_and_never_past_a_deadline() {
    let (_, [a, b, c]) = three();
    let mut incoming = Incoming::new(LIMITS);
    assert_eq!(incoming.offer(Part { deadline: None, ..a }), Verdict::Held);
    assert_eq!(incoming.offer(Part { arrived_at: 100, ..b }), Verdict::Held);
    assert_eq!(incoming.expire(169, 999), []);
    let mut both = vec![a.hash, b.hash];
    both.sort();
    let mut late = incoming.clone();
    assert_eq!(incoming.expire(170, 999), [(SetId([1; 32]), both.clone())]);
    assert!(incoming.due().is_none());
    // A block, before the time is over.
    assert_eq!(late.expire(60, 1000), [(SetId([1; 32]), both)]);
    // A complete set is claimed, however late.
    for part in [a, b, c] {
        incoming.offer(part);
    }
    assert_eq!(incoming.expire(u64::MAX, u32::MAX), []);
}

proptest! {
    /// Sets that are mixed, repeated and cut short: each is claimed when all of it has come, and not before.
    #[test]
    fn every_order_gives_the_same_sets(
        sizes in prop::collection::vec(1u32..6, 1..4),
        order in any::<prop::sample::Index>(),
        cut in any::<bool>(),
        repeats in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut parts = Vec::new();
        for (number, size) in (0u8..).zip(&sizes) {
            let mut payer = Payer::new(number, u64::from(*size) * 10);
            let children = payer.deal(*size);
            parts.extend(children.into_iter().map(|child| payer.part(child, 10)));
        }
        let start = order.index(parts.len());
        parts.rotate_left(start);
        let mut mixed: Vec<Part> = parts.iter().step_by(2).chain(parts.iter().skip(1).step_by(2)).copied().collect();
        let lost = cut.then(|| mixed.remove(0));
        for repeat in repeats {
            if mixed.is_empty() { break }
            let part = mixed[repeat.index(mixed.len())];
            mixed.push(part);
        }
        let mut incoming = Incoming::new(LIMITS);
        let mut whole = std::collections::BTreeSet::new();
        for part in mixed {
            match incoming.offer(part) {
                Verdict::Held => prop_assert!(!whole.contains(&part.kept.amp.set)),
                Verdict::Complete(complete) => {
                    whole.insert(complete.set);
                    let size = sizes[usize::from(complete.set.0[0])];
                    prop_assert_eq!(complete.claims.len(), size as usize);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
        let lost = lost.map(|part| part.kept.amp.set);
        prop_assert!(lost.is_none_or(|lost| !whole.contains(&lost)), "half paid");
        prop_assert_eq!(whole.len(), sizes.len() - usize::from(cut));
    }
}
