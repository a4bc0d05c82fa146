//! Broadcast of transactions, and the interpretation of the responses (Esplora's endpoints, Bitcoin Core's messages).

use amplet_transport::HttpResponse;
use bitcoin::Transaction;
use bitcoin::consensus::encode::serialize_hex;

use crate::client::Chain;
use crate::gather::gather;
use crate::source::{Source, status_error};
use crate::{BroadcastError, RejectReason, SourceError};

/// The outcome of a broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// At least one source took it.
    Accepted,
    /// It was in the mempool or in a block already.
    AlreadyKnown,
}

/// The outcome at one source.
type SendResult = Result<Broadcast, SendFailure>;

enum SendFailure {
    Rejected(RejectReason, String),
    Failed(SourceError),
}

impl Chain {
    /// Sends to every source at once; several transactions are one package, parents first.
    ///
    /// # Errors
    /// [`BroadcastError::Rejected`] when no source took it and one refused; [`BroadcastError::Unreachable`] when none could
    /// be reached.
    pub async fn broadcast(&self, txs: &[Transaction]) -> Result<Broadcast, BroadcastError> {
        if txs.is_empty() {
            return Err(BroadcastError::Empty);
        }
        let tasks = self.sources.iter().map(|s| send(s, txs));
        let results = gather(&*self.platform, tasks, |a| matches!(a, Ok(Broadcast::Accepted))).await;
        let late = || Err(SendFailure::Failed(SourceError::Late));
        let results: Vec<SendResult> = results.into_iter().map(|a| a.unwrap_or_else(late)).collect();
        let known = results.iter().filter_map(|a| a.as_ref().ok());
        if let Some(best) = known.max_by_key(|b| **b == Broadcast::Accepted) {
            return Ok(*best);
        }
        let mut failures = Vec::new();
        for (source, result) in self.sources.iter().zip(results) {
            match result {
                // One refusal says more than all failures: it names what to change.
                Err(SendFailure::Rejected(reason, text)) => {
                    return Err(BroadcastError::Rejected { reason, text });
                }
                Err(SendFailure::Failed(e)) => failures.push((source.url().to_string(), e)),
                Ok(_) => {}
            }
        }
        Err(BroadcastError::Unreachable(failures))
    }
}

async fn send(source: &Source, txs: &[Transaction]) -> SendResult {
    if let [tx] = txs {
        return send_one(source, tx).await;
    }
    match send_package(source, txs).await {
        Ok(done) => Ok(done),
        Err(SendFailure::Failed(e @ SourceError::Fetch(_))) => Err(SendFailure::Failed(e)),
        // No such endpoint, or a parent is in a block already and the rest no package: one by one then.
        Err(package) => match send_each(source, txs).await {
            Err(SendFailure::Failed(_)) => Err(package),
            each => each,
        },
    }
}

async fn send_each(source: &Source, txs: &[Transaction]) -> SendResult {
    let mut all = Broadcast::AlreadyKnown;
    for tx in txs {
        if send_one(source, tx).await? == Broadcast::Accepted {
            all = Broadcast::Accepted;
        }
    }
    Ok(all)
}

async fn send_one(source: &Source, tx: &Transaction) -> SendResult {
    let response = source.post("/tx", serialize_hex(tx)).await.map_err(SendFailure::Failed)?;
    if response.is_success() {
        return Ok(Broadcast::Accepted);
    }
    interpret("/tx", &response)
}

async fn send_package(source: &Source, txs: &[Transaction]) -> SendResult {
    let hex: Vec<String> = txs.iter().map(serialize_hex).collect();
    let body = serde_json::Value::from(hex).to_string();
    let response = source.post("/txs/package", body).await.map_err(SendFailure::Failed)?;
    if !response.is_success() {
        return interpret("/txs/package", &response);
    }
    let malformed =
        |what: String| SendFailure::Failed(SourceError::Malformed { path: "/txs/package".to_string(), what });
    let result: PackageResult =
        serde_json::from_slice(&response.body).map_err(|e| malformed(e.to_string()))?;
    result.interpret()
}

/// The parts of `submitpackage`'s result that are used.
#[derive(serde::Deserialize)]
struct PackageResult {
    package_msg: String,
    #[serde(rename = "tx-results", default)]
    tx_results: std::collections::BTreeMap<String, TxResult>,
}

#[derive(serde::Deserialize)]
struct TxResult {
    error: Option<String>,
}

impl PackageResult {
    fn interpret(&self) -> SendResult {
        if self.package_msg == "success" {
            return Ok(Broadcast::Accepted);
        }
        let errors = self.tx_results.values().filter_map(|r| r.error.as_deref());
        let mut rejections = errors.filter(|e| !is_known(e));
        match rejections.next() {
            Some(error) => Err(SendFailure::Rejected(reason(error), error.to_string())),
            None if self.tx_results.values().any(|r| r.error.is_some()) => Ok(Broadcast::AlreadyKnown),
            None => Err(SendFailure::Rejected(reason(&self.package_msg), self.package_msg.clone())),
        }
    }
}

/// Interprets a response without success: known already, rejected, or a server that cannot do it.
fn interpret(path: &str, response: &HttpResponse) -> SendResult {
    let error = status_error(path, response);
    let SourceError::Status { status, text, .. } = &error else { return Err(SendFailure::Failed(error)) };
    if is_known(text) {
        return Ok(Broadcast::AlreadyKnown);
    }
    match status {
        400 | 422 => Err(SendFailure::Rejected(reason(text), text.clone())),
        _ => Err(SendFailure::Failed(error)),
    }
}

const KNOWN: [&str; 4] =
    ["txn-already-in-mempool", "txn-already-known", "already in block chain", "already in utxo set"];

fn is_known(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    KNOWN.iter().any(|words| text.contains(words))
}

/// Bitcoin Core's reject reasons, the more specific first.
const REASONS: [(&str, RejectReason); 22] = [
    ("missingorspent", RejectReason::MissingInputs),
    ("missing-inputs", RejectReason::MissingInputs),
    ("mempool-conflict", RejectReason::Conflict),
    ("rejecting replacement", RejectReason::Conflict),
    ("replacement", RejectReason::Conflict),
    ("min relay fee not met", RejectReason::FeeTooLow),
    ("mempool min fee not met", RejectReason::FeeTooLow),
    ("mempool full", RejectReason::FeeTooLow),
    ("min-fee", RejectReason::FeeTooLow),
    ("non-final", RejectReason::NotFinal),
    ("non-bip68-final", RejectReason::NotFinal),
    ("dust", RejectReason::Dust),
    ("too-long-mempool-chain", RejectReason::ChainLimits),
    ("mempool-limits", RejectReason::ChainLimits),
    ("too-large-cluster", RejectReason::ChainLimits),
    ("truc-violation", RejectReason::ChainLimits),
    ("max-fee-exceeded", RejectReason::FeeTooHigh),
    ("maximum configured by user", RejectReason::FeeTooHigh),
    ("decode failed", RejectReason::Invalid),
    ("script-verify", RejectReason::Invalid),
    ("bad-txns", RejectReason::Invalid),
    ("bad-witness", RejectReason::Invalid),
];

fn reason(text: &str) -> RejectReason {
    let text = text.to_ascii_lowercase();
    let found = REASONS.iter().find(|(words, _)| text.contains(words));
    found.map_or(RejectReason::Other, |(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_reject_reasons_are_recognised() {
        let cases = [
            ("bad-txns-inputs-missingorspent", RejectReason::MissingInputs),
            ("insufficient fee, rejecting replacement abc", RejectReason::Conflict),
            ("min relay fee not met, 0 < 110", RejectReason::FeeTooLow),
            ("non-BIP68-final", RejectReason::NotFinal),
            ("dust, tx with dust output must be 0-fee", RejectReason::Dust),
            ("Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)", RejectReason::FeeTooHigh),
            ("mandatory-script-verify-flag-failed (Invalid signature)", RejectReason::Invalid),
            ("TX decode failed. Make sure the tx has at least one input.", RejectReason::Invalid),
            ("something new", RejectReason::Other),
        ];
        for (text, expected) in cases {
            assert_eq!(reason(text), expected, "{text}");
        }
        assert!(is_known("Transaction already in block chain"));
        assert!(is_known("Transaction outputs already in utxo set"));
        assert!(!is_known("bad-txns-in-belowout"));
    }
}
