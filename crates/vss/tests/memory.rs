//! The server in memory passes the suite, and its troubles are what they say.
#![allow(clippy::unwrap_used)]

use amplet_vss::conformance::{self, Asker, Subject};
use amplet_vss::messages::{
    ErrorResponse, GetObjectRequest, GetObjectResponse, KeyValue, Limit, PutObjectRequest,
};
use amplet_vss::rules::Quota;
use amplet_vss::{MemoryServer, Message, Proof, Unreachable, auth};
use bitcoin::secp256k1::{Secp256k1, SecretKey};
use futures::FutureExt;
use futures::executor::block_on;
use std::time::Duration;

const NOW: u64 = 1_800_000_000;

struct InMemory(MemoryServer);

fn header(client: u8) -> String {
    auth::header(&Secp256k1::new(), &SecretKey::from_slice(&[client; 32]).unwrap(), NOW)
}

impl Subject for InMemory {
    async fn ask(&self, asker: Asker, operation: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        let path = format!("{}/{operation}", amplet_vss::PREFIX);
        let (secp, key) = (Secp256k1::new(), |number: u8| SecretKey::from_slice(&[number; 32]).unwrap());
        let account = key(asker.client).public_key(&secp);
        let device = asker.device.map(|device| auth::device_header(&secp, &account, &key(device), NOW));
        let proof = Proof { authorization: &header(asker.client), device: device.as_deref() };
        let answer = self.0.request(&path, proof, &body, NOW).unwrap();
        (answer.status, answer.body)
    }

    async fn restart(&mut self) {
        let has = self.0.snapshot();
        self.0 = MemoryServer::default();
        self.0.restore(has);
    }
}

#[test]
fn it_passes_the_suite() {
    block_on(conformance::run(&mut InMemory(MemoryServer::default())));
}

fn put(server: &MemoryServer, key: &str, value: Vec<u8>, version: i64) -> Result<u16, Unreachable> {
    let item = KeyValue { key: key.into(), version, value, deleted: false };
    let transaction_items = vec![item];
    let request = PutObjectRequest { store_id: "s".into(), transaction_items, ..PutObjectRequest::default() };
    let answer = server.request("/vss/v1/putObjects", &header(1), &request.encode_to_vec(), NOW)?;
    if answer.status == 507 {
        let error = ErrorResponse::decode(answer.body.as_slice()).unwrap();
        assert_eq!(error.limit(), Limit::Quota);
    }
    Ok(answer.status)
}

fn get(server: &MemoryServer, key: &str) -> Option<i64> {
    let request = GetObjectRequest { store_id: "s".into(), key: key.into(), ..GetObjectRequest::default() };
    let answer = server.request("/vss/v1/getObject", &header(1), &request.encode_to_vec(), NOW).unwrap();
    let response = (answer.status == 200).then(|| GetObjectResponse::decode(answer.body.as_slice()).unwrap());
    response.and_then(|response| response.value).map(|value| value.version)
}

#[test]
fn its_troubles() {
    let server = MemoryServer::default();
    assert_eq!(put(&server, "a", vec![1], 0), Ok(200));
    let snapshot = server.snapshot();
    server.set_unreachable(true);
    assert_eq!(put(&server, "a", vec![2], 1), Err(Unreachable));
    server.set_unreachable(false);
    assert_eq!(get(&server, "a"), Some(1), "what could not reach it was not done");
    server.lose_answers(1);
    assert_eq!(put(&server, "a", vec![2], 1), Err(Unreachable));
    assert_eq!(get(&server, "a"), Some(2), "what it lost the answer to was done");
    server.restore(snapshot);
    assert_eq!(get(&server, "a"), Some(1));
    server.set_delay_ms(7);
    assert_eq!((server.delay_ms(), server.puts()), (7, 2));
}

#[test]
fn a_wrong_signature_gets_nothing() {
    let server = MemoryServer::default();
    for (header, now) in [(header(1), NOW + 2 * auth::LIFETIME_SECS), ("x".into(), NOW)] {
        assert_eq!(server.request("/vss/v1/getObject", &header, &[], now).unwrap().status, 401);
    }
}

#[test]
fn what_grows_has_to_fit_the_quota_and_what_shrinks_always_may() {
    let server = MemoryServer::default();
    server.set_quota(Quota { max_bytes: 1_000, max_keys: 2 });
    assert_eq!(put(&server, "a", vec![0; 900], 0), Ok(200));
    assert_eq!(put(&server, "b", vec![0; 900], 0), Ok(507));
    assert_eq!(put(&server, "a", vec![0; 936], 1), Ok(507));
    assert_eq!(put(&server, "a", vec![0; 935], 1), Ok(200));
    server.set_quota(Quota { max_bytes: 500, max_keys: 2 });
    assert_eq!(put(&server, "a", vec![0; 934], 2), Ok(200), "less than before");
    assert_eq!(put(&server, "a", vec![0; 10], 3), Ok(200));
    assert_eq!(put(&server, "b", vec![0; 10], 0), Ok(200));
    assert_eq!(put(&server, "c", vec![0; 10], 0), Ok(507));
}

/// A read waits for a change of its store, and for no other's, and no longer than it says.
#[test]
fn a_read_waits_for_a_change() {
    let server = MemoryServer::default();
    let write = |client: u8, global_version: i64| {
        let request = PutObjectRequest {
            store_id: "s".into(),
            global_version: Some(global_version),
            ..PutObjectRequest::default()
        };
        server.request("/vss/v1/putObjects", &header(client), &request.encode_to_vec(), NOW).unwrap().status
    };
    let read = |while_version: i64, sleep: futures::channel::oneshot::Receiver<()>| {
        let request = GetObjectRequest {
            store_id: "s".into(),
            key: "vss_global_version".into(),
            while_version: Some(while_version),
            wait_ms: 60_000,
        };
        let server = server.clone();
        async move {
            let (header, body) = (header(1), request.encode_to_vec());
            let wait = |time: Duration| async move {
                assert_eq!(time, Duration::from_secs(30), "a server has a limit of its own");
                sleep.await.unwrap();
            };
            let answer = server.request_and_wait("/vss/v1/getObject", &header, &body, || NOW, wait).await;
            GetObjectResponse::decode(answer.unwrap().body.as_slice()).unwrap().value.unwrap().version
        }
    };
    let never = || futures::channel::oneshot::channel().1;
    assert_eq!(write(1, 0), 200);
    assert_eq!(read(0, never()).now_or_never(), Some(1), "it has changed already");
    let (over, time) = futures::channel::oneshot::channel();
    let (_kept, forever) = futures::channel::oneshot::channel();
    let (mut first, mut second) = (Box::pin(read(1, forever)), Box::pin(read(1, time)));
    assert_eq!(write(2, 0), 200);
    assert_eq!((&mut first).now_or_never(), None);
    assert_eq!((&mut second).now_or_never(), None);
    over.send(()).unwrap();
    assert_eq!(second.now_or_never(), Some(1));
    assert_eq!(write(1, 1), 200);
    assert_eq!(first.now_or_never(), Some(2));
}
