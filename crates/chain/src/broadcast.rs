//! Broadcast of transactions, and the interpretation of the responses (Esplora's endpoints, Bitcoin Core's messages).

use amplet_transport::HttpResponse;
use bitcoin::Transaction;
use bitcoin::consensus::encode::serialize_hex;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::client::Chain;
use crate::source::{Source, status_error};
use crate::{BroadcastError, RejectReason, SourceError};

/// A transaction that at least one source took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// At least one source took it.
    Accepted,
    /// It was in the mempool or in a block already.
    AlreadyKnown,
}

/// The outcome at one source.
type SendResult = Result<Broadcast, SourceError>;

impl Chain {
    /// Sends to every source at once and waits for each of them: the first one to take it may be the very party that the
    /// transaction is against, and drop it. Several transactions are one package, parents first. `taken` is called as soon as
    /// a source has taken it.
    ///
    /// # Errors
    /// [`BroadcastError::Rejected`] when every source refused it; [`BroadcastError::Unknown`] when none took it and not all
    /// refused it.
    pub async fn broadcast(
        &self,
        txs: &[Transaction],
        taken: impl FnOnce(Broadcast),
    ) -> Result<Broadcast, BroadcastError> {
        if txs.is_empty() {
            return Err(BroadcastError::Empty);
        }
        let sent = |source| async move { (source, send(source, txs).await) };
        let mut sending: FuturesUnordered<_> = self.sources.iter().map(sent).collect();
        let (mut best, mut failures, mut taken) = (None, Vec::new(), Some(taken));
        while let Some((source, result)) = sending.next().await {
            match result {
                Ok(outcome) => {
                    // Accepted says more than known, whichever came first.
                    best = best.filter(|best| *best == Broadcast::Accepted).or(Some(outcome));
                    if let Some(taken) = taken.take() {
                        taken(outcome);
                    }
                }
                Err(error) => failures.push((source.url().to_string(), error)),
            }
        }
        best.ok_or_else(|| outcome_of(failures))
    }
}

/// The outcome of a broadcast that no source took.
fn outcome_of(failures: Vec<(String, SourceError)>) -> BroadcastError {
    let refusal = |(_, error): &(String, SourceError)| match error {
        SourceError::Rejected { reason, text } => Some((*reason, text.clone())),
        _ => None,
    };
    let refusals: Vec<_> = failures.iter().filter_map(refusal).collect();
    match refusals.first() {
        Some((reason, text)) if refusals.len() == failures.len() => {
            BroadcastError::Rejected { reason: *reason, text: text.clone() }
        }
        _ => BroadcastError::Unknown(failures),
    }
}

async fn send(source: &Source, txs: &[Transaction]) -> SendResult {
    if let [tx] = txs {
        return send_one(source, tx).await;
    }
    match send_package(source, txs).await {
        Ok(done) => Ok(done),
        Err(e @ SourceError::Fetch(_)) => Err(e),
        // No such endpoint, or a parent is in a block already and the rest no package: one by one then.
        Err(package) => match send_each(source, txs).await {
            Ok(done) => Ok(done),
            Err(refused @ SourceError::Rejected { .. }) => Err(refused),
            Err(_) => Err(package),
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
    let response = source.post("/tx", serialize_hex(tx)).await?;
    if response.is_success() {
        return Ok(Broadcast::Accepted);
    }
    interpret("/tx", &response)
}

async fn send_package(source: &Source, txs: &[Transaction]) -> SendResult {
    let hex: Vec<String> = txs.iter().map(serialize_hex).collect();
    let body = serde_json::Value::from(hex).to_string();
    let response = source.post("/txs/package", body).await?;
    if !response.is_success() {
        return interpret("/txs/package", &response);
    }
    let malformed = |what: String| SourceError::Malformed { path: "/txs/package".to_string(), what };
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
            Some(error) => Err(rejected(error)),
            None if self.tx_results.values().any(|r| r.error.is_some()) => Ok(Broadcast::AlreadyKnown),
            None => Err(rejected(&self.package_msg)),
        }
    }
}

/// Interprets a response without success: known already, rejected, or a server that cannot do it.
fn interpret(path: &str, response: &HttpResponse) -> SendResult {
    let error = status_error(path, response);
    let SourceError::Status { status, text, .. } = &error else { return Err(error) };
    if is_known(text) {
        return Ok(Broadcast::AlreadyKnown);
    }
    match status {
        400 | 422 => Err(rejected(text)),
        _ => Err(error),
    }
}

fn rejected(text: &str) -> SourceError {
    SourceError::Rejected { reason: reason(text), text: text.to_string() }
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
