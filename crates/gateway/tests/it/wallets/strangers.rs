//! Many identities, of one address and of several, that want the operator's money; and one that never signs.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use amplet_protocol::page::Request;
use amplet_wallet::{Response, Wallet};
use futures::future::{join_all, select};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use super::{RegtestGateway, connected, on_one_thread, refusal, until, words};

/// Every channel that is asked for, in sat.
const CAPACITY_SAT: u64 = 200_000;

/// Bytes of a WebSocket's frame that is `accept_channel` (BOLT 2) and nothing that a wallet says before it.
const ACCEPT_CHANNEL: usize = 250;

/// A request is answered long before a wallet would give up on it (60 s).
const AT_ONCE: Duration = Duration::from_secs(30);

/// A reverse proxy before the gateway; returns its port. It says that all come `from` there. While it is `mute`, a wallet's
/// first word of that length is the last that is passed on.
async fn proxy(gateway: String, from: &'static str, mute: Rc<Cell<bool>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    spawn_local(async move {
        loop {
            let (wallet, _) = listener.accept().await.unwrap();
            let gateway = TcpStream::connect(&gateway).await.unwrap();
            spawn_local(pass_on(wallet, gateway, from, Rc::clone(&mute)));
        }
    });
    port
}

async fn pass_on(wallet: TcpStream, gateway: TcpStream, from: &'static str, mute: Rc<Cell<bool>>) {
    let (wallet_says, mut to_wallet) = wallet.into_split();
    let (mut gateway_says, mut to_gateway) = gateway.into_split();
    let there = async move {
        let mut wallet_says = BufReader::new(wallet_says);
        let mut line = String::new();
        while wallet_says.read_line(&mut line).await.is_ok() && !line.trim().is_empty() {
            to_gateway.write_all(line.as_bytes()).await.unwrap();
            line.clear();
        }
        to_gateway.write_all(format!("X-Forwarded-For: {from}\r\n\r\n").as_bytes()).await.unwrap();
        let mut bytes = [0; 8192];
        while let Ok(length @ 1..) = wallet_says.read(&mut bytes).await {
            if to_gateway.write_all(&bytes[..length]).await.is_err() {
                break;
            }
            if mute.get() && length > ACCEPT_CHANNEL {
                std::future::pending::<()>().await;
            }
        }
    };
    let back = async move { tokio::io::copy(&mut gateway_says, &mut to_wallet).await };
    select(Box::pin(there), Box::pin(back)).await;
}

impl RegtestGateway {
    /// A new wallet that comes from this address.
    async fn wallet_from(&self, from: &'static str, number: u8, mute: Rc<Cell<bool>>) -> Wallet {
        let port = proxy(self.gateway.http.clone(), from, mute).await;
        let address = format!("{}@ws://127.0.0.1:{port}/lightning/v1", self.node_id());
        let wallet = self.wallet_at(address, &words(number)).await;
        connected(&wallet).await;
        wallet
    }

    /// Capacity of all channels, in sat.
    fn given(&self) -> u64 {
        let channels = self.ask("GET", "/admin/v1/channels", &json!({}));
        channels["channels"].as_array().unwrap().iter().map(|it| it["capacitySat"].as_u64().unwrap()).sum()
    }
}

/// Splits answers into the number of channels and the refusals, all of which have these words.
fn sort(answers: Vec<Result<Response, amplet_protocol::page::WalletError>>, word: &str) -> (usize, usize) {
    let (opened, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    let count = (opened.len(), refused.len());
    for why in refused.into_iter().map(refusal) {
        assert!(why.contains(word), "{why}");
    }
    count
}

#[test]
fn identities_without_number_get_a_days_share_and_no_more() {
    let regtest = RegtestGateway::up(
        "trusted_proxies = [\"127.0.0.1\"]\nmax_connections_per_ip = 100\n[channels]\nopens_channels = true\n\
         max_sat_per_day = 1000000\nmax_sat_per_day_per_address = 400000",
    );
    on_one_thread(async {
        // Coins enough for all of them: nothing but the limits keeps the money together.
        for _ in 0..10 {
            let address = regtest.ask("POST", "/admin/v1/address", &json!({}));
            regtest.bitcoind.fund(address["address"].as_str().unwrap(), 500_000).unwrap();
        }
        regtest.fund(500_000);
        let gateway = regtest.node_id();
        let ask = async |wallet: &Wallet| {
            let gateway = gateway.clone();
            wallet.request(Request::RequestChannel { gateway, capacity_sat: CAPACITY_SAT }).await
        };
        let speaks = || Rc::new(Cell::new(false));
        let mut crowd = Vec::new();
        for number in 0..12 {
            crowd.push(regtest.wallet_from("192.0.2.1", number, speaks()).await);
        }
        let answers = join_all(crowd.iter().map(&ask)).await;
        assert_eq!(sort(answers, "no more channels for now"), (2, 10), "one address, one share");
        assert_eq!(regtest.given(), 400_000);

        let mut others = Vec::new();
        for (number, from) in
            (12..).zip(["192.0.2.2", "192.0.2.3", "192.0.2.4", "2001:db8::1", "2001:db8:1::1"])
        {
            others.push(regtest.wallet_from(from, number, speaks()).await);
        }
        let answers = join_all(others.iter().map(&ask)).await;
        assert_eq!(sort(answers, "no more channels for now"), (3, 2), "all addresses, one day's limit");
        assert_eq!(regtest.given(), 1_000_000);

        let honest = regtest.wallet_from("198.51.100.7", 20, speaks()).await;
        let began = Instant::now();
        let why = refusal(ask(&honest).await);
        assert!(began.elapsed() < AT_ONCE && why.contains("hours"), "{why}");
    });
}

#[test]
fn who_never_signs_keeps_nobody_out() {
    let regtest = RegtestGateway::up(
        "trusted_proxies = [\"127.0.0.1\"]\n[channels]\nopens_channels = true\nmax_sat_per_day = 200000",
    );
    on_one_thread(async {
        // One coin: a funding that waits for its signature holds all that the gateway has.
        regtest.fund(1_000_000);
        let gateway = regtest.node_id();
        let ask = async |wallet: &Wallet| {
            let gateway = gateway.clone();
            wallet.request(Request::RequestChannel { gateway, capacity_sat: CAPACITY_SAT }).await
        };
        let mute = Rc::new(Cell::new(false));
        let silent = Rc::new(regtest.wallet_from("192.0.2.1", 1, Rc::clone(&mute)).await);
        let honest = regtest.wallet_from("192.0.2.2", 2, Rc::default()).await;
        mute.set(true);
        let asking = {
            let (silent, gateway) = (Rc::clone(&silent), gateway.clone());
            let request = Request::RequestChannel { gateway, capacity_sat: CAPACITY_SAT };
            spawn_local(async move { silent.request(request).await })
        };
        until("a funding without a signature", async || {
            let channels = regtest.ask("GET", "/admin/v1/channels", &json!({}));
            channels["channels"][0]["funding"].is_string().then_some(())
        })
        .await;
        let began = Instant::now();
        let why = refusal(ask(&honest).await);
        assert!(began.elapsed() < AT_ONCE, "answered at once: {why}");
        // The one who never signed loses the channel, and the coin and the day's share are free again.
        until("a channel for the next", async || match ask(&honest).await {
            Ok(_) => Some(()),
            error => {
                refusal(error);
                None
            }
        })
        .await;
        assert_eq!(regtest.given(), CAPACITY_SAT);
        asking.abort();
    });
}
