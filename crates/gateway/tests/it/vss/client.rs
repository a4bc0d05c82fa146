//! A wallet that speaks plain HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use amplet_vss::messages::{
    GetObjectRequest, GetObjectResponse, KeyValue, PutObjectRequest, PutObjectResponse,
};
use amplet_vss::{GET_OBJECT, Message, PREFIX, PUT_OBJECTS, auth};
use bitcoin::secp256k1::{Secp256k1, SecretKey};

/// The header `Authorization` of the client with this number, signed so many seconds ago.
pub fn header(client: u8, secs_ago: u64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    auth::header(&Secp256k1::new(), &SecretKey::from_slice(&[client; 32]).unwrap(), now - secs_ago)
}

/// Sends a request; `None`: no answer came.
pub fn post(address: &str, operation: &str, authorization: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let head = format!(
        "POST {PREFIX}/{operation} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {authorization}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n")?;
    let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
    Some((status, answer.split_off(head + 4)))
}

/// An item.
pub fn item(key: &str, value: impl AsRef<[u8]>, version: i64) -> KeyValue {
    KeyValue { key: key.into(), value: value.as_ref().to_vec(), version, deleted: false }
}

/// A write of the store `s`.
pub fn write(global_version: Option<i64>, items: Vec<KeyValue>) -> PutObjectRequest {
    PutObjectRequest {
        store_id: "s".into(),
        global_version,
        transaction_items: items,
        ..PutObjectRequest::default()
    }
}

/// Writes as client 1, and returns the status and, where it was done, the sequence.
pub fn put(address: &str, request: &PutObjectRequest) -> Option<(u16, Option<i64>)> {
    let (status, body) = post(address, PUT_OBJECTS, &header(1, 0), &request.encode_to_vec())?;
    let sequence = (status == 200).then(|| PutObjectResponse::decode(body.as_slice()).unwrap().sequence);
    Some((status, sequence.flatten()))
}

/// Reads a key of the store `s` as a client.
pub fn get(address: &str, client: u8, key: &str) -> (u16, Option<KeyValue>) {
    let request = GetObjectRequest { store_id: "s".into(), key: key.into(), ..GetObjectRequest::default() }
        .encode_to_vec();
    let (status, body) = post(address, GET_OBJECT, &header(client, 0), &request).unwrap();
    let found = (status == 200).then(|| GetObjectResponse::decode(body.as_slice()).unwrap().value);
    (status, found.flatten())
}
