//! Without a key, without a node, or switched off.

use serde_json::json;

use super::network::refused;
use crate::harness::{self, Gateway, folder};

#[test]
fn without_a_node_sites_are_told_so() {
    let dir = folder();
    let gateway = Gateway::start(dir.path());
    let key = [format!("Authorization: Bearer amplet_{}_{}", "0a".repeat(6), "0b".repeat(32))];
    assert_eq!(refused(&gateway.get_with("/v1/invoices", &[&key[0]]), 503), "nodeDown");
    assert_eq!(refused(&gateway.get("/v1/nothing"), 404), "notFound");
    let answer = harness::request(&gateway.http, "PUT", "/v1/invoices", &[], Some("{}"));
    assert_eq!(refused(&answer, 405), "methodNotAllowed");
    assert_eq!(gateway.admin("GET", "/admin/v1/keys", None, None).status, 503);
}

#[test]
fn what_is_switched_off_is_not_there() {
    let dir = folder();
    harness::configure(dir.path(), "[merchant]\nenabled = false");
    let gateway = Gateway::start(dir.path());
    for path in ["/v1/invoices", "/v1/openapi.json"] {
        assert_eq!(gateway.get(path).status, 404, "{path}");
    }
    assert_eq!(gateway.admin("GET", "/admin/v1/keys", None, None).json()["code"], json!("nodeDown"));
}
