//! Where coins are looked for, and transactions sent to.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use amplet_transport::{HttpRequest, NativePlatform, Platform};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Transaction, TxOut};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::ExitError;
use crate::coins::{Coin, Owner, SeedKeys};

/// Limit of a look through all coins of Bitcoin Core: minutes on a small machine.
const SCAN_LIMIT: Duration = Duration::from_secs(3_600);
/// Limit of an answer, in bytes.
const MAX_ANSWER: usize = 256 << 20;
/// Number of questions to an Esplora server at a time.
const AT_A_TIME: usize = 8;
/// Blocks within which a transaction should confirm.
const BLOCKS: u16 = 6;

/// A server.
pub enum Server {
    /// Bitcoin Core: URL and login (`user:password`).
    Core {
        /// URL of its RPC.
        url: String,
        /// `user:password`.
        login: String,
    },
    /// An Esplora server.
    Esplora {
        /// Base URL, without a slash at its end.
        url: String,
    },
}

/// A server and the means to ask it.
pub struct Client {
    pub(crate) server: Server,
    platform: NativePlatform,
}

impl Client {
    /// Of this server.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(server: Server) -> Result<Self, ExitError> {
        let platform = NativePlatform::new().map_err(|error| ExitError::Server(error.to_string()))?;
        Ok(Self { server, platform })
    }

    /// All coins of a phrase: of the first `addresses` of each chain of the savings (with Esplora until so many in a row are unused),
    /// and of the closed channels of these installations. `told` is called with what is being done.
    ///
    /// # Errors
    /// [`ExitError`].
    pub async fn coins(
        &self,
        keys: &SeedKeys,
        (addresses, numbers): (u32, &[u32]),
        told: &dyn Fn(String),
    ) -> Result<Vec<Coin>, ExitError> {
        let mut closed = Vec::new();
        for number in numbers {
            closed.extend(keys.closed(*number)?);
        }
        match &self.server {
            Server::Core { .. } => {
                let mut all: HashMap<ScriptBuf, Owner> = closed.into_iter().collect();
                for (purpose, chain) in keys.chains() {
                    for index in 0..addresses {
                        let (script, owner) = keys.savings(purpose, chain, index)?;
                        all.insert(script, owner);
                    }
                }
                told(format!("looking through all coins for {} scripts: this takes minutes", all.len()));
                self.scan(&all).await
            }
            Server::Esplora { .. } => {
                told("asking for the savings".into());
                let mut coins = self.esplora_savings(keys, addresses).await?;
                told(format!("asking for {} scripts of closed channels: this takes long", closed.len()));
                coins.extend(self.esplora_closed(closed).await?);
                Ok(coins)
            }
        }
    }

    async fn fetch(&self, request: HttpRequest) -> Result<(u16, Vec<u8>), ExitError> {
        let answer = self.platform.fetch(request.max_body(MAX_ANSWER)).await;
        let answer = answer.map_err(|error| ExitError::Server(error.to_string()))?;
        Ok((answer.status, answer.body))
    }

    pub(crate) async fn rpc(&self, method: &str, params: Value) -> Result<Value, ExitError> {
        let Server::Core { url, login } = &self.server else { return Err(ExitError::Unspendable) };
        let body = json!({ "jsonrpc": "1.0", "id": "amplet-exit", "method": method, "params": params });
        let request = HttpRequest::post(url, body.to_string().into_bytes())
            .header("Authorization", format!("Basic {}", STANDARD.encode(login)))
            .header("Content-Type", "application/json")
            .timeout(SCAN_LIMIT);
        let (status, body) = self.fetch(request).await?;
        if status == 401 || status == 403 {
            return Err(ExitError::Login);
        }
        let answer: Value = serde_json::from_slice(&body)
            .map_err(|_| ExitError::Server(format!("{url} is no Bitcoin Core: it answers {status}")))?;
        match answer.get("error") {
            None | Some(Value::Null) => Ok(answer.get("result").cloned().unwrap_or_default()),
            Some(error) => {
                let message = error.get("message").and_then(Value::as_str).unwrap_or("without a reason");
                Err(ExitError::Server(format!("Bitcoin Core refuses {method}: {message}")))
            }
        }
    }

    /// Looks through the coins that Bitcoin Core has.
    async fn scan(&self, all: &HashMap<ScriptBuf, Owner>) -> Result<Vec<Coin>, ExitError> {
        let scripts: Vec<String> =
            all.keys().map(|script| format!("raw({})", script.to_hex_string())).collect();
        let found = self.rpc("scantxoutset", json!(["start", scripts])).await?;
        if found.get("success") != Some(&Value::Bool(true)) {
            return Err(ExitError::Server("Bitcoin Core did not end its look through all coins".into()));
        }
        let unspents = found.get("unspents").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut coins = Vec::new();
        for unspent in &unspents {
            let coin = unspent_coin(unspent, all);
            let coin = coin.ok_or_else(|| ExitError::Server(format!("a coin is not readable: {unspent}")))?;
            let (txid, vout) = (coin.outpoint.txid, coin.outpoint.vout);
            // Null: a transaction that waits spends it already.
            if !self.rpc("gettxout", json!([txid, vout, true])).await?.is_null() {
                coins.push(coin);
            }
        }
        Ok(coins)
    }

    pub(crate) async fn text(&self, path: &str) -> Result<String, ExitError> {
        let Server::Esplora { url } = &self.server else { return Err(ExitError::Unspendable) };
        let (status, body) = self.fetch(HttpRequest::get(format!("{url}{path}"))).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if status == 200 { Ok(text) } else { Err(unreadable(path, &format!("{status}: {text}"))) }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, ExitError> {
        let text = self.text(path).await?;
        serde_json::from_str(&text).map_err(|_| unreadable(path, &text))
    }

    async fn esplora_savings(&self, keys: &SeedKeys, gap: u32) -> Result<Vec<Coin>, ExitError> {
        let mut coins = Vec::new();
        for (purpose, chain) in keys.chains() {
            let (mut index, mut unused) = (0u32, 0u32);
            while unused < gap {
                let (script, owner) = keys.savings(purpose, chain, index)?;
                let stats = self.get(&format!("/scripthash/{}", script_hash(&script))).await?;
                let count = |part: &str| stats.get(part)?.get("tx_count")?.as_u64();
                let used = count("chain_stats").unwrap_or(0) > 0 || count("mempool_stats").unwrap_or(0) > 0;
                unused = if used { 0 } else { unused.saturating_add(1) };
                if used {
                    coins.extend(self.esplora_coins(&script, &owner).await?);
                }
                index = index.saturating_add(1);
            }
        }
        Ok(coins)
    }

    async fn esplora_closed(&self, closed: Vec<(ScriptBuf, Owner)>) -> Result<Vec<Coin>, ExitError> {
        let asked = stream::iter(closed)
            .map(|(script, owner)| async move { self.esplora_coins(&script, &owner).await })
            .buffer_unordered(AT_A_TIME);
        asked
            .try_fold(Vec::new(), |mut all, coins| async move {
                all.extend(coins);
                Ok(all)
            })
            .await
    }

    async fn esplora_coins(&self, script: &ScriptBuf, owner: &Owner) -> Result<Vec<Coin>, ExitError> {
        let found = self.get(&format!("/scripthash/{}/utxo", script_hash(script))).await?;
        let coin = |utxo: &Value| {
            let status = utxo.get("status")?;
            let txid = utxo.get("txid")?.as_str()?.parse().ok()?;
            let vout = u32::try_from(utxo.get("vout")?.as_u64()?).ok()?;
            let value = Amount::from_sat(utxo.get("value")?.as_u64()?);
            Some(Coin {
                outpoint: OutPoint { txid, vout },
                output: TxOut { value, script_pubkey: script.clone() },
                owner: owner.clone(),
                confirmed: status.get("confirmed") == Some(&Value::Bool(true)),
            })
        };
        let utxos = found.as_array().cloned().unwrap_or_default();
        let coins: Option<Vec<Coin>> = utxos.iter().map(coin).collect();
        coins.ok_or_else(|| ExitError::Server(format!("a coin is not readable: {found}")))
    }

    /// The rate at which a transaction confirms within six blocks. `None`: the server has no estimate.
    ///
    /// # Errors
    /// [`ExitError`].
    pub async fn fee_rate(&self) -> Result<Option<FeeRate>, ExitError> {
        match &self.server {
            Server::Core { .. } => {
                let estimate = self.rpc("estimatesmartfee", json!([BLOCKS])).await?;
                let per_kvb = estimate.get("feerate").and_then(Value::as_f64);
                Ok(per_kvb.and_then(|btc| rate(btc * 100_000.0)))
            }
            Server::Esplora { .. } => {
                let estimates = self.get("/fee-estimates").await?;
                let by_target: BTreeMap<u16, f64> = serde_json::from_value(estimates).unwrap_or_default();
                Ok(by_target.get(&BLOCKS).and_then(|per_vb| rate(*per_vb)))
            }
        }
    }

    /// Broadcasts a transaction, or a parent and the child that pays for it.
    ///
    /// # Errors
    /// [`ExitError`]: it is refused.
    pub async fn broadcast(&self, package: &[Transaction]) -> Result<(), ExitError> {
        let hex: Vec<String> = package.iter().map(serialize_hex).collect();
        match (&self.server, &hex[..]) {
            (Server::Core { .. }, [one]) => self.rpc("sendrawtransaction", json!([one])).await.map(drop),
            (Server::Core { .. }, _) => taken(&self.rpc("submitpackage", json!([hex])).await?),
            (Server::Esplora { .. }, [one]) => self.post("/tx", one.clone()).await.map(drop),
            (Server::Esplora { .. }, _) => {
                let answer = self.post("/txs/package", json!(hex).to_string()).await?;
                taken(&serde_json::from_str(&answer).map_err(|_| unreadable("/txs/package", &answer))?)
            }
        }
    }

    async fn post(&self, path: &str, body: String) -> Result<String, ExitError> {
        let Server::Esplora { url } = &self.server else { return Err(ExitError::Unspendable) };
        let (status, body) = self.fetch(HttpRequest::post(format!("{url}{path}"), body.into_bytes())).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if status == 200 { Ok(text) } else { Err(unreadable(path, &text)) }
    }
}

/// Reads Bitcoin Core's answer to a package, which an Esplora server hands on: it comes with a status of success in either case.
fn taken(answer: &Value) -> Result<(), ExitError> {
    match answer.get("package_msg").and_then(Value::as_str) {
        Some("success") => Ok(()),
        _ => Err(ExitError::Server(format!("the server refuses a package: {answer}"))),
    }
}

/// An answer of an Esplora server that is not understood.
fn unreadable(path: &str, text: &str) -> ExitError {
    let text: String = text.chars().take(200).collect();
    ExitError::Server(format!("the Esplora server answers {path} with {text}"))
}

/// A coin as Bitcoin Core describes it.
fn unspent_coin(unspent: &Value, all: &HashMap<ScriptBuf, Owner>) -> Option<Coin> {
    let script_pubkey = ScriptBuf::from_hex(unspent.get("scriptPubKey")?.as_str()?).ok()?;
    let owner = all.get(&script_pubkey)?.clone();
    let value = Amount::from_btc(unspent.get("amount")?.as_f64()?).ok()?;
    let txid = unspent.get("txid")?.as_str()?.parse().ok()?;
    let vout = u32::try_from(unspent.get("vout")?.as_u64()?).ok()?;
    let (outpoint, output) = (OutPoint { txid, vout }, TxOut { value, script_pubkey });
    // It looks through blocks alone.
    Some(Coin { outpoint, output, owner, confirmed: true })
}

/// Esplora's name of a script.
fn script_hash(script: &ScriptBuf) -> String {
    sha256::Hash::hash(script.as_bytes()).to_string()
}

/// A rate in sat/vB, rounded up. `None`: it is no rate that anybody pays.
#[must_use]
pub fn rate(sat_per_vb: f64) -> Option<FeeRate> {
    if !(0.1..=10_000.0).contains(&sat_per_vb) {
        return None;
    }
    // In range, so nothing is lost but the fraction that is rounded up.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let per_kwu = (sat_per_vb * 250.0).ceil() as u64;
    Some(FeeRate::from_sat_per_kwu(per_kwu))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_package_is_taken_only_if_the_answer_says_so() {
        assert!(taken(&json!({ "package_msg": "success", "tx-results": {} })).is_ok());
        let refusal = json!({
            "package_msg": "transaction failed",
            "tx-results": { "ab": { "txid": "cd", "error": "min relay fee not met" } },
        });
        let error = taken(&refusal).unwrap_err().to_string();
        assert!(error.contains("min relay fee not met"), "{error}");
        assert!(taken(&Value::Null).is_err());
    }
}
