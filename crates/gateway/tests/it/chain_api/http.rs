//! Bare HTTP on the chain API: caching, bounds, bad requests, waiting.

use std::time::Duration;

use amplet_transport::{HttpRequest, HttpResponse};
use bitcoin::Block;
use serde_json::{Value, json};

use super::{Regtest, SMALL, get, http};

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

/// Preflight request of a browser, and the headers that it must see on every answer.
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
        assert!(answer.contains("access-control-allow-headers: authorization, content-type"), "{answer}");
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
