//! A block-dn server in memory, honest or not.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use amplet_protocol::chain::{EXT_MEMPOOL, EXT_RANGE, Status, mempool_path};
use amplet_transport::testing::TestPlatform;
use amplet_transport::{FetchError, HttpRequest, HttpResponse};
use bitcoin::Transaction;
use bitcoin::consensus::encode::{VarInt, serialize};
use bitcoin::hashes::{Hash, sha256};
use futures::FutureExt;

use super::TestChain;

type Tamper = Box<dyn Fn(&str, Vec<u8>) -> Vec<u8>>;
type OnPost = Box<dyn Fn(&str, &str) -> (u16, String)>;

/// Serves the block-dn API from a [`TestChain`]. Everything can be changed while it serves.
pub struct FakeServer {
    /// The chain it serves.
    pub chain: RefCell<TestChain>,
    /// Headers (and filter headers) per file.
    pub headers_per_file: Cell<u32>,
    /// Filters per file.
    pub filters_per_file: Cell<u32>,
    /// Serves parts of files (a gateway) or whole files only (block-dn).
    pub ranges: Cell<bool>,
    /// Has `/filters/single`.
    pub singles: Cell<bool>,
    /// Unconfirmed transactions, which are shown where parts of files are served.
    pub mempool: Rc<RefCell<Vec<Transaction>>>,
    /// True if it does not respond.
    pub down: Cell<bool>,
    /// Requests for paths with this prefix are never answered.
    pub stalls: RefCell<Option<String>>,
    /// Requests for paths with this prefix are answered with an error.
    pub refuses: RefCell<Option<String>>,
    /// Number of blocks below the tip without a filter yet.
    pub filter_lag: Cell<u32>,
    /// Changes a response's body on its way, by path.
    pub tamper: RefCell<Option<Tamper>>,
    /// Every path requested.
    pub log: RefCell<Vec<String>>,
    /// Response to `POST`s: status and body.
    pub post: RefCell<(u16, String)>,
    /// Responds to `POST`s, by path and body, in place of `post`.
    pub on_post: RefCell<Option<OnPost>>,
    /// Response to `GET /fee-estimates`; without it there is no such endpoint.
    pub fees: RefCell<Option<String>>,
    /// Response to `GET /fees/estimate/<blocks>`, block-dn's own; without it there is no such endpoint.
    pub fees_block_dn: RefCell<Option<String>>,
}

impl FakeServer {
    /// An honest gateway over `chain`.
    pub fn new(chain: TestChain) -> Rc<Self> {
        Rc::new(Self {
            chain: RefCell::new(chain),
            headers_per_file: Cell::new(2000),
            filters_per_file: Cell::new(200),
            ranges: Cell::new(true),
            singles: Cell::new(true),
            mempool: Rc::default(),
            down: Cell::new(false),
            stalls: RefCell::new(None),
            refuses: RefCell::new(None),
            filter_lag: Cell::new(0),
            tamper: RefCell::new(None),
            log: RefCell::default(),
            post: RefCell::new((200, String::new())),
            on_post: RefCell::new(None),
            fees: RefCell::new(Some("{}".to_string())),
            fees_block_dn: RefCell::new(None),
        })
    }

    /// An honest block-dn server over `chain`: whole files only.
    pub fn block_dn(chain: TestChain) -> Rc<Self> {
        let server = Self::new(chain);
        server.ranges.set(false);
        server
    }

    /// Changes responses on their way.
    pub fn tamper(&self, change: impl Fn(&str, Vec<u8>) -> Vec<u8> + 'static) {
        *self.tamper.borrow_mut() = Some(Box::new(change));
    }

    /// The number of requests for paths with this prefix.
    pub fn requests(&self, prefix: &str) -> usize {
        self.log.borrow().iter().filter(|path| path.starts_with(prefix)).count()
    }

    /// Responds to a request for `path` (with its query) of this server.
    ///
    /// # Errors
    /// [`FetchError`] when it is `down`, or the response is larger than the request allows.
    pub fn respond(&self, path: &str, request: &HttpRequest) -> Result<HttpResponse, FetchError> {
        self.log.borrow_mut().push(path.to_string());
        let url = request.url.clone();
        if self.down.get() {
            return Err(FetchError::Unreachable { url, detail: "down".to_string() });
        }
        if self.refuses.borrow().as_ref().is_some_and(|prefix| path.starts_with(prefix)) {
            return Ok(HttpResponse { status: 500, headers: Vec::new(), body: b"broken".to_vec() });
        }
        let (status, body) = match request.method {
            amplet_transport::HttpMethod::Post => {
                let (status, body) = match &*self.on_post.borrow() {
                    Some(respond) => respond(path, &String::from_utf8_lossy(&request.body)),
                    None => self.post.borrow().clone(),
                };
                (status, body.into_bytes())
            }
            _ => match self.get(path) {
                Some(body) => (200, body),
                None => (404, b"404 page not found".to_vec()),
            },
        };
        let body = match (&*self.tamper.borrow(), status) {
            (Some(change), 200) => change(path, body),
            _ => body,
        };
        if body.len() > request.max_body {
            return Err(FetchError::TooLarge { url, limit: request.max_body });
        }
        Ok(HttpResponse { status, headers: Vec::new(), body })
    }

    /// Returns whether a request for `path` is never answered.
    pub fn is_stalled(&self, path: &str) -> bool {
        self.stalls.borrow().as_ref().is_some_and(|prefix| path.starts_with(prefix))
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let chain = self.chain.borrow();
        match parts.as_slice() {
            ["status"] => Some(self.status(&chain)),
            ["fee-estimates"] => self.fees.borrow().clone().map(String::into_bytes),
            ["fees", "estimate", _] => self.fees_block_dn.borrow().clone().map(String::into_bytes),
            ["block", hash] => chain.find(hash.parse().ok()?).map(serialize),
            ["filters", "single", height] if self.singles.get() => {
                chain.filters().get(height.parse::<usize>().ok()?).cloned()
            }
            ["mempool", _] if self.ranges.get() => Some(self.unconfirmed(path)),
            [kind, start] => {
                let entry: fn(&TestChain, usize) -> Option<Vec<u8>> = match *kind {
                    "headers" => |chain, at| chain.blocks().get(at).map(|block| serialize(&block.header)),
                    "filter-headers" => {
                        |chain, at| Some(chain.filter_headers().get(at)?.as_byte_array().to_vec())
                    }
                    "filters" => |chain, at| chain.filters().get(at).map(|filter| with_length(filter)),
                    _ => return None,
                };
                let range = self.range(kind, start.parse().ok()?, query, chain.blocks().len())?;
                range.map(|at| entry(&chain, at)).collect::<Option<Vec<_>>>().map(|entries| entries.concat())
            }
            _ => None,
        }
    }

    fn unconfirmed(&self, path: &str) -> Vec<u8> {
        let pays = |tx: &&Transaction| {
            let mut hashes = tx.output.iter().map(|o| sha256::Hash::hash(o.script_pubkey.as_bytes()));
            hashes.any(|hash| mempool_path(hash.to_byte_array()) == path)
        };
        self.mempool.borrow().iter().filter(pays).flat_map(serialize).collect()
    }

    /// Positions that a file, or the part of it that the query names, holds; `total` of them exist.
    fn range(&self, kind: &str, start: usize, query: &str, total: usize) -> Option<Range<usize>> {
        let per_file = match kind {
            "filters" => self.filters_per_file.get(),
            _ => self.headers_per_file.get(),
        };
        let per_file = usize::try_from(per_file).ok()?;
        if !start.is_multiple_of(per_file) {
            return None;
        }
        let end = (start + per_file).min(total);
        let (mut from, mut count) = (start, per_file);
        for (name, value) in
            query.split('&').filter_map(|pair| pair.split_once('=')).filter(|_| self.ranges.get())
        {
            match name {
                "from" => from = value.parse().ok()?,
                "count" => count = value.parse().ok()?,
                _ => {}
            }
        }
        (from <= end).then(|| from..(from + count).min(end))
    }

    fn status(&self, chain: &TestChain) -> Vec<u8> {
        let height = chain.height();
        let filter_header = chain.filter_headers().last().unwrap();
        let status = Status {
            chain_genesis_hash: chain.block(0).block_hash().to_string(),
            chain_name: "regtest".to_string(),
            best_block_height: height,
            best_block_hash: chain.tip_hash().to_string(),
            best_filter_header: filter_header.to_string(),
            best_filter_height: height - self.filter_lag.get().min(height),
            all_files_synced: true,
            entries_per_header_file: self.headers_per_file.get(),
            entries_per_filter_file: self.filters_per_file.get(),
            extensions: match self.ranges.get() {
                true => [EXT_RANGE, EXT_MEMPOOL].map(str::to_string).to_vec(),
                false => Vec::new(),
            },
        };
        serde_json::to_vec(&status).unwrap()
    }
}

fn with_length(filter: &[u8]) -> Vec<u8> {
    let length = VarInt(u64::try_from(filter.len()).unwrap());
    [serialize(&length), filter.to_vec()].concat()
}

/// Makes each server reachable from `platform` at `http://<its name>`.
pub fn serve(platform: &TestPlatform, servers: Vec<(&'static str, Rc<FakeServer>)>) {
    platform.on_fetch(move |request| {
        let found = servers.iter().find_map(|(name, server)| {
            let path = request.url.strip_prefix("http://")?.strip_prefix(name)?;
            path.starts_with('/').then(|| (path.to_string(), server.clone()))
        });
        async move {
            match found {
                Some((path, server)) if server.is_stalled(&path) => std::future::pending().await,
                Some((path, server)) => server.respond(&path, &request),
                None => Err(FetchError::Unreachable { url: request.url, detail: "no such host".to_string() }),
            }
        }
        .boxed_local()
    });
}
