//! The network's control API: JSON over HTTP on loopback, open to pages of any origin.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /info` | | what runs where |
//! | `POST /mine` | `{blocks?, transactions?}` | `{height}`; mined once so many transactions wait |
//! | `POST /fund` | `{address, sat, blocks?}` | `{txid, height}`; with `blocks` they are mined after |
//! | `POST /reorg` | `{depth, blocks, empty?}` | `{height}` |
//! | `POST /invoice` | `{amountMsat?, description?, expirySecs?, amp?}` | the payee's new invoice |
//! | `POST /pay` | `{invoice, maxFeeMsat?}` | the payee's payment in its final state |
//! | `POST /session` | `{}`, or `{id, token}` of one | a streaming session of gateway 0, with its `token`; or how it stands |
//! | `POST /gateway/{0,1,…,payee}/{kill,stop,start,freeze,thaw}` | | `{running}` |
//! | `POST /bitcoind/{kill,start}` | | `{running}` |
//!
//! Failures are `{error}` with status 400 (the request) or 500 (the network). Amounts in msat are decimal strings.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::{Map, Value, json};

use super::client::Admin;
use super::{Network, wait_for};
use crate::http::{self, Request, Response};

/// Longest time that a payment of the payee is waited for, in seconds.
const PAY_LIMIT: u64 = 120;

/// Serves the API for as long as this process lives; returns its base URL.
///
/// # Errors
/// When no port can be had.
pub fn serve(network: Arc<Network>) -> Result<String> {
    let address = http::serve(move |request| respond(&network, request))?;
    Ok(format!("http://{address}"))
}

fn respond(network: &Network, request: &Request) -> Response {
    let mut response = if request.method == "OPTIONS" {
        Response { status: 204, fields: Vec::new(), body: Vec::new() }
    } else {
        match answer(network, request) {
            Ok(value) => Response::json(200, &value),
            Err(Refusal { status, error }) => {
                Response::json(status, &json!({ "error": format!("{error:#}") }))
            }
        }
    };
    response.fields.extend([
        ("access-control-allow-origin", "*".to_owned()),
        ("access-control-allow-methods", "GET, POST".to_owned()),
        ("access-control-allow-headers", "content-type".to_owned()),
        ("access-control-allow-private-network", "true".to_owned()),
    ]);
    response
}

/// An error and whose fault it is.
struct Refusal {
    status: u16,
    error: anyhow::Error,
}

/// The caller's fault.
fn bad(error: anyhow::Error) -> Refusal {
    Refusal { status: 400, error }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Self { status: 500, error }
    }
}

fn answer(network: &Network, request: &Request) -> Result<Value, Refusal> {
    let body = Body::parse(&request.body).map_err(bad)?;
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["info"]) => Ok(network.describe()?),
        ("POST", ["mine"]) => mine(network, &body),
        ("POST", ["fund"]) => fund(network, &body),
        ("POST", ["reorg"]) => {
            let depth = body.required("depth").map_err(bad)?;
            let blocks = body.required("blocks").map_err(bad)?;
            Ok(json!({ "height": network.bitcoind.reorg(depth, blocks, body.flag("empty").map_err(bad)?)? }))
        }
        ("POST", ["invoice"]) => invoice(network, body),
        ("POST", ["pay"]) => {
            body.text("invoice").map_err(bad)?;
            Ok(network.payee.admin.post("/admin/v1/payments", &Value::Object(body.0), PAY_LIMIT)?)
        }
        ("POST", ["session"]) => session(network, &body),
        ("POST", ["gateway", name, action]) => process(network, name, action),
        ("POST", ["bitcoind", action]) => daemon(network, action),
        (method, _) => {
            Err(bad(anyhow!("no {method} {}: see crates/xtask/src/regtest/control.rs", request.path)))
        }
    }
}

fn mine(network: &Network, body: &Body) -> Result<Value, Refusal> {
    let blocks = body.number("blocks").map_err(bad)?.unwrap_or(1);
    let awaited =
        usize::try_from(body.number("transactions").map_err(bad)?.unwrap_or(0)).unwrap_or(usize::MAX);
    wait_for("transactions to mine", Duration::from_secs(60), || match network.bitcoind.waiting()? {
        waiting if waiting >= awaited => Ok(()),
        waiting => Err(anyhow!("{waiting} of {awaited} are in the mempool")),
    })?;
    Ok(json!({ "height": network.bitcoind.mine(blocks)? }))
}

fn fund(network: &Network, body: &Body) -> Result<Value, Refusal> {
    let address = body.text("address").map_err(bad)?;
    let sat = body.required("sat").map_err(bad)?;
    let blocks = body.number("blocks").map_err(bad)?.unwrap_or(0);
    let txid = network.bitcoind.fund(&address, sat)?;
    let height = if blocks > 0 { network.bitcoind.mine(blocks)? } else { network.bitcoind.height()? };
    Ok(json!({ "txid": txid, "height": height }))
}

fn invoice(network: &Network, mut body: Body) -> Result<Value, Refusal> {
    body.0.entry("description").or_insert_with(|| json!("regtest"));
    Ok(network.payee.admin.post("/admin/v1/invoices", &Value::Object(body.0), 30)?)
}

/// A site's view of a streaming session: opens one with a key of its own, or looks at one.
fn session(network: &Network, body: &Body) -> Result<Value, Refusal> {
    let gateway = network.node("0").map_err(bad)?;
    if body.0.contains_key("id") {
        let (id, token) = (body.text("id").map_err(bad)?, body.text("token").map_err(bad)?);
        return Ok(Admin { url: gateway.url(), token }.get(&format!("/v1/sessions/{id}"))?);
    }
    let scopes = ["sessions:create", "sessions:read"];
    let key = gateway.admin.post("/admin/v1/keys", &json!({ "name": "regtest", "scopes": scopes }), 30)?;
    let token = key["token"].as_str().unwrap_or_default().to_owned();
    let site = Admin { url: gateway.url(), token: token.clone() };
    let mut session = site.post("/v1/sessions", &json!({}), 30)?;
    session["token"] = token.into();
    Ok(session)
}

fn process(network: &Network, name: &str, action: &str) -> Result<Value, Refusal> {
    let node = network.node(name).map_err(bad)?;
    match action {
        "kill" => node.end(false)?,
        "stop" => node.end(true)?,
        "start" => network.resume(node)?,
        "freeze" => node.freeze(true)?,
        "thaw" => node.freeze(false)?,
        other => return Err(bad(anyhow!("no action `{other}`: choose kill, stop, start, freeze or thaw"))),
    }
    Ok(json!({ "running": node.running() }))
}

fn daemon(network: &Network, action: &str) -> Result<Value, Refusal> {
    match action {
        "kill" => network.bitcoind.kill()?,
        "start" => network.bitcoind.resume()?,
        other => return Err(bad(anyhow!("no action `{other}`: choose kill or start"))),
    }
    Ok(json!({ "running": network.bitcoind.running() }))
}

/// The JSON object of a request; an empty body is an empty object.
struct Body(Map<String, Value>);

impl Body {
    fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Self(Map::new()));
        }
        serde_json::from_slice(bytes).map(Self).context("the body is not a JSON object")
    }

    fn number(&self, key: &str) -> Result<Option<u64>> {
        let Some(value) = self.0.get(key) else { return Ok(None) };
        value.as_u64().map(Some).with_context(|| format!("`{key}` is {value}: give a whole number"))
    }

    fn required(&self, key: &str) -> Result<u64> {
        self.number(key)?.with_context(|| format!("`{key}` is missing: give a whole number"))
    }

    fn text(&self, key: &str) -> Result<String> {
        let text = self
            .0
            .get(key)
            .and_then(Value::as_str)
            .with_context(|| format!("`{key}` is missing: give a text"))?;
        Ok(text.to_owned())
    }

    fn flag(&self, key: &str) -> Result<bool> {
        let Some(value) = self.0.get(key) else { return Ok(false) };
        value.as_bool().with_context(|| format!("`{key}` is {value}: give true or false"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Body;

    #[test]
    fn bodies_are_checked() {
        let body = Body::parse(br#"{"blocks":3,"empty":true,"address":"x","sat":-1}"#).unwrap();
        assert_eq!(body.number("blocks").unwrap(), Some(3));
        assert_eq!(body.number("depth").unwrap(), None);
        assert!(body.required("depth").unwrap_err().to_string().contains("`depth` is missing"));
        assert!(body.number("sat").unwrap_err().to_string().contains("whole number"));
        assert!(body.flag("empty").unwrap() && !body.flag("other").unwrap());
        assert!(body.flag("blocks").is_err());
        assert_eq!(body.text("address").unwrap(), "x");
        assert!(Body::parse(b"[]").is_err() && Body::parse(b"").is_ok());
    }
}
