//! Parameters of the chain API, and errors of its start.

use amplet_protocol::chain::{FILTERS_PER_FILE, HEADERS_PER_FILE};
use bitcoin::Network;

use super::rpc::RpcError;

/// Errors of a bitcoind that cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// bitcoind does not answer as it should.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// bitcoind is on another network.
    #[error(
        "the chain source is on {found}, the configuration says {expected}; correct network, or the address of bitcoind"
    )]
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
    /// A frozen bitcoind, or a firewall.
    #[error(
        "the chain source does not answer within 15 s; check that it runs, and that nothing between drops what is sent"
    )]
    Silent,
    /// Another server that is passed through does not answer, or not as one.
    #[error("the server of [chain] upstream is of no use ({0}); correct upstream, or use a bitcoind")]
    Upstream(String),
    /// No HTTP client.
    #[error("TLS cannot be set up ({0}); this build of the gateway is broken")]
    Tls(String),
}

impl StartError {
    /// Returns whether it may pass without a change of the configuration: bitcoind is not up yet.
    pub(super) fn is_passing(&self) -> bool {
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
