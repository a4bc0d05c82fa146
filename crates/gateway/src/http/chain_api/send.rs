//! Broadcast and fee estimates, in Esplora's formats.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amplet_protocol::chain::MAX_PACKAGE;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::asker::Asker;
use super::error::ChainApiError;
use super::rpc::{Call, NO_METHOD, Rpc, RpcError};

/// Confirmation targets that Esplora answers, in blocks.
const TARGETS: [u16; 15] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 144, 504, 1008];
/// Maximum age of estimates.
const FEES_FOR: Duration = Duration::from_secs(30);

fn bad(what: impl Into<String>) -> ChainApiError {
    ChainApiError(StatusCode::BAD_REQUEST, what.into())
}

/// A transaction as it comes: hex, which bitcoind will read.
fn hex(text: &str) -> Result<&str, ChainApiError> {
    let text = text.trim();
    let is_hex =
        !text.is_empty() && text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex { Ok(text) } else { Err(bad("the body must be a transaction in hex")) }
}

/// bitcoind's refusal, in Esplora's words.
fn refused(method: &str, error: RpcError) -> ChainApiError {
    match error {
        RpcError::Refused { code: NO_METHOD, message } => ChainApiError(StatusCode::NOT_FOUND, message),
        RpcError::Refused { code, message } => {
            bad(format!("{method} RPC error: {}", json!({ "code": code, "message": message })))
        }
        other => other.into(),
    }
}

/// Lets few in at a time, before a body is read.
pub(super) async fn few(asker: Asker, request: Request, next: Next) -> Result<Response, ChainApiError> {
    let _guard = asker.send()?;
    Ok(next.run(request).await)
}

pub(super) async fn transaction(
    State(bitcoind): State<Arc<Bitcoind>>,
    asker: Asker,
    body: String,
) -> Result<Response, ChainApiError> {
    let rpc = bitcoind.rpc.on(asker.lane());
    let result = rpc.call::<String>("sendrawtransaction", json!([hex(&body)?])).await;
    Ok(result.map_err(|e| refused("sendrawtransaction", e))?.into_response())
}

pub(super) async fn package(
    State(bitcoind): State<Arc<Bitcoind>>,
    asker: Asker,
    body: String,
) -> Result<Response, ChainApiError> {
    let list: Vec<String> = serde_json::from_str(&body)
        .map_err(|_| bad("the body must be a JSON array of transactions in hex, parents first"))?;
    if list.is_empty() || list.len() > MAX_PACKAGE {
        return Err(bad(format!("a package has 1 to {MAX_PACKAGE} transactions, this has {}", list.len())));
    }
    let list = list.iter().map(|tx| hex(tx)).collect::<Result<Vec<_>, _>>()?;
    let result = bitcoind.rpc.on(asker.lane()).call::<Value>("submitpackage", json!([list])).await;
    Ok(Json(result.map_err(|e| refused("submitpackage", e))?).into_response())
}

#[derive(Deserialize)]
struct Estimate {
    feerate: Option<f64>,
}

#[derive(Deserialize)]
struct MempoolInfo {
    mempoolminfee: f64,
}

/// Estimates in sat/vB by target, and when they were made.
type Estimates = (Instant, BTreeMap<u16, f64>);

/// A bitcoind that broadcasts and estimates.
pub(super) struct Bitcoind {
    rpc: Rpc,
    /// The last estimates: all wallets get the same for a while, and of several requests at once one asks bitcoind.
    fees: Mutex<Option<Estimates>>,
}

impl Bitcoind {
    /// Nothing is estimated yet.
    pub(super) fn new(rpc: Rpc) -> Self {
        Self { rpc, fees: Mutex::default() }
    }
}

pub(super) async fn fee_estimates(State(bitcoind): State<Arc<Bitcoind>>) -> Result<Response, ChainApiError> {
    let mut last = bitcoind.fees.lock().await;
    let rates = match &*last {
        Some((made, rates)) if made.elapsed() < FEES_FOR => rates.clone(),
        _ => {
            let rates = estimate(&bitcoind.rpc).await?;
            last.insert((Instant::now(), rates)).1.clone()
        }
    };
    drop(last);
    let cache = HeaderValue::from_static("public, max-age=30");
    Ok(([(CACHE_CONTROL, cache)], Json(rates)).into_response())
}

/// bitcoind's estimates, none below what its mempool takes now. Targets that it knows nothing of are left out.
async fn estimate(rpc: &Rpc) -> Result<BTreeMap<u16, f64>, RpcError> {
    let mut calls: Vec<Call> = TARGETS.iter().map(|t| ("estimatesmartfee", json!([t]))).collect();
    calls.push(("getmempoolinfo", json!([])));
    let mut answers: Vec<Value> = rpc.all(&calls).await?;
    let malformed = |e: serde_json::Error| RpcError::Malformed(e.to_string());
    let mempool: MempoolInfo =
        serde_json::from_value(answers.pop().unwrap_or_default()).map_err(malformed)?;
    let mut rates = BTreeMap::new();
    for (target, answer) in TARGETS.iter().zip(answers) {
        let estimate: Estimate = serde_json::from_value(answer).map_err(malformed)?;
        if let Some(rate) = estimate.feerate {
            rates.insert(*target, sat_per_vb(rate.max(mempool.mempoolminfee)));
        }
    }
    Ok(rates)
}

/// From BTC/kvB, to three digits.
fn sat_per_vb(btc_per_kvb: f64) -> f64 {
    (btc_per_kvb * 1e8).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_converted() {
        assert_eq!(sat_per_vb(0.00001), 1.0);
        assert_eq!(sat_per_vb(0.000_010_01), 1.001);
        assert_eq!(sat_per_vb(0.001), 100.0);
    }

    #[test]
    fn only_hex_is_passed_on() {
        for bad in ["", "zz", "abc", "ab cd", "\"ab\""] {
            assert!(hex(bad).is_err(), "{bad}");
        }
        assert_eq!(hex(" 00ff\n").ok(), Some("00ff"));
    }
}
