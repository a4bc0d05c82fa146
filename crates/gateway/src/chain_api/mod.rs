//! The chain API (block-dn's, see [`amplet_protocol::chain`]): from a bitcoind, or passed through from another server.
//!
//! From bitcoind: hashes of the best chain are kept in memory; headers, filters and filter headers are asked for by block, in
//! JSON-RPC batches, and cached within limits; answers that can change carry an ETag and must be revalidated, complete old
//! files and blocks are immutable. Each answer is of one chain: what it holds is fixed by block hashes before the first byte.

pub(crate) mod answers;
mod cache;
mod convert;
mod files;
mod mempool;
mod rpc;
mod send;
mod upstream;
mod view;

use std::sync::Arc;

use amplet_protocol::chain::{FILTERS_PER_FILE, HEADERS_PER_FILE, MAX_PACKAGE_BODY, MAX_TX_BODY};
use amplet_transport::{HttpClient, NativePlatform};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use bitcoin::Network;

use crate::config::{ChainSection, Config, Login};
pub use rpc::{Auth, RpcError};
use view::View;

/// Why the chain API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// bitcoind does not answer as it should.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// bitcoind is on another network.
    #[error("bitcoind is on {found}, the configuration says {expected}; correct network, or [bitcoind] url")]
    WrongNetwork {
        /// bitcoind's name of its chain.
        found: String,
        /// The configured network.
        expected: Network,
    },
    /// No BIP 158 filters.
    #[error(
        "bitcoind has no block filters; add blockfilterindex=1 to bitcoin.conf and restart bitcoind (building the index takes an hour or two on mainnet)"
    )]
    NoFilterIndex,
    /// No HTTP client.
    #[error("TLS cannot be set up ({0}); this build of the gateway is broken")]
    Tls(String),
}

impl StartError {
    /// Whether it may pass without anybody changing a configuration: bitcoind is not up yet.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Rpc(e) if e.is_passing())
    }
}

/// Entries per file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSizes {
    /// Headers, and filter headers, per file.
    pub headers: u32,
    /// Filters per file.
    pub filters: u32,
}

impl Default for FileSizes {
    /// block-dn's.
    fn default() -> Self {
        Self { headers: HEADERS_PER_FILE, filters: FILTERS_PER_FILE }
    }
}

/// The chain API of this configuration. A bitcoind that cannot be reached yet is waited for while the gateway runs (clients
/// get 503 until then); one that is of no use is an error.
///
/// # Errors
/// [`StartError`]. Must be called within a tokio runtime.
pub async fn router(config: &Config) -> Result<Router, StartError> {
    let http = NativePlatform::new().map_err(|e| StartError::Tls(e.to_string()))?.http();
    match &config.chain {
        ChainSection::Upstream(url) => Ok(from_upstream(http, url.clone())),
        ChainSection::Bitcoind { url, login } => {
            let auth = match login {
                Login::CookieFile(path) => Auth::CookieFile(path.clone()),
                Login::Password { user, password } => {
                    Auth::UserPassword(format!("{user}:{}", password.expose()))
                }
            };
            from_bitcoind(http, url.clone(), auth, config.network, FileSizes::default()).await
        }
    }
}

/// The chain API from a bitcoind, which is followed until the router is dropped.
///
/// # Errors
/// [`StartError`] when this bitcoind is of no use; one that is not up yet is waited for.
pub async fn from_bitcoind(
    http: HttpClient,
    url: String,
    auth: Auth,
    network: Network,
    sizes: FileSizes,
) -> Result<Router, StartError> {
    let view = Arc::new(View::new(rpc::Rpc::new(http, url, auth), network, sizes));
    match view.tick().await {
        Err(e) if e.is_passing() => tracing::warn!("chain API: {e}; the gateway goes on trying"),
        other => other?,
    }
    tokio::spawn(View::follow(Arc::downgrade(&view)));
    let router = Router::new()
        .route("/status", get(answers::status))
        .route("/headers/{start}", get(files::headers))
        .route("/filter-headers/{start}", get(files::filter_headers))
        .route("/filters/{start}", get(files::filters))
        .route("/filters/single/{height}", get(files::single_filter))
        .route("/block/{hash}", get(answers::block))
        .route("/fee-estimates", get(send::fee_estimates))
        .route("/mempool/{prefix}", get(mempool::by_prefix))
        .route("/tx", post(send::transaction).layer(DefaultBodyLimit::max(MAX_TX_BODY)))
        .route("/txs/package", post(send::package).layer(DefaultBodyLimit::max(MAX_PACKAGE_BODY)));
    Ok(router.with_state(view).layer(from_fn(answers::cors)))
}

/// The chain API passed through from the server at `url`.
pub fn from_upstream(http: HttpClient, url: String) -> Router {
    upstream::router(http, url).layer(from_fn(answers::cors))
}
