//! The program on a real `bitcoind -regtest`, and with an Esplora server over the same chain.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use amplet_exit::coins::SeedKeys;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::{Address, Network, ScriptBuf};
use serde_json::{Value, json};
use xtask::regtest::bitcoind::Bitcoind;

const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";
const OTHER_WORDS: &str = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above";

struct World {
    bitcoind: Arc<Bitcoind>,
    dir: tempfile::TempDir,
    keys: SeedKeys,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cache = xtask::cache::Cache::open().unwrap();
        let binary = xtask::tools::bitcoind::ensure(&cache, 2).unwrap();
        let bitcoind = Arc::new(Bitcoind::start(&binary, &dir.path().join("bitcoind")).unwrap());
        std::fs::write(dir.path().join("password"), bitcoind.access().2).unwrap();
        Self { bitcoind, dir, keys: SeedKeys::new(WORDS, Network::Regtest).unwrap() }
    }

    fn pay(&self, script: &ScriptBuf, sat: u64) {
        let address = Address::from_script(script, Network::Regtest).unwrap().to_string();
        self.bitcoind.fund(&address, sat).unwrap();
        self.bitcoind.mine(1).unwrap();
    }

    /// Coins of every kind that the phrase can spend, 100,000 sat each.
    fn pay_every_kind(&self) -> u64 {
        let savings = [(86, 0, 0), (86, 1, 7), (84, 0, 3)];
        let savings =
            savings.map(|(purpose, chain, index)| self.keys.savings(purpose, chain, index).unwrap().0);
        let closed = |number: u32, at: usize| self.keys.closed(number).unwrap()[at].0.clone();
        // Without anchors and with, the first and the last key, the first and the last installation.
        let closed = [closed(0, 0), closed(0, 1), closed(19, 1_998), closed(19, 1_999)];
        let all: Vec<ScriptBuf> = savings.into_iter().chain(closed).collect();
        all.iter().for_each(|script| self.pay(script, 100_000));
        all.len() as u64 * 100_000
    }

    /// Somebody's address, and its script.
    fn destination(&self) -> (String, ScriptBuf) {
        let script = SeedKeys::new(OTHER_WORDS, Network::Regtest).unwrap().savings(84, 0, 0).unwrap().0;
        (Address::from_script(&script, Network::Regtest).unwrap().to_string(), script)
    }

    /// Value at a script in blocks, in sat.
    fn value_at(&self, script: &ScriptBuf) -> u64 {
        let found =
            self.bitcoind.call("scantxoutset", &json!(["start", [format!("raw({script:x})")]])).unwrap();
        (found["total_amount"].as_f64().unwrap() * 1e8).round() as u64
    }

    fn exit(&self, words: &str, more: &[&str]) -> Output {
        run(words, &[&["--network", "regtest"], more].concat())
    }

    fn by_core(&self, words: &str, more: &[&str]) -> Output {
        let (url, user, _) = self.bitcoind.access();
        let file = self.dir.path().join("password");
        let login = ["--bitcoind", url, "--rpc-user", user, "--rpc-password-file", file.to_str().unwrap()];
        self.exit(words, &[&login, more].concat())
    }
}

fn run(words: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_amplet-exit"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it reads.
    let _ = child.stdin.take().unwrap().write_all(format!("{words}\n").as_bytes());
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn everything_comes_home_by_bitcoin_core() {
    let world = World::new();
    // Two installations of twenty, where that is not what is shown: each look is quicker then.
    let two = ["--installations", "0,19"];
    let nothing = world.by_core(WORDS, &two);
    assert_eq!(nothing.status.code(), Some(3), "{}", text(&nothing));
    let all = world.pay_every_kind();
    let found = world.by_core(WORDS, &[]);
    assert_eq!(found.status.code(), Some(0), "{}", text(&found));
    assert!(text(&found).contains(&format!("total  {all} sat in 7 coins")), "{}", text(&found));
    assert_eq!(world.by_core(OTHER_WORDS, &two).status.code(), Some(3));
    let few = world.by_core(WORDS, &["--installations", "0"]);
    assert!(text(&few).contains("in 5 coins"), "{}", text(&few));

    // A dry run sends nothing.
    let (address, script) = world.destination();
    let dry = world.by_core(WORDS, &[&two[..], &["--to", &address, "--fee-rate", "2.5"]].concat());
    assert!(dry.status.success() && text(&dry).contains("Nothing was sent"), "{}", text(&dry));
    world.bitcoind.mine(1).unwrap();
    assert_eq!(world.value_at(&script), 0);

    let sent = world.by_core(WORDS, &[&two[..], &["--to", &address, "--fee-rate", "2.5", "--send"]].concat());
    assert!(sent.status.success(), "{}", text(&sent));
    // What waits to be spent is not found again.
    assert_eq!(world.by_core(WORDS, &two).status.code(), Some(3));
    world.bitcoind.mine(1).unwrap();
    let home = world.value_at(&script);
    // Seven inputs of 58 to 69 vB.
    assert!((all - 1_500..=all - 1_000).contains(&home), "{home} of {all}");
}

#[test]
fn everything_comes_home_by_esplora() {
    let world = World::new();
    let all = world.pay_every_kind();
    let url = esplora(Arc::clone(&world.bitcoind));
    let (address, script) = world.destination();
    // Two installations, to be done within seconds.
    let arguments =
        ["--esplora", &url, "--installations", "0,19", "--addresses", "20", "--to", &address, "--send"];
    let sent = world.exit(WORDS, &arguments);
    assert!(sent.status.success(), "{}", text(&sent));
    world.bitcoind.mine(1).unwrap();
    let home = world.value_at(&script);
    assert!((all - 1_500..all).contains(&home), "{home} of {all}: {}", text(&sent));
}

#[test]
fn what_is_wrong_is_said() {
    let world = World::new();
    let (address, _) = world.destination();
    let (url, user, _) = world.bitcoind.access();
    let wrong_password = world.dir.path().join("wrong");
    std::fs::write(&wrong_password, "wrong").unwrap();
    let wrong_login =
        ["--bitcoind", url, "--rpc-user", user, "--rpc-password-file", wrong_password.to_str().unwrap()];
    for (code, words, output) in [
        (2, "no server", world.exit(WORDS, &[])),
        (2, "is not on the BIP 39 word list", world.by_core(&WORDS.replace("legal", "legall"), &[])),
        (
            2,
            "is not an address on regtest",
            world.by_core(WORDS, &["--to", "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"]),
        ),
        (2, "is not a fee rate", world.by_core(WORDS, &["--to", &address, "--fee-rate", "0"])),
        (2, "add --cookie-file", world.exit(WORDS, &["--bitcoind", url])),
        (2, "is not a list of numbers", world.by_core(WORDS, &["--installations", "x"])),
        (2, "--to", world.by_core(WORDS, &["--send"])),
        (1, "refuses the login", world.exit(WORDS, &wrong_login)),
        (1, "cannot be read", world.exit(WORDS, &["--bitcoind", url, "--cookie-file", "/nowhere"])),
        (1, "", world.exit(WORDS, &["--esplora", "http://127.0.0.1:1"])),
    ] {
        assert_eq!(output.status.code(), Some(code), "{words}: {}", text(&output));
        let said = if words == "no server" { "--esplora" } else { words };
        assert!(text(&output).contains(said), "{said}: {}", text(&output));
        assert!(!text(&output).contains("legal winner"), "the phrase is not shown");
    }
    // More than half would be fees.
    world.pay(&world.keys.savings(86, 0, 0).unwrap().0, 10_000);
    let dear = world.by_core(WORDS, &["--installations", "0", "--to", &address, "--fee-rate", "90"]);
    assert_eq!(dear.status.code(), Some(1), "{}", text(&dear));
    assert!(text(&dear).contains("more than half"), "{}", text(&dear));
}

/// As much of an Esplora server as is asked for, over bitcoind's coins. Returns its URL.
fn esplora(bitcoind: Arc<Bitcoind>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let coins = all_coins(&bitcoind);
    let coins = Arc::new(coins);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (bitcoind, coins) = (Arc::clone(&bitcoind), Arc::clone(&coins));
            std::thread::spawn(move || serve(stream.unwrap(), &bitcoind, &coins));
        }
    });
    url
}

/// Every unspent output: of each block's transactions.
fn all_coins(bitcoind: &Bitcoind) -> Vec<Value> {
    let mut coins = Vec::new();
    for height in 1..=bitcoind.height().unwrap() {
        let hash = bitcoind.call("getblockhash", &json!([height])).unwrap();
        let block = bitcoind.call("getblock", &json!([hash, 2])).unwrap();
        for tx in block["tx"].as_array().unwrap() {
            for output in tx["vout"].as_array().unwrap() {
                let script = ScriptBuf::from_hex(output["scriptPubKey"]["hex"].as_str().unwrap()).unwrap();
                coins.push(json!({
                    "hash": sha256::Hash::hash(script.as_bytes()).to_string(),
                    "txid": tx["txid"],
                    "vout": output["n"],
                    "value": (output["value"].as_f64().unwrap() * 1e8).round() as u64,
                    "status": { "confirmed": true, "block_height": height },
                }));
            }
        }
    }
    coins
}

fn serve(stream: TcpStream, bitcoind: &Bitcoind, coins: &[Value]) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
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
        std::io::Read::read_exact(&mut reader, &mut body).unwrap();
        let path = line.split(' ').nth(1).unwrap();
        let answer = answer(path, &String::from_utf8(body).unwrap(), bitcoind, coins);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
        if stream.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(path: &str, body: &str, bitcoind: &Bitcoind, coins: &[Value]) -> String {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let of = |hash: &str| coins.iter().filter(|coin| coin["hash"] == hash).cloned().collect::<Vec<_>>();
    match parts[..] {
        ["blocks", "tip", "height"] => bitcoind.height().unwrap().to_string(),
        ["fee-estimates"] => r#"{"1":5.0,"6":2.0}"#.into(),
        ["tx"] => bitcoind.call("sendrawtransaction", &json!([body])).unwrap().as_str().unwrap().into(),
        ["scripthash", hash] => json!({ "chain_stats": { "tx_count": of(hash).len() } }).to_string(),
        ["scripthash", hash, "utxo"] => Value::from(of(hash)).to_string(),
        _ => panic!("{path} {body}"),
    }
}
