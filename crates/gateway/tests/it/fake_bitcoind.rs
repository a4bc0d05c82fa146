//! A bitcoind that answers what `check` and the start ask, well or wrongly.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Well,
    WrongLogin,
    OtherNetwork,
    NoFilterIndex,
    /// Its lowest block is this.
    Pruned(u32),
    /// Its filters end so many blocks below its tip.
    FiltersBehind(u32),
    NoBitcoind,
    WarmingUp,
    /// The connection is made, and nothing is said.
    Frozen,
}

/// Height of its newest block.
const HEIGHT: u32 = 200;
const REGTEST: &str = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
const SIGNET: &str = "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6";

/// Starts one; returns its URL. It answers until the test's process ends.
pub fn start(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, manner));
        }
    });
    url
}

fn serve(mut stream: TcpStream, manner: Manner) {
    while let Some(body) = read_request(&mut stream) {
        if manner == Manner::Frozen {
            std::thread::sleep(Duration::from_secs(3600));
        }
        let (status, answer) = match manner {
            Manner::WrongLogin => ("401 Unauthorized", String::new()),
            Manner::NoBitcoind => ("200 OK", "<html>It works!</html>".to_owned()),
            _ => ("200 OK", reply(&body, manner)),
        };
        let length = answer.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        if stream.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

/// The body of the next request; `None`: there is none any more.
fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return Some(bytes[end + 4..].to_vec());
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend(&buffer[..read]),
        }
    }
}

fn reply(body: &[u8], manner: Manner) -> String {
    let calls: Vec<Value> = serde_json::from_slice(body).unwrap();
    let answer = |call: &Value| {
        let result = match manner {
            Manner::WarmingUp => Err(json!({"code": -28, "message": "Loading block index…"})),
            _ => result(call["method"].as_str().unwrap(), &call["params"], manner),
        };
        match result {
            Ok(result) => json!({"id": call["id"], "result": result, "error": null}),
            Err(error) => json!({"id": call["id"], "result": null, "error": error}),
        }
    };
    Value::from(calls.iter().map(answer).collect::<Vec<_>>()).to_string()
}

fn result(method: &str, params: &Value, manner: Manner) -> Result<Value, Value> {
    let genesis = if manner == Manner::OtherNetwork { SIGNET } else { REGTEST };
    match method {
        "getblockchaininfo" => {
            let mut info = json!({
                "chain": if manner == Manner::OtherNetwork { "signet" } else { "regtest" },
                "blocks": HEIGHT, "headers": HEIGHT, "time": 1_700_000_000, "initialblockdownload": false,
                "pruned": false,
            });
            if let Manner::Pruned(lowest) = manner {
                info["pruned"] = true.into();
                info["pruneheight"] = lowest.into();
            }
            Ok(info)
        }
        "getindexinfo" if manner == Manner::NoFilterIndex => Ok(json!({})),
        "getindexinfo" => {
            let behind = if let Manner::FiltersBehind(blocks) = manner { blocks } else { 0 };
            Ok(
                json!({"basic block filter index": {"synced": behind == 0, "best_block_height": HEIGHT - behind}}),
            )
        }
        "getblockhash" if params[0] == 0 => Ok(genesis.into()),
        _ => Err(json!({"code": -1, "message": "this one answers no such question"})),
    }
}
