//! Requests of strangers, damaged, and a life of writes: `cargo run --profile fuzz -p amplet-vss --example fuzz_vss -- TARGET SECONDS
//! [SEED]`. Targets: `requests` (bodies and headers to a server in memory), `sums` (what a store counts is what it has).

use amplet_fuzz::{Dice, damage, run};
use amplet_vss::messages::{
    DeleteObjectRequest, GetObjectRequest, KeyValue, ListKeyVersionsRequest, ListKeyVersionsResponse,
    PutObjectRequest, RemoveDeviceRequest,
};
use amplet_vss::{MemoryServer, Message, PREFIX, auth};
use bitcoin::secp256k1::{Secp256k1, SecretKey};

const OPERATIONS: [&str; 6] =
    ["getObject", "putObjects", "deleteObject", "listKeyVersions", "removeDevice", "x"];
const NOW: u64 = 1_800_000_000;

fn main() {
    run(&[("requests", requests), ("sums", sums)]);
}

fn header() -> String {
    SecretKey::from_slice(&[1; 32])
        .map_or_else(|_| String::new(), |key| auth::header(&Secp256k1::new(), &key, NOW))
}

fn item(dice: &mut Dice) -> KeyValue {
    let versions = [-1, 0, 1, 2, i64::MAX, i64::MIN];
    KeyValue {
        key: format!("k{}", dice.below(6)),
        version: dice.pick(&versions).copied().unwrap_or_default(),
        value: vec![7; dice.below(50)],
        deleted: dice.below(2) == 0,
    }
}

fn put(dice: &mut Dice) -> PutObjectRequest {
    PutObjectRequest {
        store_id: "s".into(),
        global_version: (dice.below(3) == 0).then(|| i64::try_from(dice.below(4)).unwrap_or_default() - 1),
        transaction_items: (0..dice.below(4)).map(|_| item(dice)).collect(),
        delete_items: (0..dice.below(3)).map(|_| item(dice)).collect(),
        wait_ms: 0,
    }
}

fn list(dice: &mut Dice) -> ListKeyVersionsRequest {
    let tokens = ["", "n3", "c1.2.3", "f1.2.3", "n-9223372036854775808", "c9223372036854775807.0.0", "n1.1"];
    ListKeyVersionsRequest {
        store_id: "s".into(),
        key_prefix: (dice.below(2) == 0).then(|| "k".into()),
        page_size: (dice.below(2) == 0).then(|| i32::try_from(dice.below(4)).unwrap_or_default()),
        page_token: (dice.below(2) == 0).then(|| dice.pick(&tokens).copied().unwrap_or_default().into()),
        changed_since: (dice.below(2) == 0).then(|| i64::try_from(dice.below(9)).unwrap_or_default() - 1),
        include_values: dice.below(2) == 0,
    }
}

fn body(dice: &mut Dice) -> Vec<u8> {
    match dice.below(5) {
        4 => RemoveDeviceRequest { device: vec![2; dice.below(3) + 32] }.encode_to_vec(),
        0 => GetObjectRequest { store_id: "s".into(), key: "k1".into(), ..GetObjectRequest::default() }
            .encode_to_vec(),
        1 => DeleteObjectRequest { store_id: "s".into(), key_value: Some(item(dice)) }.encode_to_vec(),
        2 => list(dice).encode_to_vec(),
        _ => put(dice).encode_to_vec(),
    }
}

/// Whatever comes is answered.
fn requests(seed: u64) {
    let mut dice = Dice(seed);
    let server = MemoryServer::default();
    for _ in 0..20 {
        let operation = dice.pick(&OPERATIONS).copied().unwrap_or_default();
        let (mut bytes, other) = (body(&mut dice), body(&mut dice));
        if dice.below(2) == 0 {
            damage(&mut dice, &mut bytes, &other);
        }
        let mut header = header().into_bytes();
        if dice.below(8) == 0 {
            damage(&mut dice, &mut header, &other);
        }
        let header = String::from_utf8_lossy(&header);
        let answer = server.request(&format!("{PREFIX}/{operation}"), &header.into_owned(), &bytes, NOW);
        assert!(answer.is_ok_and(|answer| [200, 400, 401, 404, 409].contains(&answer.status)));
    }
}

/// After any writes a listing of everything has what the store counts, and a client that follows the changes has the same.
fn sums(seed: u64) {
    let mut dice = Dice(seed);
    let server = MemoryServer::default();
    let header = header();
    let ask = |operation: &str, body: Vec<u8>| {
        server.request(&format!("{PREFIX}/{operation}"), &header, &body, NOW)
    };
    let mut followed = std::collections::BTreeMap::new();
    let mut since = 0;
    for _ in 0..30 {
        for _ in 0..dice.below(5) {
            let _ = ask("putObjects", put(&mut dice).encode_to_vec());
        }
        let page = |changed_since| {
            let request = ListKeyVersionsRequest {
                store_id: "s".into(),
                changed_since: Some(changed_since),
                include_values: true,
                ..ListKeyVersionsRequest::default()
            };
            let answer = ask("listKeyVersions", request.encode_to_vec());
            answer.ok().and_then(|answer| ListKeyVersionsResponse::decode(answer.body.as_slice()).ok())
        };
        let (Some(changes), Some(all)) = (page(since), page(0)) else { panic!("a listing failed") };
        for item in changes.key_versions {
            match item.deleted {
                true => followed.remove(&item.key),
                false => followed.insert(item.key.clone(), item),
            };
        }
        since = changes.sequence.unwrap_or_default();
        let everything = all.key_versions.into_iter().map(|item| (item.key.clone(), item)).collect();
        assert_eq!(followed, everything);
    }
}
