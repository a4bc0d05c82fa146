//! A chain server that serves more than blocks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::harness::{Answer, Gateway, folder, write_private};

/// Answers each request with what `answer` says to its first line.
fn upstream(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut first = String::new();
            let _ = reader.read_line(&mut first);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            answer(&first, reader.get_mut());
        }
    });
    url
}

fn gateway_of(dir: &tempfile::TempDir, url: &str, more: &str) -> Gateway {
    let config = format!(
        "network = \"regtest\"\n[chain]\nupstream = \"{url}\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [log]\nformat = \"json\"\nlevel = \"debug\"\n[http]\nlisten = \"127.0.0.1:0\"\n{more}\n"
    );
    write_private(&dir.path().join("gateway.toml"), &config);
    Gateway::start(dir.path())
}

fn harmless(path: &str, answer: &Answer) {
    let kind = answer.header("content-type").unwrap_or_default();
    let harmless = ["application/json", "application/octet-stream", "text/plain"];
    assert!(harmless.iter().any(|name| kind.starts_with(name)) || answer.body.is_empty(), "{path}: {kind}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    let policy = answer.header("content-security-policy");
    assert_eq!(policy, Some("default-src 'none'; sandbox"), "{path}");
    assert_eq!(answer.header("service-worker-allowed"), None, "{path}");
    assert_eq!(answer.header("location"), None, "{path}");
}

#[test]
fn what_a_chain_server_sends_is_never_a_page_or_a_script() {
    let url = upstream(|first, stream| {
        let status =
            if first.contains("/block/") { "302 Found\r\nLocation: https://evil.example/" } else { "200 OK" };
        let body = "<script>navigator.serviceWorker.register('/status?sw')</script>";
        let kind = if first.contains("sw") { "text/javascript" } else { "text/html" };
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nService-Worker-Allowed: /\r\nRefresh: 0\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
    });
    let dir = folder();
    let www = dir.path().join("www");
    std::fs::create_dir(&www).unwrap();
    std::fs::write(www.join("index.html"), "<!doctype html>").unwrap();
    let gateway = gateway_of(&dir, &url, "www = \"www\"");
    let hash = "00".repeat(32);
    let block = format!("/block/{hash}");
    let paths = [
        "/status",
        "/status?sw",
        "/headers/0",
        "/filter-headers/0",
        "/filters/0",
        "/filters/single/1",
        &block,
        "/fee-estimates",
        "/mempool/0000",
        "/fees/estimate/x",
    ];
    for path in paths {
        let answer = gateway.get(path);
        harmless(path, &answer);
        assert_ne!(answer.status, 302, "{path}");
    }
    for path in
        ["/health", "/config.json", "/v1/openapi.json", "/v1/nothing", "/rgs/snapshot/0", "/lightning/v1"]
    {
        harmless(path, &gateway.get(path));
    }
    assert_eq!(gateway.get("/").header("content-type"), Some("text/html"), "the page's files are the page's");
}

/// The end of the answer is held back until its beginning has arrived: it is passed on as it comes.
#[test]
fn what_a_chain_server_sends_is_passed_on_as_it_comes() {
    let (arrived, wait) = channel();
    let wait = std::sync::Mutex::new(wait);
    let url = upstream(move |first, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\na");
        if first.contains("/filters/0") {
            let _ = wait.lock().unwrap().recv_timeout(Duration::from_secs(40));
            let _ = stream.write_all(b"b");
        }
    });
    let dir = folder();
    let gateway = gateway_of(&dir, &url, "");
    let mut stream = TcpStream::connect(&gateway.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"GET /filters/0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut begun = Vec::new();
    while !begun.ends_with(b"\r\n\r\na") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the first byte of the body, before the last is sent");
        begun.push(byte[0]);
    }
    arrived.send(()).unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "b");
}
