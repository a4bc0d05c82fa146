//! The program on a real `bitcoind -regtest`, and with an Esplora server over the same chain.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod esplora;

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use amplet_exit::coins::SeedKeys;
use bitcoin::{Address, Network, ScriptBuf};
use serde_json::json;
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
    let url = esplora::serve(Arc::clone(&world.bitcoind));
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
