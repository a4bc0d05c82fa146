//! What holds for the shares of every payment.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use amplet_amp::{AllOut, Child, Outgoing, SetId, Share};
use proptest::prelude::*;

const SET: SetId = SetId([7; 32]);

fn sum(children: &[Child]) -> Share {
    Share::sum(children.iter().map(|child| child.share))
}

/// Numbers that repeat no earlier than chance would have it.
fn draw(seed: &mut u64) -> [u8; 32] {
    std::array::from_fn(|_| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 56) as u8
    })
}

proptest! {
    #[test]
    fn halves_make_the_whole(whole in any::<[u8; 32]>(), one in any::<[u8; 32]>()) {
        let (one, other) = Share(whole).split(Share(one));
        prop_assert_eq!(Share::sum([other, one]), Share(whole));
    }

    /// Parts fail in any order, and their shares are dealt out again to any number of parts.
    #[test]
    fn whatever_fails_the_parts_in_flight_sum_up_to_the_root(
        root in any::<[u8; 32]>(),
        seed in any::<u64>(),
        rounds in prop::collection::vec((1u32..8, prop::collection::vec(any::<prop::sample::Index>(), 1..6)), 1..12),
    ) {
        let mut drawn = seed;
        let mut random = || draw(&mut drawn);
        let mut payer = Outgoing::new(SET, Share(root));
        let mut in_flight: Vec<Child> = Vec::new();
        let (mut used, mut hashes) = (BTreeSet::new(), BTreeSet::new());
        for (count, failing) in rounds {
            let dealt = payer.deal(count, &mut random).unwrap();
            prop_assert_eq!(dealt.len(), count as usize);
            for child in &dealt {
                prop_assert!(used.insert(child.index), "an index is used once");
                prop_assert!(hashes.insert(child.hash(payer.root())), "a hash is used once");
            }
            in_flight.extend(dealt);
            prop_assert_eq!(sum(&in_flight), payer.root());
            prop_assert_eq!(payer.deal(1, &mut random), Err(AllOut));
            // Taken up again after a restart, it is the same.
            let resumed = Outgoing::resume(SET, payer.root(), payer.next_index(), in_flight.clone());
            prop_assert_eq!(&resumed, &payer);
            for index in failing {
                if in_flight.is_empty() { break }
                let failed = in_flight.remove(index.index(in_flight.len()));
                prop_assert!(payer.fold_back(failed.index));
                prop_assert!(!payer.fold_back(failed.index), "once");
            }
            let resumed = Outgoing::resume(SET, payer.root(), payer.next_index(), in_flight.clone());
            prop_assert_eq!(&resumed, &payer);
        }
    }
}

#[test]
fn no_part_is_dealt_a_share_for_nothing() {
    let mut payer = Outgoing::new(SET, Share([1; 32]));
    assert_eq!(payer.deal(0, || [2; 32]), Err(AllOut));
    assert_eq!(payer.deal(1, || [2; 32]).unwrap(), [Child { share: Share([1; 32]), index: 0 }]);
    assert!(!payer.fold_back(1), "no such part");
    let mut last = Outgoing::resume(SET, Share([1; 32]), u32::MAX, []);
    assert_eq!(last.deal(1, || [2; 32]), Err(AllOut), "indexes are used up");
}

#[test]
fn secrets_are_not_logged() {
    let mut payer = Outgoing::new(SET, Share([0xab; 32]));
    let children = payer.deal(2, || [0xcd; 32]).unwrap();
    let said = format!("{payer:?} {children:?} {:?}", children[0].preimage(payer.root()));
    assert!(!said.contains("171") && !said.contains("205") && !said.contains("ab, "), "{said}");
}
