//! Payloads of last hops, and what stands in their place.
#![allow(clippy::unwrap_used)]

use amplet_amp::{Amp, Child, Kept, Payload, PayloadFault, PaymentAddress, RecordFault, SetId, Share, Total};
use amplet_protocol::Msat;
use proptest::prelude::*;

fn kept(index: u32) -> Kept {
    let amp = Amp { child: Child { share: Share([1; 32]), index }, set: SetId([2; 32]) };
    Kept { amp, total: Total { address: PaymentAddress([3; 32]), total_msat: Msat::from(5000) } }
}

/// A payload with these records, its length first and this HMAC behind it; all lengths below 253.
fn payload(records: &[(u64, Vec<u8>)], hmac: [u8; 32]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (kind, value) in records {
        if *kind < 0xfd {
            stream.push(u8::try_from(*kind).unwrap());
        } else {
            stream.push(0xff);
            stream.extend(kind.to_be_bytes());
        }
        stream.push(u8::try_from(value.len()).unwrap());
        stream.extend(value);
    }
    let mut bytes = vec![u8::try_from(stream.len()).unwrap()];
    bytes.extend(stream);
    bytes.extend(hmac);
    bytes
}

fn records() -> Vec<(u64, Vec<u8>)> {
    vec![(2, vec![0x03, 0xe8]), (4, vec![200]), (8, kept(1).total.write()), (14, kept(1).amp.write())]
}

fn read(records: &[(u64, Vec<u8>)]) -> Option<Result<Payload, PayloadFault>> {
    Payload::read(&payload(records, [0; 32]))
}

#[test]
fn a_part_is_read_and_written_as_a_payment_of_its_own() {
    let read = read(&records()).unwrap().unwrap();
    assert_eq!((read.amount_msat(), read.kept()), (Msat::from(1000), kept(1)));
    let mut secret = vec![7; 32];
    secret.extend([0x03, 0xe8]);
    let own = vec![(2, vec![0x03, 0xe8]), (4, vec![200]), (8, secret), (16, vec![6; 5])];
    assert_eq!(read.in_one_part([7; 32], &[6; 5]), payload(&own, [0; 32]));
}

#[test]
fn what_is_not_amp_is_left_alone() {
    let [amount, expiry, total, amp] = &records()[..] else { unreachable!() };
    let plain = vec![amount.clone(), expiry.clone(), total.clone()];
    assert_eq!(read(&plain), None);
    // On the way to another node.
    assert_eq!(Payload::read(&payload(&records(), [1; 32])), None);
    // No streams of records: types that do not ascend, and a value beyond the end.
    assert_eq!(read(&[amp.clone(), total.clone()]), None);
    let mut cut = payload(&records(), [0; 32]);
    cut[0] -= 1;
    assert_eq!(Payload::read(&cut), None);
    assert_eq!(Payload::read(&[]), None);
}

#[test]
fn a_payload_that_contradicts_itself_is_refused() {
    let missing = |kind: u64| {
        let mut records = records();
        records.retain(|(known, _)| *known != kind);
        records
    };
    let with = |kind: u64, value: &[u8]| {
        let mut records = missing(kind);
        records.push((kind, value.to_vec()));
        records.sort();
        records
    };
    let record = |record_type, fault| PayloadFault::Record { record_type, fault };
    let mut long = kept(u32::MAX).amp.write();
    long.push(1);
    let mut padded = kept(0).amp.write();
    padded.push(0);
    let cases = [
        (missing(8), PayloadFault::Missing(8)),
        (missing(2), PayloadFault::Missing(2)),
        (with(16, &[1]), PayloadFault::Beside(16)),
        (with(5_482_373_484, &[1; 32]), PayloadFault::Beside(5_482_373_484)),
        (with(14, &[1; 63]), record(14, RecordFault::Length)),
        (with(14, &[]), record(14, RecordFault::Length)),
        (with(14, &long), record(14, RecordFault::Length)),
        (with(14, &padded), record(14, RecordFault::Number)),
        (with(8, &[1; 31]), record(8, RecordFault::Length)),
        (with(8, &[1; 41]), record(8, RecordFault::Length)),
        (with(8, &[0xff; 40]), record(8, RecordFault::Amount)),
        (with(8, &[1; 32]), record(8, RecordFault::Amount)),
        (with(2, &[0, 1]), record(2, RecordFault::Number)),
        (with(2, &[0xff; 8]), record(2, RecordFault::Amount)),
    ];
    for (records, fault) in cases {
        assert_eq!(read(&records), Some(Err(fault)), "{fault}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (Payload::read(&bytes), Kept::read(&bytes));
        if let Ok(amp) = Amp::read(&bytes) { prop_assert_eq!(amp.write(), bytes.clone()); }
        if let Ok(total) = Total::read(&bytes) { prop_assert_eq!(total.write(), bytes); }
    }

    #[test]
    fn what_is_kept_is_read_as_it_was_written(share in any::<[u8; 32]>(), index in any::<u32>(), total in 1u64..=Msat::MAX.get()) {
        let kept = Kept {
            amp: Amp { child: Child { share: Share(share), index }, set: SetId(share) },
            total: Total { address: PaymentAddress(share), total_msat: Msat::new(total).unwrap() },
        };
        prop_assert_eq!(Kept::read(&kept.write()), Some(kept));
        let mut longer = kept.write();
        longer.push(0);
        prop_assert_eq!(Kept::read(&longer), None);
    }
}
