//! The chain API (block-dn's, see [`amplet_protocol::chain`]): from a bitcoind, or passed through from another server.
//!
//! From bitcoind: hashes of the best chain are in memory; headers, filters and filter headers are asked for by block, in
//! JSON-RPC batches, and cached within limits; answers that can change carry an ETag and must be revalidated, complete old
//! files and blocks are immutable. Each answer is of one chain: what it holds is fixed by block hashes before the first byte.

pub(crate) mod answers;
pub(crate) mod asker;
mod cache;
mod convert;
pub(crate) mod error;
mod fetch;
mod files;
mod inside;
mod mempool;
mod rpc;
mod send;
mod source;
mod start;
mod turn;
mod upstream;
mod view;

use std::sync::Arc;
use std::time::Duration;

use amplet_protocol::chain::{MAX_PACKAGE_BODY, MAX_TX_BODY};
use amplet_transport::{HttpClient, NativePlatform};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post};
use bitcoin::Network;

use self::mempool::Mempool;
use self::send::Bitcoind;
use self::view::View;
use crate::config::{ChainSection, Config, Login};

pub use inside::inside;
pub use rpc::{Auth, RpcError};
pub use source::{Source, SourceState};
pub use start::{FileSizes, StartError};

/// Time for the answers to a probe.
const PROBE_LIMIT: Duration = Duration::from_secs(15);

/// The chain API and its source.
#[derive(Debug)]
pub struct ChainApi {
    /// Its paths.
    pub router: Router,
    /// The source, for health.
    pub source: Source,
}

/// The chain API of this configuration. A bitcoind that cannot be reached yet is waited for while the gateway runs (clients
/// get 503 until then); one that is of no use is an error.
///
/// # Errors
/// [`StartError`]. Must be called within a tokio runtime.
pub async fn open(config: &Config) -> Result<ChainApi, StartError> {
    let http = NativePlatform::new().map_err(|e| StartError::Tls(e.to_string()))?.http();
    match &config.chain {
        ChainSection::Upstream(url) => {
            Ok(ChainApi { router: from_upstream(http, url.clone()), source: Source::upstream() })
        }
        ChainSection::Bitcoind { url, login } => {
            from_bitcoind(http, url.clone(), auth(login), config.network, FileSizes::default()).await
        }
    }
}

/// What is known of a chain source that was asked once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probed {
    /// Height of the lowest block that it has; `None`: it has all.
    pub lowest_block: Option<u32>,
    /// Blocks whose filters it has not made yet.
    pub lacks_filters: u32,
    /// True while it is in its initial download.
    pub initial_download: bool,
}

/// Asks the configured chain source once whether it is of use.
///
/// # Errors
/// [`StartError`], also when it does not answer.
pub async fn probe(config: &Config) -> Result<Probed, StartError> {
    let http = NativePlatform::new().map_err(|e| StartError::Tls(e.to_string()))?.http();
    let probed = async {
        match &config.chain {
            ChainSection::Upstream(url) => upstream::probe(&http, url, config.network).await,
            ChainSection::Bitcoind { url, login } => {
                let rpc = rpc::Rpc::new(http, url.clone(), auth(login));
                View::new(rpc, config.network, FileSizes::default()).probe().await
            }
        }
    };
    tokio::time::timeout(PROBE_LIMIT, probed).await.unwrap_or(Err(StartError::Silent))
}

fn auth(login: &Login) -> Auth {
    match login {
        Login::CookieFile(path) => Auth::CookieFile(path.clone()),
        Login::Password { user, password } => Auth::UserPassword(format!("{user}:{}", password.expose())),
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
) -> Result<ChainApi, StartError> {
    let rpc = rpc::Rpc::new(http, url, auth);
    let view = Arc::new(View::new(rpc.clone(), network, sizes));
    match view.tick().await {
        // The view says so once it is followed, and keeps trying.
        Err(e) if e.is_passing() => {}
        other => other?,
    }
    tokio::spawn(View::follow(Arc::downgrade(&view)));
    let source = Source::bitcoind(&view);
    let blocks = Router::new()
        .route("/status", get(answers::status))
        .route("/headers/{start}", get(files::headers))
        .route("/filter-headers/{start}", get(files::filter_headers))
        .route("/filters/{start}", get(files::filters))
        .route("/filters/single/{height}", get(files::single_filter))
        .route("/block/{hash}", get(answers::block))
        .with_state(view);
    let mempool = Router::new()
        .route("/mempool/{prefix}", get(mempool::by_prefix))
        .with_state(Arc::new(Mempool::new(rpc.clone())));
    let bitcoind = Router::new()
        .route("/fee-estimates", get(send::fee_estimates))
        .route("/tx", sending(post(send::transaction), MAX_TX_BODY))
        .route("/txs/package", sending(post(send::package), MAX_PACKAGE_BODY))
        .with_state(Arc::new(Bitcoind::new(rpc)));
    let router = blocks.merge(mempool).merge(bitcoind).layer(from_fn(answers::cors));
    Ok(ChainApi { router, source })
}

/// A path that transactions are sent to.
fn sending<S: Clone + Send + Sync + 'static>(handler: MethodRouter<S>, max_body: usize) -> MethodRouter<S> {
    handler.layer(DefaultBodyLimit::max(max_body)).layer(from_fn(send::few))
}

/// The chain API passed through from the server at `url`.
pub fn from_upstream(http: HttpClient, url: String) -> Router {
    upstream::router(http, url).layer(from_fn(answers::cors))
}
