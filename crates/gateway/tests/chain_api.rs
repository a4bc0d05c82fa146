//! The chain API over a real `bitcoind -regtest`, with the wallet's own client and with bare HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use amplet_chain::{
    BlockId, BlockListener, Broadcast, BroadcastError, Chain, Position, RejectReason, TrustLevel, WatchSet,
};
use amplet_gateway::http::chain_api::{Auth, FileSizes, StartError, from_bitcoind, from_upstream};
use amplet_storage::kdf::{KdfParams, Kek};
use amplet_storage::{MemoryBackend, SealedStore};
use amplet_transport::{HttpClient, HttpRequest, HttpResponse, NativePlatform};
use axum::Router;
use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Address, Block, Network, ScriptBuf, Transaction};
use serde_json::{Value, json};
use tokio::task::LocalSet;
use xtask::regtest::bitcoind::Bitcoind;

const SMALL: FileSizes = FileSizes { headers: 50, filters: 20 };
/// Where the test's money comes from: pay-to-anchor, which anybody can spend.
const ANYBODY: &str = "bcrt1pfeesnyr2tx";

/// A bitcoind in a folder that goes with it.
struct Regtest {
    bitcoind: Bitcoind,
    _folder: tempfile::TempDir,
}

impl Regtest {
    fn start() -> Self {
        Self::with("")
    }

    /// With lines of its configuration file.
    fn with(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bitcoin.conf"), format!("[regtest]\n{settings}\n")).unwrap();
        let cache = xtask::cache::Cache::open().unwrap();
        let binary = xtask::tools::bitcoind::ensure(&cache, 2).unwrap();
        Self { bitcoind: Bitcoind::start(&binary, folder.path()).unwrap(), _folder: folder }
    }

    fn login(&self) -> (String, Auth) {
        let (url, user, password) = self.bitcoind.access();
        (url.to_string(), Auth::UserPassword(format!("{user}:{password}")))
    }

    async fn serve(&self, sizes: FileSizes) -> String {
        let (url, auth) = self.login();
        serve(from_bitcoind(http(), url, auth, Network::Regtest, sizes).await.unwrap()).await
    }

    fn text(&self, method: &str, params: &Value) -> String {
        self.bitcoind.call(method, params).unwrap().as_str().unwrap().to_string()
    }

    /// An unsent transaction that spends the coinbase of block `height` and pays to `address`.
    fn spend(&self, height: u32, address: &str) -> Transaction {
        let hash = self.text("getblockhash", &json!([height]));
        let block = self.bitcoind.call("getblock", &json!([hash, 1])).unwrap();
        self.pay(&block["tx"][0], address, "49.9999")
    }

    fn pay(&self, txid: &Value, address: &str, amount: &str) -> Transaction {
        let inputs = json!([{ "txid": txid, "vout": 0 }]);
        // A second output, since a transaction that pays to pay-to-anchor alone is too small to be relayed.
        let outputs = json!([{ address: amount }, { address_of(&p2wpkh(200)): "0.00001" }]);
        deserialize_hex(&self.text("createrawtransaction", &json!([inputs, outputs]))).unwrap()
    }
}

fn http() -> HttpClient {
    NativePlatform::new().unwrap().http()
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

async fn get(url: &str) -> HttpResponse {
    http().fetch(HttpRequest::get(url)).await.unwrap()
}

/// Watches one script and remembers which blocks came whole and to which heights it was taken back.
#[derive(Default)]
struct Wallet {
    script: ScriptBuf,
    whole: RefCell<Vec<u32>>,
    back: RefCell<Vec<u32>>,
}

impl BlockListener for Wallet {
    fn block_connected(&self, _: &Block, height: u32) {
        self.whole.borrow_mut().push(height);
    }
    fn filtered_block_connected(&self, _: &Header, _: u32) {}
    fn blocks_disconnected(&self, fork: BlockId) {
        self.back.borrow_mut().push(fork.height);
    }
}

impl WatchSet for Wallet {
    fn scripts(&self) -> Vec<ScriptBuf> {
        vec![self.script.clone()]
    }
    fn revision(&self) -> u64 {
        0
    }
}

async fn open(urls: &[&str]) -> Chain {
    let platform = Rc::new(NativePlatform::new().unwrap());
    let (params, kek) = (KdfParams::external_key(), Kek::from_bytes([1; 32]));
    let store = SealedStore::create(Rc::new(MemoryBackend::new()), &params, kek).await.unwrap();
    let urls = urls.iter().map(ToString::to_string).collect();
    Chain::open(platform, Network::Regtest, urls, &store, None).await.unwrap()
}

/// Polls until the tip is at `height`, and syncs the wallet with it.
async fn follow(chain: &Chain, wallet: &Wallet, from: &Position, height: u64) -> Position {
    let height = u32::try_from(height).unwrap();
    while chain.tip().height != height {
        assert!(
            chain.changed(Duration::from_millis(200), Duration::from_secs(30)).await.is_some(),
            "no new block seen"
        );
        chain.poll().await.unwrap();
    }
    chain.sync(from, &chain.tip(), wallet, wallet, &mut |_| {}).await.unwrap()
}

fn address_of(script: &ScriptBuf) -> String {
    Address::from_script(script, Network::Regtest).unwrap().to_string()
}

fn p2wpkh(number: u8) -> ScriptBuf {
    ScriptBuf::from_bytes([vec![0, 20], vec![number; 20]].concat())
}

/// Files of every size that matters: several per kind, and one for all.
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_follows_payments_and_a_reorg() {
    let regtest = Regtest::start();
    for (number, sizes) in [(1, SMALL), (2, FileSizes::default())] {
        let wallet = Wallet { script: p2wpkh(number), ..Wallet::default() };
        let address = address_of(&wallet.script);
        let url = regtest.serve(sizes).await;
        LocalSet::new()
            .run_until(async {
                let chain = open(&[&url]).await;
                let start = regtest.bitcoind.height().unwrap();
                let mut at = follow(&chain, &wallet, &chain.position_at(0), start).await;
                assert!(wallet.whole.borrow().is_empty());
                regtest.bitcoind.fund(&address, 100_000).unwrap();
                let paid = regtest.bitcoind.mine(1).unwrap();
                at = follow(&chain, &wallet, &at, paid).await;
                let paid = u32::try_from(paid).unwrap();
                assert_eq!(*wallet.whole.borrow(), [paid]);
                regtest.bitcoind.mine(2).unwrap();
                at = follow(&chain, &wallet, &at, u64::from(paid) + 2).await;
                // The payment leaves the chain with its block and comes back in the next branch.
                let height = regtest.bitcoind.reorg(3, 4, false).unwrap();
                at = follow(&chain, &wallet, &at, height).await;
                assert_eq!(*wallet.back.borrow(), [paid - 1]);
                assert_eq!(wallet.whole.borrow().len(), 2);
                assert_eq!(at.id(), chain.tip().id());
                assert_eq!(chain.trust().level, TrustLevel::OneOperator);
                let block = chain.block(&at.hash).await.unwrap();
                assert_eq!(Some(block.header), chain.header_at(at.height));
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_sent_and_refusals_understood() {
    let regtest = Regtest::start();
    let url = regtest.serve(FileSizes::default()).await;
    let target = address_of(&p2wpkh(9));
    let sending = async {
        let chain = open(&[&url]).await;
        chain.poll().await.unwrap();
        let one = regtest.spend(1, &target);
        assert_eq!(chain.broadcast(std::slice::from_ref(&one)).await, Ok(Broadcast::Accepted));
        let parent = regtest.spend(2, ANYBODY);
        let child = regtest.pay(&json!(parent.compute_txid().to_string()), ANYBODY, "49.9998");
        let orphan = chain.broadcast(std::slice::from_ref(&child)).await.unwrap_err();
        assert!(
            matches!(orphan, BroadcastError::Rejected { reason: RejectReason::MissingInputs, .. }),
            "{orphan}"
        );
        assert_eq!(chain.broadcast(&[parent.clone(), child.clone()]).await, Ok(Broadcast::Accepted));
        assert_eq!(regtest.bitcoind.waiting().unwrap(), 3);
        regtest.bitcoind.mine(1).unwrap();
        assert_eq!(chain.broadcast(std::slice::from_ref(&one)).await, Ok(Broadcast::AlreadyKnown));
        let double = regtest.spend(1, ANYBODY);
        let error = chain.broadcast(&[double]).await.unwrap_err();
        assert!(
            matches!(error, BroadcastError::Rejected { reason: RejectReason::MissingInputs, .. }),
            "{error}"
        );
        let mut cheap = regtest.spend(3, &target);
        cheap.output[0].value = bitcoin::Amount::from_int_btc(50) - cheap.output[1].value;
        let error = chain.broadcast(&[cheap]).await.unwrap_err();
        assert!(matches!(error, BroadcastError::Rejected { reason: RejectReason::FeeTooLow, .. }), "{error}");
        let mut unsigned = regtest.spend(4, &target);
        unsigned.input[0].previous_output.txid = one.compute_txid();
        let error = chain.broadcast(&[unsigned]).await.unwrap_err();
        assert!(matches!(error, BroadcastError::Rejected { reason: RejectReason::Invalid, .. }), "{error}");
        assert!(chain.fees().await.unwrap().is_empty(), "a regtest node knows no fees");
    };
    LocalSet::new().run_until(sending).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unconfirmed_transactions_are_found_by_script() {
    let regtest = Regtest::start();
    let url = regtest.serve(FileSizes::default()).await;
    let (mine, other) = (p2wpkh(9), p2wpkh(10));
    let looking = async {
        let chain = open(&[&url]).await;
        chain.poll().await.unwrap();
        let tx = regtest.spend(1, &address_of(&mine));
        let foreign = regtest.spend(2, &address_of(&other));
        for tx in [&tx, &foreign] {
            assert_eq!(chain.broadcast(std::slice::from_ref(tx)).await, Ok(Broadcast::Accepted));
        }
        let found = chain.unconfirmed(std::slice::from_ref(&mine)).await.unwrap();
        assert_eq!(found, Some(vec![tx.clone()]), "and not the other's");
        regtest.bitcoind.mine(1).unwrap();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(chain.unconfirmed(&[mine]).await.unwrap(), Some(Vec::new()), "a block holds it");
    };
    LocalSet::new().run_until(looking).await;
    for bad in ["12", "12345", "zzzz", "+123"] {
        let answer = get(&format!("{url}/mempool/{bad}")).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_immutable_and_the_tip_is_not() {
    let regtest = Regtest::start();
    let url = regtest.serve(SMALL).await;
    let header = |r: &HttpResponse, name: &str| r.header(name).unwrap_or_default().to_string();
    let tip = regtest.bitcoind.height().unwrap();
    assert!((140..200).contains(&tip));
    for path in
        ["/filters/0", "/filter-headers/0?from=3&count=5", "/headers/0?from=10&count=20", "/filters/single/7"]
    {
        let answer = get(&format!("{url}{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(header(&answer, "cache-control").contains("immutable"), "{path}");
        assert_eq!(header(&answer, "access-control-allow-origin"), "*");
        let again = HttpRequest::get(format!("{url}{path}")).header("if-none-match", header(&answer, "etag"));
        assert_eq!(http().fetch(again).await.unwrap().status, 304);
    }
    for path in ["/status", "/headers/0", "/headers/100", "/filters/120?from=130&count=500"] {
        let answer = get(&format!("{url}{path}")).await;
        assert_eq!(
            (answer.status, header(&answer, "cache-control").as_str()),
            (200, "public, no-cache"),
            "{path}"
        );
    }
    let headers = get(&format!("{url}/headers/100?from=110")).await.body;
    assert_eq!(headers.len() / 80, usize::try_from(tip - 109).unwrap().min(40));
    let hash = regtest.text("getblockhash", &json!([5]));
    let block = get(&format!("{url}/block/{hash}")).await;
    assert!(header(&block, "cache-control").contains("immutable"));
    assert_eq!(bitcoin::consensus::deserialize::<Block>(&block.body).unwrap().block_hash().to_string(), hash);
}

/// With and without bitcoind's REST interface the same comes out.
#[tokio::test(flavor = "multi_thread")]
async fn filter_headers_are_bitcoinds() {
    for settings in ["rest=1", "rest=0"] {
        let regtest = Regtest::with(settings);
        let url = regtest.serve(SMALL).await;
        let served = get(&format!("{url}/filter-headers/0?from=1&count=40")).await.body;
        assert_eq!(served.len(), 40 * 32);
        if settings == "rest=1" {
            let first = regtest.text("getblockhash", &json!([1]));
            let rest = format!("/rest/blockfilterheaders/basic/{first}.bin?count=40");
            let answer = get(&format!("{}{rest}", regtest.login().0)).await;
            assert_eq!(answer.body, served, "in the form that is asked for");
        }
        for (height, mut header) in (1..).zip(served.chunks(32).map(<[u8]>::to_vec)) {
            let hash = regtest.text("getblockhash", &json!([height]));
            let answer = regtest.bitcoind.call("getblockfilter", &json!([hash])).unwrap();
            header.reverse();
            assert_eq!(answer["header"], header.iter().map(|b| format!("{b:02x}")).collect::<String>());
        }
    }
}

/// What a browser asks before it posts, and what it must see on every answer.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_origin_may_ask() {
    let regtest = Regtest::start();
    let url = regtest.serve(SMALL).await;
    let host = url.strip_prefix("http://").unwrap();
    for (request, status) in [("OPTIONS /txs/package", "204"), ("GET /headers/1", "400"), ("POST /tx", "400")]
    {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
        let head =
            format!("{request} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains("access-control-allow-origin: *"), "{answer}");
        assert!(answer.contains("access-control-allow-headers: content-type"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_with_the_reason() {
    let regtest = Regtest::start();
    let url = regtest.serve(SMALL).await;
    let cases = [
        ("/headers/1", 400, "multiple of 50"),
        ("/headers/4000000000", 400, "above the tip"),
        ("/headers/x", 400, "x"),
        ("/filters/20?from=50", 400, "within the file"),
        ("/filters/20?count=0", 400, "at least 1"),
        ("/filters/20?count=-1", 400, "count"),
        ("/filters/single/999999", 400, "above the tip"),
        ("/block/xyz", 400, "invalid block hash"),
        ("/block/00000000000000000000000000000000000000000000000000000000000000ff", 404, "not found"),
        ("/status?after=nothing", 400, "block hash"),
        ("/filter/0", 404, ""),
    ];
    for (path, status, words) in cases {
        let answer = get(&format!("{url}{path}")).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{path}: {text}");
        assert!(text.to_lowercase().contains(words), "{path}: {text}");
    }
    let posts = [
        ("/tx", "hello".to_string(), 400, "in hex"),
        ("/tx", "00".to_string(), 400, "decode failed"),
        ("/tx", "00".repeat(amplet_protocol::chain::MAX_TX_BODY), 413, ""),
        ("/txs/package", "{}".to_string(), 400, "JSON array"),
        ("/txs/package", "[]".to_string(), 400, "1 to 25"),
        ("/txs/package", json!(vec!["00"; 26]).to_string(), 400, "1 to 25"),
        ("/txs/package", "[\"zz\"]".to_string(), 400, "in hex"),
    ];
    for (path, body, status, words) in posts {
        let answer =
            http().fetch(HttpRequest::post(format!("{url}{path}"), body.into_bytes())).await.unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{path}: {text}");
        assert!(text.contains(words), "{path}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_status_answers_with_the_new_block() {
    let regtest = Regtest::start();
    let url = regtest.serve(SMALL).await;
    let tip = |r: HttpResponse| serde_json::from_slice::<Value>(&r.body).unwrap()["best_block_hash"].clone();
    let old = tip(get(&format!("{url}/status")).await);
    let waiting = format!("{url}/status?after={}", old.as_str().unwrap());
    let waiting = tokio::spawn(async move { tip(get(&waiting).await) });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    regtest.bitcoind.mine(1).unwrap();
    assert_eq!(waiting.await.unwrap(), regtest.bitcoind.call("getbestblockhash", &json!([])).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_gateway_is_passed_through() {
    let regtest = Regtest::start();
    let first = regtest.serve(SMALL).await;
    let second = serve(from_upstream(http(), first.clone())).await;
    let wallet = Wallet { script: p2wpkh(3), ..Wallet::default() };
    let height = regtest.bitcoind.height().unwrap();
    LocalSet::new()
        .run_until(async {
            let chain = open(&[&second, &first]).await;
            follow(&chain, &wallet, &chain.position_at(0), height).await;
            assert_eq!(chain.trust().level, TrustLevel::Agreed);
            let tx = regtest.spend(1, &address_of(&wallet.script));
            assert_eq!(chain.broadcast(&[tx]).await, Ok(Broadcast::Accepted));
        })
        .await;
    let block = get(&format!("{second}/block/{}", regtest.text("getblockhash", &json!([1])))).await;
    assert!(block.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(get(&format!("{second}/headers/1")).await.status, 400);
    let dead = serve(from_upstream(http(), "http://127.0.0.1:1".to_string())).await;
    assert_eq!(get(&format!("{dead}/status")).await.status, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bitcoind_of_no_use_is_named() {
    let regtest = Regtest::start();
    let (url, auth) = regtest.login();
    let start = |url: String, auth, network| from_bitcoind(http(), url, auth, network, SMALL);
    let error = start(url.clone(), auth.clone(), Network::Signet).await.unwrap_err();
    assert!(matches!(&error, StartError::WrongNetwork { found, .. } if found == "regtest"), "{error}");
    let wrong = Auth::UserPassword("nobody:wrong".to_string());
    let error = start(url.clone(), wrong, Network::Regtest).await.unwrap_err();
    assert!(error.to_string().contains("refuses the login"), "{error}");
    let error = start(regtest.serve(SMALL).await, auth.clone(), Network::Regtest).await.unwrap_err();
    assert!(error.to_string().contains("no Bitcoin Core RPC"), "{error}");
}

/// A bitcoind without the filter index, as far as it is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_filter_index_is_named_with_the_remedy() {
    let genesis = bitcoin::blockdata::constants::genesis_block(Network::Regtest).block_hash().to_string();
    let answers = move |calls: Value| {
        let result = |call: &Value| match call["method"].as_str().unwrap() {
            "getblockchaininfo" => json!({ "chain": "regtest", "blocks": 0 }),
            "getindexinfo" => json!({}),
            _ => json!(genesis),
        };
        let replies = calls
            .as_array()
            .unwrap()
            .iter()
            .map(|c| json!({ "id": c["id"], "result": result(c), "error": null }));
        axum::Json(Value::from_iter(replies))
    };
    let rpc = Router::new().route(
        "/",
        axum::routing::post(move |axum::Json(calls): axum::Json<Value>| async move { answers(calls) }),
    );
    let url = serve(rpc).await;
    let auth = Auth::UserPassword("a:b".to_string());
    let error = from_bitcoind(http(), url, auth, Network::Regtest, SMALL).await.unwrap_err();
    assert!(error.to_string().contains("blockfilterindex=1"), "{error}");
}

/// It may be started after the gateway, and its cookie appears only then.
#[tokio::test(flavor = "multi_thread")]
async fn a_bitcoind_that_is_not_up_yet_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let cookie = folder.path().join(".cookie");
    let regtest = Regtest::start();
    let (url, Auth::UserPassword(login)) = regtest.login() else { panic!("by password") };
    let router = from_bitcoind(http(), url, Auth::CookieFile(cookie.clone()), Network::Regtest, SMALL).await;
    let gateway = serve(router.unwrap()).await;
    let early = get(&format!("{gateway}/status")).await;
    assert_eq!(early.status, 503);
    assert!(String::from_utf8_lossy(&early.body).contains("try again later"));
    std::fs::write(&cookie, format!("{login}\n")).unwrap();
    let mut status = early.status;
    for _ in 0..100 {
        if status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        status = get(&format!("{gateway}/status")).await.status;
    }
    assert_eq!(status, 200, "it is served once bitcoind answers");
}
