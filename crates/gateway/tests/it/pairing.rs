//! Letters between two devices of one wallet, over HTTP, as pages of any origin send them.

use crate::harness::{Answer, Gateway, folder, request};

const ID: &str = "00112233445566778899aabbccddeeff";

fn post(gateway: &Gateway, path: &str, body: &str) -> Answer {
    request(&gateway.http, "POST", path, &["Content-Type: application/octet-stream"], Some(body))
}

#[test]
fn a_letter_goes_from_one_device_to_the_other_once() {
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    let (put, take) = (format!("/pairing/v1/put/{ID}"), format!("/pairing/v1/take/{ID}"));
    assert_eq!(post(&gateway, &take, "").status, 204, "nothing yet");
    assert_eq!(post(&gateway, &put, "sealed").status, 201);
    assert_eq!(post(&gateway, &put, "another's").status, 409);
    let letter = post(&gateway, &take, "");
    assert_eq!((letter.status, letter.body.as_str()), (200, "sealed"));
    assert_eq!(letter.header("access-control-allow-origin"), Some("*"));
    assert_eq!(letter.header("cache-control"), Some("no-store"));
    assert_eq!(post(&gateway, &take, "").status, 410, "whoever comes second is told");
    assert_eq!(post(&gateway, &put, "another's").status, 409, "and nobody writes in its place");
}

#[test]
fn what_is_no_letter_is_refused() {
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    let put = format!("/pairing/v1/put/{ID}");
    assert_eq!(post(&gateway, &put, &"x".repeat(4097)).status, 413);
    assert_eq!(post(&gateway, "/pairing/v1/put/short", "sealed").status, 400);
    assert_eq!(gateway.get(&put).status, 405);
    let preflight = request(&gateway.http, "OPTIONS", &put, &["Origin: https://wallet.example"], None);
    assert_eq!(preflight.status, 204);
    assert_eq!(post(&gateway, &put, &"x".repeat(4096)).status, 201);
}

/// One client cannot fill the mailbox, nor make the gateway forget others' letters.
#[test]
fn one_client_puts_so_many() {
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    let statuses: Vec<u16> =
        (0..33).map(|number| post(&gateway, &format!("/pairing/v1/put/{number:032x}"), "x").status).collect();
    assert!(statuses[..32].iter().all(|status| *status == 201), "{statuses:?}");
    assert_eq!(statuses[32], 429);
}
