//! Bitcoin Core's JSON-RPC, single and in batches.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use amplet_transport::{FetchError, HttpClient, HttpRequest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::turn::Lane;

/// Maximum number of requests in flight of strangers, and of the gateway's own node: bitcoind has 16 RPC threads by default, and
/// other users.
const PARALLEL: [usize; 2] = [4, 2];
/// Maximum answer: 200 filters, or a block, in hex with room to spare.
const MAX_ANSWER: usize = 64 << 20;
const TIMEOUT: Duration = Duration::from_secs(60);

/// Login to bitcoind.
#[derive(Clone, Debug)]
pub enum Auth {
    /// The file that bitcoind writes at each start; read at each request.
    CookieFile(PathBuf),
    /// `user:password` of `rpcauth` or `rpcuser`.
    UserPassword(String),
}

/// Errors of a call.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RpcError {
    /// No answer.
    #[error(
        "bitcoind cannot be reached ({0}); check that it runs and that [bitcoind] url is its RPC address"
    )]
    Unreachable(FetchError),
    /// The cookie cannot be read.
    #[error(
        "bitcoind's cookie file {path} cannot be read ({error}); check that bitcoind runs and that this user may read the file"
    )]
    Cookie {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: Arc<std::io::Error>,
    },
    /// The login is wrong.
    #[error("bitcoind refuses the login; correct user and password, or cookie_file, in [bitcoind]")]
    Unauthorized,
    /// An answer that is none of Bitcoin Core's.
    #[error("what answers at [bitcoind] url is no Bitcoin Core RPC ({0}); correct the address")]
    Malformed(String),
    /// bitcoind's own error.
    #[error("bitcoind: {message} ({code})")]
    Refused {
        /// Bitcoin Core's error code.
        code: i64,
        /// Its message.
        message: String,
    },
}

/// Bitcoin Core's "method not found": it is too old, or something else.
pub(super) const NO_METHOD: i64 = -32601;

impl RpcError {
    /// Returns whether the same call can succeed later without a change of the configuration.
    pub fn is_passing(&self) -> bool {
        match self {
            // The cookie is written when bitcoind starts.
            Self::Unreachable(_) | Self::Cookie { .. } => true,
            // Warming up, or a block that left the chain between two calls.
            Self::Refused { code, .. } => *code != NO_METHOD,
            Self::Unauthorized | Self::Malformed(_) => false,
        }
    }
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: i64,
    message: String,
}

/// A call: method and positional parameters.
pub type Call = (&'static str, Value);

/// A bitcoind. Clones share the connections.
#[derive(Clone)]
pub struct Rpc {
    http: HttpClient,
    url: String,
    auth: Auth,
    lane: Lane,
    /// Of strangers, and of the node.
    turns: Arc<[Semaphore; 2]>,
    no_rest: Arc<AtomicBool>,
}

impl Rpc {
    /// Nothing is sent yet.
    pub fn new(http: HttpClient, url: String, auth: Auth) -> Self {
        let turns = Arc::new(PARALLEL.map(Semaphore::new));
        Self { http, url, auth, lane: Lane::Own, turns, no_rest: Arc::default() }
    }

    /// The same for questions of that lane.
    pub(super) fn on(&self, lane: Lane) -> Self {
        Self { lane, ..self.clone() }
    }

    fn turns(&self) -> &Semaphore {
        let [strangers, own] = &*self.turns;
        match self.lane {
            Lane::Strangers => strangers,
            Lane::Own => own,
        }
    }

    /// An answer of the REST interface, which a bitcoind with `rest=1` has at the same address. `None` where it has not, and
    /// it is not asked again.
    pub async fn rest(&self, path: &str, max: usize) -> Option<Vec<u8>> {
        if self.no_rest.load(Ordering::Relaxed) {
            return None;
        }
        let request = HttpRequest::get(format!("{}{path}", self.url)).timeout(TIMEOUT).max_body(max);
        let _turn = self.turns().acquire().await;
        let response = self.http.fetch(request).await.ok()?;
        if !response.is_success() {
            self.no_rest.store(true, Ordering::Relaxed);
            tracing::info!(
                "bitcoind has no REST interface; rest=1 in bitcoin.conf makes first synchronisations faster"
            );
            return None;
        }
        Some(response.body)
    }

    /// One call.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, RpcError> {
        let mut results = self.batch(&[(method, params)]).await?;
        let result = results.pop().unwrap_or_else(|| Err(RpcError::Malformed("no answer".to_string())))?;
        read(result)
    }

    /// Several calls of which all must succeed, by one request; the results in the order of the calls.
    ///
    /// # Errors
    /// The first [`RpcError`].
    pub async fn all<T: DeserializeOwned>(&self, calls: &[Call]) -> Result<Vec<T>, RpcError> {
        self.batch(calls).await?.into_iter().map(|result| read(result?)).collect()
    }

    /// Several calls by one request; each has its own outcome, in the order of the calls.
    ///
    /// # Errors
    /// [`RpcError`] when there is no answer at all.
    pub async fn batch(&self, calls: &[Call]) -> Result<Vec<Result<Value, RpcError>>, RpcError> {
        let requests = calls.iter().enumerate();
        let requests: Vec<Value> = requests
            .map(|(id, (method, params))| json!({"jsonrpc": "1.0", "id": id, "method": method, "params": params}))
            .collect();
        let body = self.post(Value::from(requests).to_string().into_bytes()).await?;
        let mut replies: Vec<Reply> =
            serde_json::from_slice(&body).map_err(|e| RpcError::Malformed(e.to_string()))?;
        if replies.len() != calls.len() {
            let what = format!("{} answers to {} calls", replies.len(), calls.len());
            return Err(RpcError::Malformed(what));
        }
        replies.sort_by_key(|reply| reply.id.as_u64());
        Ok(replies.into_iter().map(Reply::outcome).collect())
    }

    async fn post(&self, body: Vec<u8>) -> Result<Vec<u8>, RpcError> {
        let login = match &self.auth {
            Auth::UserPassword(login) => login.clone(),
            Auth::CookieFile(path) => tokio::fs::read_to_string(path)
                .await
                .map_err(|error| RpcError::Cookie { path: path.clone(), error: Arc::new(error) })?,
        };
        let request = HttpRequest::post(self.url.clone(), body)
            .header("authorization", format!("Basic {}", STANDARD.encode(login.trim())))
            .header("content-type", "application/json")
            .timeout(TIMEOUT)
            .max_body(MAX_ANSWER);
        let _turn = self.turns().acquire().await;
        let response = self.http.fetch(request).await.map_err(RpcError::Unreachable)?;
        match response.status {
            401 | 403 => Err(RpcError::Unauthorized),
            // Errors of bitcoind come with 500 (and 404 for unknown methods), and say so in their body.
            _ if response.body.first() == Some(&b'[') => Ok(response.body),
            status => {
                let text: String = String::from_utf8_lossy(&response.body).chars().take(120).collect();
                Err(RpcError::Malformed(format!("status {status}: {text}")))
            }
        }
    }
}

impl Reply {
    fn outcome(self) -> Result<Value, RpcError> {
        match self.error {
            Some(Fault { code, message }) => Err(RpcError::Refused { code, message }),
            None => Ok(self.result),
        }
    }
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, RpcError> {
    serde_json::from_value(value).map_err(|e| RpcError::Malformed(e.to_string()))
}
