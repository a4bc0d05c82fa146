//! Letters between a wallet and the holders of its budgets, over HTTP, as pages of any origin send them.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use amplet_gateway::desk::boxes::BoxName;

use crate::harness::{Answer, Gateway, folder, request};

const KEY: &str = "00112233445566778899aabbccddeeff";

/// The box that [`KEY`] opens: `printf 00112233445566778899aabbccddeeff | xxd -r -p | sha256sum`, its first half.
const NAME: &str = "a8faed6abbf35c12a4b26e40f6feb19d";

fn post(http: &str, path: &str, body: &str) -> Answer {
    request(http, "POST", path, &["Content-Type: application/octet-stream"], Some(body))
}

fn put(gateway: &Gateway, body: &str) -> Answer {
    post(&gateway.http, &format!("/boxes/v1/put/{NAME}"), body)
}

fn take(gateway: &Gateway, wait: u64) -> Answer {
    post(&gateway.http, &format!("/boxes/v1/take/{KEY}?wait={wait}"), "")
}

#[test]
fn letters_are_taken_in_their_order_by_who_has_the_key() {
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    assert_eq!(take(&gateway, 0).status, 204, "nothing yet");
    assert_eq!(put(&gateway, "one").status, 201);
    assert_eq!(put(&gateway, "two").status, 201);
    let by_name = post(&gateway.http, &format!("/boxes/v1/take/{NAME}"), "");
    assert_eq!(by_name.status, 204, "who puts letters takes none");
    let letter = take(&gateway, 0);
    assert_eq!((letter.status, letter.body.as_str()), (200, "one"));
    assert_eq!(letter.header("access-control-allow-origin"), Some("*"));
    assert_eq!(letter.header("cache-control"), Some("no-store"));
    assert_eq!(take(&gateway, 25).body, "two", "without a wait");
    assert_eq!(take(&gateway, 0).status, 204);
}

#[test]
fn who_waits_gets_the_letter_when_it_comes() {
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    let begun = Instant::now();
    assert_eq!(take(&gateway, 1).status, 204);
    assert!(begun.elapsed() >= Duration::from_secs(1), "it waited, and no letter came");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| take(&gateway, 25));
        thread::sleep(Duration::from_millis(300));
        let other = post(&gateway.http, "/boxes/v1/put/a8000000000000000000000000000000", "another's");
        assert_eq!(other.status, 201, "which wakes it, and is not its");
        assert_eq!(put(&gateway, "sealed").status, 201);
        let letter = waiting.join().unwrap();
        assert_eq!((letter.status, letter.body.as_str()), (200, "sealed"));
    });
    assert!(begun.elapsed() < Duration::from_secs(20), "at once, not when the wait is over");
}

/// A page that is closed while it waits takes no letter with it.
#[test]
fn who_left_takes_nothing() {
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    let mut page = TcpStream::connect(&gateway.http).unwrap();
    let asked =
        format!("POST /boxes/v1/take/{KEY}?wait=25 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    page.write_all(asked.as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(300));
    drop(page);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(put(&gateway, "sealed").status, 201);
    assert_eq!(take(&gateway, 0).body, "sealed");
}

#[test]
fn what_is_no_letter_is_refused() {
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    assert_eq!(put(&gateway, &"x".repeat(8193)).status, 413);
    assert_eq!(post(&gateway.http, "/boxes/v1/put/short", "sealed").status, 400);
    assert_eq!(post(&gateway.http, "/boxes/v1/take/short", "").status, 400);
    assert_eq!(gateway.get(&format!("/boxes/v1/take/{KEY}")).status, 405);
    let preflight = request(
        &gateway.http,
        "OPTIONS",
        &format!("/boxes/v1/put/{NAME}"),
        &["Origin: https://wallet.example"],
        None,
    );
    assert_eq!(preflight.status, 204);
    assert_eq!(put(&gateway, &"x".repeat(8192)).status, 201);
}

/// A holder cannot fill the gateway: neither one box, nor all.
#[test]
fn one_client_puts_so_many() {
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    let statuses: Vec<u16> = (0..33).map(|_| put(&gateway, "x").status).collect();
    assert!(statuses[..32].iter().all(|status| *status == 201), "{statuses:?}");
    assert_eq!(statuses[32], 409);
    let others: Vec<u16> = (0..33)
        .map(|number| post(&gateway.http, &format!("/boxes/v1/put/{number:032x}"), "x").status)
        .collect();
    assert!(others[..32].iter().all(|status| *status == 201), "{others:?}");
    assert_eq!(others[32], 429);
}

#[test]
fn a_name_is_half_the_hash_of_its_key() {
    let key = u128::from_str_radix(KEY, 16).unwrap().to_be_bytes();
    let name = u128::from_str_radix(NAME, 16).unwrap().to_be_bytes();
    assert_eq!(BoxName::of_key(&key), BoxName(name));
}
