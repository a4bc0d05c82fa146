//! As much of an Esplora server as is asked for, over a bitcoind.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use bitcoin::ScriptBuf;
use bitcoin::hashes::{Hash, sha256};
use serde_json::{Value, json};
use xtask::regtest::bitcoind::Bitcoind;

/// What its blocks hold.
struct Esplora {
    bitcoind: Arc<Bitcoind>,
    /// Unspent outputs, by outpoint.
    coins: HashMap<String, Value>,
    /// Spends of outputs, by outpoint.
    spends: HashMap<String, Value>,
    /// Transactions in hex, by id.
    transactions: HashMap<String, Value>,
}

/// Starts one that knows the blocks that there are now. Returns its URL.
pub fn serve(bitcoind: Arc<Bitcoind>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let esplora = Arc::new(Esplora::new(bitcoind));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let esplora = Arc::clone(&esplora);
            std::thread::spawn(move || esplora.speak(stream.unwrap()));
        }
    });
    url
}

impl Esplora {
    fn new(bitcoind: Arc<Bitcoind>) -> Self {
        let (coins, spends, transactions) = Default::default();
        let mut esplora = Self { bitcoind, coins, spends, transactions };
        for height in 1..=esplora.bitcoind.height().unwrap() {
            let hash = esplora.bitcoind.call("getblockhash", &json!([height])).unwrap();
            let block = esplora.bitcoind.call("getblock", &json!([hash, 2])).unwrap();
            let status = json!({ "confirmed": true, "block_height": height, "block_hash": hash });
            block["tx"].as_array().unwrap().iter().for_each(|tx| esplora.add(tx, &status));
        }
        esplora
    }

    fn add(&mut self, tx: &Value, status: &Value) {
        let txid = tx["txid"].as_str().unwrap();
        self.transactions.insert(txid.into(), tx["hex"].clone());
        for input in tx["vin"].as_array().unwrap().iter().filter(|input| input["txid"].is_string()) {
            let outpoint = format!("{}:{}", input["txid"].as_str().unwrap(), input["vout"]);
            self.coins.remove(&outpoint);
            self.spends.insert(outpoint, json!({ "spent": true, "txid": txid, "status": status }));
        }
        for output in tx["vout"].as_array().unwrap() {
            let script = ScriptBuf::from_hex(output["scriptPubKey"]["hex"].as_str().unwrap()).unwrap();
            let coin = json!({
                "hash": sha256::Hash::hash(script.as_bytes()).to_string(),
                "txid": txid,
                "vout": output["n"],
                "value": (output["value"].as_f64().unwrap() * 1e8).round() as u64,
                "status": status,
            });
            self.coins.insert(format!("{txid}:{}", output["n"]), coin);
        }
    }

    fn speak(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let mut length = 0;
            loop {
                let mut header = String::new();
                reader.read_line(&mut header).unwrap();
                if header.trim().is_empty() {
                    break;
                }
                if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let path = line.split(' ').nth(1).unwrap();
            let (status, answer) = match self.answer(path, &String::from_utf8(body).unwrap()) {
                Ok(answer) => ("200 OK", answer),
                Err(refusal) => ("400 Bad Request", refusal),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", answer.len());
            if stream.write_all(format!("{head}{answer}").as_bytes()).is_err() {
                return;
            }
        }
    }

    /// `Err`: what bitcoind says against it.
    fn answer(&self, path: &str, body: &str) -> Result<String, String> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let text = |method: &str, params: Value| -> String {
            self.bitcoind.call(method, &params).unwrap().as_str().unwrap().into()
        };
        Ok(match parts[..] {
            ["blocks", "tip", "height"] => self.bitcoind.height().unwrap().to_string(),
            ["block-height", height] => text("getblockhash", json!([height.parse::<u64>().unwrap()])),
            ["block", hash, "header"] => text("getblockheader", json!([hash, false])),
            ["fee-estimates"] => r#"{"1":5.0,"6":2.0}"#.into(),
            ["tx"] => {
                let sent = self.bitcoind.call("sendrawtransaction", &json!([body]));
                sent.map_err(|error| error.to_string())?.as_str().unwrap().into()
            }
            ["txs", "package"] => {
                let package: Value = serde_json::from_str(body).unwrap();
                self.bitcoind.call("submitpackage", &json!([package])).unwrap().to_string()
            }
            ["tx", txid, "hex"] => self.transactions[txid].as_str().unwrap().into(),
            ["tx", txid, "outspend", vout] => self.spend(txid, vout).to_string(),
            ["scripthash", hash] => json!({ "chain_stats": { "tx_count": self.at(hash).len() } }).to_string(),
            ["scripthash", hash, "utxo"] => Value::from(self.at(hash)).to_string(),
            _ => panic!("{path} {body}"),
        })
    }

    fn at(&self, script_hash: &str) -> Vec<Value> {
        self.coins.values().filter(|coin| coin["hash"] == script_hash).cloned().collect()
    }

    fn spend(&self, txid: &str, vout: &str) -> Value {
        if let Some(spend) = self.spends.get(&format!("{txid}:{vout}")) {
            return spend.clone();
        }
        let output = json!([[{ "txid": txid, "vout": vout.parse::<u32>().unwrap() }]]);
        let waiting = self.bitcoind.call("gettxspendingprevout", &output).unwrap()[0]["spendingtxid"].clone();
        match waiting.is_string() {
            true => json!({ "spent": true, "txid": waiting, "status": { "confirmed": false } }),
            false => json!({ "spent": false }),
        }
    }
}
