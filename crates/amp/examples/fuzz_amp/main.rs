//! AMP under hostile input: `cargo run --profile fuzz -p amplet-amp --example fuzz_amp -- TARGET SECONDS [SEED]`. Nothing panics,
//! what is read is written alike, and no set is ever claimed in part, or for less than its total.

use amplet_amp::{Amp, Child, Incoming, Kept, Limits, Outgoing, Part, Payload, PaymentAddress, SetId};
use amplet_amp::{Share, Total, Verdict};
use amplet_fuzz::{Dice, damage, run};
use amplet_protocol::Msat;

fn main() {
    run(&[("payloads", payloads), ("sets", sets)]);
}

fn bytes(dice: &mut Dice) -> [u8; 32] {
    std::array::from_fn(|_| u8::try_from(dice.below(256)).unwrap_or_default())
}

fn kept(dice: &mut Dice) -> Kept {
    let child =
        Child { share: Share(bytes(dice)), index: u32::try_from(dice.below(1 << 32)).unwrap_or_default() };
    let total_msat = Msat::up_to_max(dice.roll().max(1));
    let total = Total { address: PaymentAddress(bytes(dice)), total_msat };
    Kept { amp: Amp { child, set: SetId(bytes(dice)) }, total }
}

/// Payloads, damaged.
fn payloads(seed: u64) {
    let mut dice = Dice(seed);
    let kept = kept(&mut dice);
    let (total, amp) = (kept.total.write(), kept.amp.write());
    let mut stream = vec![2, 2, 3, 232, 4, 1, 200, 8];
    stream.push(u8::try_from(total.len()).unwrap_or_default());
    stream.extend(&total);
    stream.push(14);
    stream.push(u8::try_from(amp.len()).unwrap_or_default());
    stream.extend(&amp);
    if dice.below(4) > 0 {
        damage(&mut dice, &mut stream, &kept.write());
    }
    let mut hop_data = vec![u8::try_from(stream.len()).unwrap_or(u8::MAX)];
    hop_data.extend(stream);
    hop_data.extend([0; 32]);
    if dice.below(4) == 0 {
        damage(&mut dice, &mut hop_data, &total);
    }
    if let Some(Ok(payload)) = Payload::read(&hop_data) {
        // What stands in its place is no AMP, and longer by what is kept at most.
        let instead = payload.in_one_part(bytes(&mut dice), &payload.kept().write());
        assert!(Payload::read(&instead).is_none());
        assert!(instead.len() <= hop_data.len() + payload.kept().write().len() + 16);
    }
    if let Some(kept) = Kept::read(&hop_data) {
        assert_eq!(kept.write(), hop_data);
    }
}

/// Parts of several payers, some of them wrong, in any order.
fn sets(seed: u64) {
    let mut dice = Dice(seed);
    let limits = Limits {
        parts: 1 + dice.below(8),
        sets: 1 + dice.below(4),
        msat: Msat::up_to_max(1 << 20),
        secs: 120,
    };
    let mut incoming = Incoming::new(limits);
    let mut parts: Vec<(Share, Part)> = Vec::new();
    for _ in 0..=dice.below(4) {
        parts.extend(payment(&mut dice));
    }
    let (mut now, mut height) = (0, 0);
    for _ in 0..40 {
        let Some((root, part)) = dice.pick(&parts).copied() else { break };
        let part = Part { arrived_at: now, ..part };
        match incoming.offer(part) {
            Verdict::Complete(complete) => {
                assert!(complete.amount_msat >= part.kept.total.total_msat);
                assert!(complete.claims.len() <= limits.parts);
                assert!(complete.claims.iter().all(|claim| claim.preimage.hash() == claim.hash));
                assert_eq!(part.kept.amp.child.preimage(root).hash(), part.hash);
                if let Some(claim) = dice.pick(&complete.claims) {
                    incoming.claimed(claim.hash);
                }
            }
            Verdict::SetRefused(_, hashes) => assert!(hashes.contains(&part.hash)),
            Verdict::Held | Verdict::Refused(_) => {}
        }
        now += dice.roll() % 40;
        height += u32::try_from(dice.below(3)).unwrap_or_default();
        for (set, hashes) in incoming.expire(now, height) {
            assert!(!hashes.is_empty(), "{set:?}");
        }
    }
}

/// Parts of one payment with its root; some lie.
fn payment(dice: &mut Dice) -> Vec<(Share, Part)> {
    let set = SetId([u8::try_from(dice.below(3)).unwrap_or_default(); 32]);
    let root = Share(bytes(dice));
    let mut outgoing = Outgoing::new(set, root);
    let count = 1 + u32::try_from(dice.below(6)).unwrap_or_default();
    let mut draw = dice.clone();
    dice.roll();
    let children = outgoing.deal(count, || bytes(&mut draw)).unwrap_or_default();
    let total = Total { address: PaymentAddress([1; 32]), total_msat: Msat::from(count.saturating_mul(10)) };
    let parts = children.into_iter().map(|child| {
        let deadline = (dice.below(2) == 0).then_some(20);
        let kept = Kept { amp: outgoing.record(child), total };
        let hash = child.hash(root);
        let mut part =
            Part { hash, amount_msat: Msat::from(10), kept, deadline, arrived_at: 0, is_claimed: false };
        match dice.below(12) {
            0 => part.kept.amp.child.share = Share(bytes(dice)),
            1 => part.kept.amp.child.index = 0,
            2 => part.kept.total.total_msat = Msat::from(11),
            3 => part.kept.total.address = PaymentAddress([2; 32]),
            4 => part.amount_msat = Msat::up_to_max(dice.roll()),
            _ => {}
        }
        (root, part)
    });
    parts.collect()
}
