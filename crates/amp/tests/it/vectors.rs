//! Vectors that the project shares with its sisters (`../shared/data/amp_vectors.json`, beside the repository; not part of it).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use amplet_amp::{Amp, Child, Outgoing, PaymentAddress, SetId, Share, Total};
use amplet_protocol::{Msat, PaymentId};
use hex_conservative::{DisplayHex as _, FromHex as _};
use serde_json::Value;

fn vectors() -> Vec<Value> {
    // A worktree may lie deeper than the repository.
    let places = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(3);
    let files = places.map(|place| place.join("shared/data/amp_vectors.json"));
    let file = files.into_iter().find(|file| file.is_file()).expect("../shared/data/amp_vectors.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn bytes(value: &Value, name: &str) -> Vec<u8> {
    Vec::from_hex(value[name].as_str().unwrap()).unwrap()
}

fn bytes32(value: &Value, name: &str) -> [u8; 32] {
    bytes(value, name).try_into().unwrap()
}

/// A record as the vectors have it: type and length in a byte each.
fn record(kind: u64, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind.try_into().unwrap(), value.len().try_into().unwrap()];
    bytes.extend_from_slice(value);
    bytes
}

#[test]
fn hashes_preimages_and_records_are_those_of_the_vectors() {
    let vectors = vectors();
    assert!(vectors.len() >= 3);
    for vector in vectors {
        let root = Share(bytes32(&vector, "root"));
        let set = SetId(bytes32(&vector, "set_id"));
        let total_msat = Msat::new(vector["total_msat"].as_u64().unwrap()).unwrap();
        let total = Total { address: PaymentAddress(bytes32(&vector, "payment_addr")), total_msat };
        let mut children = Vec::new();
        for part in vector["children"].as_array().unwrap() {
            let index = part["child_index"].as_u64().unwrap().try_into().unwrap();
            let child = Child { share: Share(bytes32(part, "share")), index };
            assert_eq!(child.preimage(root).0, bytes32(part, "preimage"), "{}", vector["name"]);
            assert_eq!(child.hash(root), PaymentId(bytes32(part, "payment_hash")), "{}", vector["name"]);
            let amp = Amp { child, set };
            for (kind, value, name) in
                [(Total::TYPE, total.write(), "tlv8"), (Amp::TYPE, amp.write(), "tlv14")]
            {
                let expected = part[name].as_str().unwrap();
                assert_eq!(record(kind, &value).to_lower_hex_string(), expected, "{}", vector["name"]);
            }
            assert_eq!(Amp::read(&amp.write()), Ok(amp));
            assert_eq!(Total::read(&total.write()), Ok(total));
            children.push(child);
        }
        assert_eq!(Share::sum(children.iter().map(|child| child.share)), root, "{}", vector["name"]);
        // A payer that goes on from them has nothing free.
        let mut payer = Outgoing::resume(set, root, 0, children);
        assert!(payer.deal(1, || [0; 32]).is_err());
    }
}
