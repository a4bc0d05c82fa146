//! The chain API over a real `bitcoind -regtest`, with the wallet's own client and with bare HTTP.

mod http;
mod light_client;
mod start;

use amplet_gateway::http::chain_api::{Auth, FileSizes, from_bitcoind};
use amplet_transport::{HttpClient, HttpRequest, HttpResponse, NativePlatform};
use axum::Router;
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Address, Network, ScriptBuf, Transaction};
use serde_json::{Value, json};
use xtask::regtest::bitcoind::Bitcoind;

const SMALL: FileSizes = FileSizes { headers: 50, filters: 20 };
/// Source of the test's money: pay-to-anchor, which anybody can spend.
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
        serve(from_bitcoind(http(), url, auth, Network::Regtest, sizes).await.unwrap().router).await
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

fn address_of(script: &ScriptBuf) -> String {
    Address::from_script(script, Network::Regtest).unwrap().to_string()
}

fn p2wpkh(number: u8) -> ScriptBuf {
    ScriptBuf::from_bytes([vec![0, 20], vec![number; 20]].concat())
}
