//! One server of the block-dn API.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::chain::{FILTER_HEADER_BYTES, HEADER_BYTES, WAIT_SECS};
use amplet_transport::{HttpRequest, HttpResponse, Platform};
use bitcoin::block::Header;
use bitcoin::hash_types::FilterHeader;
use bitcoin::{Block, BlockHash, Network};

use crate::persist::genesis_hash;
use crate::wire::{self, SourceStatus};
use crate::{ChainError, SourceError};

/// Maximum size of a status, an estimate or the response to a broadcast, in bytes.
const MAX_SMALL: usize = 256 << 10;
/// Maximum size of a block, in bytes: 4,000,000 weight units.
const MAX_BLOCK: usize = 4_000_000;
/// Maximum size of a single filter, in bytes: a block's scripts, each at 2.5 bytes or so, stay far below.
const MAX_FILTER: usize = 1 << 20;
/// Maximum size of a file of filters, in bytes (58 MiB is the largest of mainnet so far).
const MAX_FILTER_FILE: usize = 96 << 20;
/// Time limit for a small response.
const SHORT: Duration = Duration::from_secs(10);
/// Time limit for a file or a block.
const LONG: Duration = Duration::from_secs(60);

/// The state of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// No request yet.
    Unknown,
    /// Its headers and filter headers are the ones in use.
    Agrees,
    /// It is on the same chain, but knows fewer blocks.
    Behind,
    /// It is on another chain with less work.
    OtherChain,
    /// Its filter headers differ from those of another source from this height on and neither was proven false: the blocks
    /// concerned are fetched whole.
    FiltersConflict {
        /// The first height that differs.
        height: u32,
    },
    /// It served something provably false. After a false filter it gets no more requests for chain data.
    Misbehaving {
        /// The false data, with the height of the proof.
        what: String,
    },
    /// The last request failed.
    Failed {
        /// The reason, with the remedy.
        why: String,
    },
}

/// One configured server.
pub(crate) struct Source {
    platform: Rc<dyn Platform>,
    /// The base URL, without a slash at its end.
    url: String,
    /// The host and port: sources of one host are one operator.
    operator: String,
    state: RefCell<SourceState>,
    status: RefCell<Option<SourceStatus>>,
    /// The newest block it reported at the last poll.
    polled_tip: Cell<Option<BlockHash>>,
    /// Its filters were proven false: it gets no more requests in this session.
    banned: Cell<bool>,
    /// It has no `/filters/single`.
    no_single: Cell<bool>,
}

impl Source {
    /// Checks the address; nothing is sent.
    pub(crate) fn new(platform: Rc<dyn Platform>, url: &str) -> Result<Self, ChainError> {
        let bad = |what: &str| ChainError::BadUrl { url: url.to_string(), what: what.to_string() };
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let rest = rest.ok_or_else(|| bad("it must begin with https:// or http://"))?;
        if url.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '"')) {
            return Err(bad("it must have no spaces, user, query or fragment"));
        }
        let operator = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
        if operator.is_empty() || operator.starts_with(':') {
            return Err(bad("it names no host"));
        }
        Ok(Self {
            platform,
            url: url.trim_end_matches('/').to_string(),
            operator,
            state: RefCell::new(SourceState::Unknown),
            status: RefCell::new(None),
            polled_tip: Cell::new(None),
            banned: Cell::new(false),
            no_single: Cell::new(false),
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn operator(&self) -> &str {
        &self.operator
    }

    pub(crate) fn state(&self) -> SourceState {
        self.state.borrow().clone()
    }

    pub(crate) fn set_state(&self, state: SourceState) {
        // A ban is for the session: no later success takes it back.
        if !self.banned.get() {
            *self.state.borrow_mut() = state;
        }
    }

    /// Records a failed request in the source's state; the log has it once, for as long as it stays the same.
    pub(crate) fn record_failure(&self, error: &SourceError) {
        let text = error.to_string();
        let state = match error.is_proof() {
            true => SourceState::Misbehaving { what: text.clone() },
            false => SourceState::Failed { why: text.clone() },
        };
        if *self.state.borrow() != state {
            log::warn!("chain server {}: {text}", self.url);
        }
        self.set_state(state);
    }

    /// Ends its use for chain data in this session, after its filters were proven false.
    pub(crate) fn ban(&self, what: String) {
        log::error!("chain server {} misbehaves: {what}", self.url);
        self.set_state(SourceState::Misbehaving { what });
        self.banned.set(true);
    }

    pub(crate) fn is_banned(&self) -> bool {
        self.banned.get()
    }

    pub(crate) fn set_polled_tip(&self, hash: BlockHash) {
        self.polled_tip.set(Some(hash));
    }

    /// The newest block it reported at the last poll.
    pub(crate) fn polled_tip(&self) -> Option<BlockHash> {
        self.polled_tip.get()
    }

    pub(crate) fn last_status(&self) -> Option<SourceStatus> {
        self.status.borrow().clone()
    }

    async fn get(&self, path: &str, timeout: Duration, max: usize) -> Result<Vec<u8>, SourceError> {
        let request = HttpRequest::get(format!("{}{path}", self.url)).timeout(timeout).max_body(max);
        let response = self.platform.fetch(request).await?;
        if !response.is_success() {
            return Err(status_error(path, &response));
        }
        Ok(response.body)
    }

    /// Posts a text. The type is one that needs no preflight in a browser.
    pub(crate) async fn post(&self, path: &str, body: String) -> Result<HttpResponse, SourceError> {
        let request = HttpRequest::post(format!("{}{path}", self.url), body.into_bytes());
        let request = request.header("content-type", "text/plain").timeout(SHORT * 2).max_body(MAX_SMALL);
        Ok(self.platform.fetch(request).await?)
    }

    /// A small response in JSON.
    pub(crate) async fn json<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, SourceError> {
        let body = self.get(path, SHORT, MAX_SMALL).await?;
        let malformed =
            |e: serde_json::Error| SourceError::Malformed { path: path.into(), what: e.to_string() };
        serde_json::from_slice(&body).map_err(malformed)
    }

    /// Requests the status; with `after` the server may wait until its tip is another block than that.
    pub(crate) async fn status(
        &self,
        network: Network,
        after: Option<BlockHash>,
    ) -> Result<SourceStatus, SourceError> {
        let (path, timeout) = match after {
            None => ("/status".to_string(), SHORT),
            Some(hash) => (format!("/status?after={hash}"), SHORT + Duration::from_secs(WAIT_SECS)),
        };
        let status = wire::status(&path, &self.get(&path, timeout, MAX_SMALL).await?)?;
        // Not stored: nothing of another network may be used.
        if status.genesis != genesis_hash(network) {
            let found = format!("the chain with genesis block {}", status.genesis);
            return Err(SourceError::WrongNetwork { found, expected: network });
        }
        *self.status.borrow_mut() = Some(status.clone());
        Ok(status)
    }

    fn known_status(&self) -> Result<SourceStatus, SourceError> {
        self.last_status().ok_or(SourceError::Moved)
    }

    /// The path of the file that holds `from`, and the height of the first entry in the response.
    fn file(&self, kind: &str, per_file: u32, from: u32, count: u32) -> Result<(String, u32), SourceError> {
        let start = from - from % per_file;
        // Whole files only: the response starts at the file's first entry.
        if !self.known_status()?.ranges {
            return Ok((format!("/{kind}/{start}"), start));
        }
        Ok((format!("/{kind}/{start}?from={from}&count={count}"), from))
    }

    /// The headers of one file, from a height at or below `from` on, at least `count` of them where the file has as many; and the
    /// height of the first.
    pub(crate) async fn headers(&self, from: u32, count: u32) -> Result<(u32, Vec<Header>), SourceError> {
        let per_file = self.known_status()?.headers_per_file;
        let (path, first) = self.file("headers", per_file, from, count)?;
        let body = self.get(&path, LONG, limit(per_file, HEADER_BYTES)).await?;
        Ok((first, wire::headers(&path, &body, per_file)?))
    }

    /// The filter headers of one file, as [`headers`](Self::headers).
    pub(crate) async fn filter_headers(
        &self,
        from: u32,
        count: u32,
    ) -> Result<(u32, Vec<FilterHeader>), SourceError> {
        let per_file = self.known_status()?.headers_per_file;
        let (path, first) = self.file("filter-headers", per_file, from, count)?;
        let body = self.get(&path, LONG, limit(per_file, FILTER_HEADER_BYTES)).await?;
        Ok((first, wire::filter_headers(&path, &body, per_file)?))
    }

    /// The filters of one file, as [`headers`](Self::headers).
    pub(crate) async fn filters(&self, from: u32, count: u32) -> Result<(u32, Vec<Vec<u8>>), SourceError> {
        let per_file = self.known_status()?.filters_per_file;
        let (path, first) = self.file("filters", per_file, from, count)?;
        let body = self.get(&path, LONG, MAX_FILTER_FILE).await?;
        Ok((first, wire::filters(&path, &body, per_file)?))
    }

    /// One filter. `Ok(None)`: the server has no such endpoint.
    pub(crate) async fn single_filter(&self, height: u32) -> Result<Option<Vec<u8>>, SourceError> {
        if self.no_single.get() {
            return Ok(None);
        }
        match self.get(&format!("/filters/single/{height}"), SHORT, MAX_FILTER).await {
            Ok(body) => Ok(Some(body)),
            // Older servers have no such endpoint: they are not asked again.
            Err(SourceError::Status { status: 404, .. }) => {
                self.no_single.set(true);
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// Unconfirmed transactions.
    pub(crate) async fn mempool(&self, path: &str, max: usize) -> Result<Vec<u8>, SourceError> {
        self.get(path, SHORT, max).await
    }

    /// A block, checked against its hash, and against `header` when that is known.
    pub(crate) async fn block(&self, hash: BlockHash, header: Option<&Header>) -> Result<Block, SourceError> {
        let body = self.get(&format!("/block/{hash}"), LONG, MAX_BLOCK).await?;
        wire::block(hash, header, &body)
    }
}

fn limit(entries: u32, size: usize) -> usize {
    usize::try_from(entries).unwrap_or(usize::MAX).saturating_mul(size)
}

/// The error for a response without success.
pub(crate) fn status_error(path: &str, response: &HttpResponse) -> SourceError {
    let text: String = String::from_utf8_lossy(&response.body).chars().take(200).collect();
    SourceError::Status { path: path.to_string(), status: response.status, text }
}
