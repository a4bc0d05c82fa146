//! The chain API under strangers, with a real bitcoind.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use amplet_gateway::limits::raise_open_files;
use serde_json::{Value, json};

use super::statuses;
use crate::wallets::RegtestGateway;

const MANY: usize = 1024;

/// Bytes of a block's one large witness: near what a block can hold.
const LARGE: usize = 3_900_000;

fn asks(address: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    stream
}

#[test]
fn strangers_who_wait_for_blocks_do_not_blind_the_node() {
    raise_open_files(8 * MANY);
    let regtest = RegtestGateway::up("");
    let tip = regtest.bitcoind.call("getbestblockhash", &json!([])).unwrap();
    let path = format!("/status?after={}", tip.as_str().unwrap());
    let waiting: Vec<_> = (0..MANY).map(|_| asks(&regtest.gateway.http, &path)).collect();
    // The node waits for a block, too, so this question is a second one beside that.
    let sync = || regtest.ask("POST", "/admin/v1/sync", &json!({}))["height"].as_u64().unwrap();
    assert_eq!(sync(), regtest.bitcoind.height().unwrap());
    let height = regtest.bitcoind.mine(3).unwrap();
    let again: Vec<_> = (0..MANY).map(|_| asks(&regtest.gateway.http, &path)).collect();
    let end = Instant::now() + Duration::from_secs(20);
    while sync() < height {
        assert!(Instant::now() < end, "the node does not reach {height}");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(regtest.gateway.get("/health").status, 200);
    drop((waiting, again));
}

/// A block of nearly four megabytes: its one transaction has a witness that nobody checks (to a pay-to-anchor output).
fn mine_a_large_block(regtest: &RegtestGateway) -> String {
    let call = |method: &str, params: Value| regtest.bitcoind.call(method, &params).unwrap();
    let text = |value: Value| value.as_str().unwrap().to_owned();
    let hash = text(call("getblockhash", json!([1])));
    let coinbase = call("getblock", json!([hash, 1]))["tx"][0].clone();
    let inputs = json!([{ "txid": coinbase, "vout": 0 }]);
    let address = "bcrt1pfeesnyr2tx";
    let raw = text(call("createrawtransaction", json!([inputs, [{ address: "49.9999" }]])));
    let mut tx: bitcoin::Transaction = bitcoin::consensus::encode::deserialize_hex(&raw).unwrap();
    tx.input[0].witness.push(vec![7; LARGE]);
    let raw = bitcoin::consensus::encode::serialize_hex(&tx);
    text(call("generateblock", json!([address, [raw]]))["hash"].clone())
}

#[test]
fn a_large_block_for_many_who_do_not_read_is_in_memory_once() {
    let regtest = RegtestGateway::up("");
    let hash = mine_a_large_block(&regtest);
    let path = format!("/block/{hash}");
    assert_eq!(regtest.gateway.get(&path).bytes.len() / LARGE, 1);
    let before = regtest.gateway.resident_bytes();
    let open: Vec<_> = (0..200).map(|_| asks(&regtest.gateway.http, &path)).collect();
    // Whoever takes it gets it, so the others have had their turn.
    let mut most = 0;
    for _ in 0..50 {
        let answer = regtest.gateway.get("/health");
        assert_eq!(answer.status, 200);
        most = most.max(regtest.gateway.resident_bytes());
        std::thread::sleep(Duration::from_millis(100));
    }
    let grown = most.saturating_sub(before) >> 20;
    assert!(grown < 100, "{grown} MiB more for {} who do not read", open.len());
}

/// Each is a task for bitcoind.
#[test]
fn requests_to_send_are_few_at_a_time() {
    let regtest = RegtestGateway::up("");
    let unfinished = || {
        let mut stream = TcpStream::connect(&regtest.gateway.http).unwrap();
        stream.write_all(b"POST /tx HTTP/1.1\r\nHost: x\r\nContent-Length: 800000\r\n\r\n00").unwrap();
        stream
    };
    let open: Vec<_> = (0..40).map(|_| unfinished()).collect();
    assert_eq!(statuses(&open, 36), [429; 36], "before their bodies");
}
