//! Headers, filter headers and filters, by files and parts of them.

use std::io;
use std::sync::Arc;

use amplet_protocol::chain::{FILTER_HEADER_BYTES, HEADER_BYTES};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bitcoin::BlockHash;
use bitcoin::consensus::encode::{VarInt, serialize};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use super::answers::{FOREVER, REVALIDATE, current, labels, unchanged};
use super::asker::Asker;
use super::error::ChainApiError;
use super::fetch::{FILTER_HEADERS_PER_CALL, FILTERS_PER_CALL, HEADERS_PER_CALL};
use super::view::View;

/// `?from=<height>&count=<n>`: only that part of the file.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Part {
    from: Option<u32>,
    count: Option<u32>,
}

#[derive(Clone, Copy)]
enum Kind {
    Headers,
    FilterHeaders,
    Filters,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::FilterHeaders => "filter-headers",
            Self::Filters => "filters",
        }
    }

    fn per_call(self) -> usize {
        match self {
            Self::Headers => HEADERS_PER_CALL,
            Self::FilterHeaders => FILTER_HEADERS_PER_CALL,
            Self::Filters => FILTERS_PER_CALL,
        }
    }

    /// Bytes of so many entries, at most or about: filters have no maximum, and 25 kB on average on mainnet.
    fn size(self, count: usize) -> usize {
        count.saturating_mul(match self {
            Self::Headers => HEADER_BYTES,
            Self::FilterHeaders => FILTER_HEADER_BYTES,
            Self::Filters => 25_000,
        })
    }

    /// Entries in the form of files.
    async fn fetch(
        self,
        view: &View,
        hashes: &[BlockHash],
        settled: bool,
        asker: &Asker,
    ) -> Result<Bytes, ChainApiError> {
        let (room, lane) = (asker.room(self.size(hashes.len())).await?, asker.lane());
        let entries = match self {
            Self::Headers => view.fetch_headers(hashes, lane).await?,
            Self::FilterHeaders => view.fetch_filter_headers(hashes, settled, lane).await?,
            Self::Filters => view.fetch_filters(hashes, lane).await?,
        };
        let mut out = BytesMut::with_capacity(entries.iter().map(|e| e.len().saturating_add(9)).sum());
        for entry in entries {
            if matches!(self, Self::Filters) {
                let length = VarInt(u64::try_from(entry.len()).unwrap_or(u64::MAX));
                out.extend_from_slice(&serialize(&length));
            }
            out.extend_from_slice(&entry);
        }
        Ok(room.hold(out.freeze()))
    }
}

type Answer = Result<Response, ChainApiError>;

pub(super) async fn headers(
    State(view): State<Arc<View>>,
    Path(start): Path<u32>,
    Query(part): Query<Part>,
    asker: Asker,
    request: HeaderMap,
) -> Answer {
    let per_file = view.sizes().headers;
    File { kind: Kind::Headers, start, per_file, part }.answer(view, asker, request).await
}

pub(super) async fn filter_headers(
    State(view): State<Arc<View>>,
    Path(start): Path<u32>,
    Query(part): Query<Part>,
    asker: Asker,
    request: HeaderMap,
) -> Answer {
    let per_file = view.sizes().headers;
    File { kind: Kind::FilterHeaders, start, per_file, part }.answer(view, asker, request).await
}

pub(super) async fn filters(
    State(view): State<Arc<View>>,
    Path(start): Path<u32>,
    Query(part): Query<Part>,
    asker: Asker,
    request: HeaderMap,
) -> Answer {
    let per_file = view.sizes().filters;
    File { kind: Kind::Filters, start, per_file, part }.answer(view, asker, request).await
}

pub(super) async fn single_filter(
    State(view): State<Arc<View>>,
    Path(height): Path<u32>,
    asker: Asker,
    request: HeaderMap,
) -> Answer {
    let tip = current(&view)?.height;
    if height > tip {
        return Err(above_tip(height, tip));
    }
    let hashes = view.hashes(height, height, asker.lane()).await?;
    let hash = hashes.first().map(BlockHash::to_string).unwrap_or_default();
    let etag = format!("\"filter-{hash}\"");
    let cache = if view.is_settled(height, tip) { FOREVER } else { REVALIDATE };
    let headers = labels(&etag, cache, "application/octet-stream");
    if unchanged(&request, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let room = asker.room(Kind::Filters.size(1)).await?;
    let filter = view.fetch_filters(&hashes, asker.lane()).await?.pop().unwrap_or_default();
    Ok((headers, room.hold(filter)).into_response())
}

fn above_tip(height: u32, tip: u32) -> ChainApiError {
    ChainApiError(StatusCode::BAD_REQUEST, format!("height {height} is above the tip at {tip}"))
}

/// The first and the last height to answer, for a valid request.
fn bounds(start: u32, per_file: u32, part: Part, tip: u32) -> Result<(u32, u32), ChainApiError> {
    let bad = |what: String| Err(ChainApiError(StatusCode::BAD_REQUEST, what));
    if !start.is_multiple_of(per_file) {
        return bad(format!("invalid start height {start}, must be zero or a multiple of {per_file}"));
    }
    let end = start.saturating_add(per_file - 1);
    let from = part.from.unwrap_or(start);
    if from < start || from > end {
        return bad(format!("from must be within the file, {start} to {end}"));
    }
    if from > tip {
        return Err(above_tip(from, tip));
    }
    match part.count.unwrap_or(per_file) {
        0 => bad("count must be at least 1".to_string()),
        count => Ok((from, from.saturating_add(count - 1).min(end).min(tip))),
    }
}

/// A file, or a part of one, that is asked for.
struct File {
    kind: Kind,
    start: u32,
    per_file: u32,
    part: Part,
}

impl File {
    /// Serves it. The blocks it covers are fixed first, then their entries are streamed.
    async fn answer(self, view: Arc<View>, asker: Asker, request: HeaderMap) -> Answer {
        let Self { kind, start, per_file, part } = self;
        let tip = current(&view)?.height;
        let (from, to) = bounds(start, per_file, part, tip)?;
        let hashes = view.hashes(from, to, asker.lane()).await?;
        let last = hashes.last().map(BlockHash::to_string).unwrap_or_default();
        let etag = format!("\"{}-{from}-{last}\"", kind.name());
        let asked = from.saturating_add(part.count.unwrap_or(per_file).saturating_sub(1));
        let settled = view.is_settled(to, tip);
        let whole = to == asked.min(start.saturating_add(per_file - 1));
        let cache = if whole && settled { FOREVER } else { REVALIDATE };
        let headers = labels(&etag, cache, "application/octet-stream");
        if unchanged(&request, &etag) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        Ok((headers, body(kind, view, &hashes, settled, asker).await?).into_response())
    }
}

/// The first batch is fetched before the status is sent, so that an error has one; the rest as the client takes it.
async fn body(
    kind: Kind,
    view: Arc<View>,
    hashes: &[BlockHash],
    settled: bool,
    asker: Asker,
) -> Result<Body, ChainApiError> {
    let mut batches = hashes.chunks(kind.per_call()).map(<[BlockHash]>::to_vec);
    let first = kind.fetch(&view, &batches.next().unwrap_or_default(), settled, &asker).await?;
    let rest: Vec<_> = batches.collect();
    if rest.is_empty() {
        return Ok(Body::from(first));
    }
    let rest = stream::iter(rest).then(move |hashes| {
        let (view, asker) = (view.clone(), asker.clone());
        async move {
            let part = kind.fetch(&view, &hashes, settled, &asker).await;
            part.map_err(|ChainApiError(_, text)| io::Error::other(text))
        }
    });
    let all = stream::iter([Ok(first)]).chain(rest);
    Ok(Body::from_stream(all.inspect_err(|e| tracing::warn!("chain API: an answer broke off: {e}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(from: Option<u32>, count: Option<u32>) -> Part {
        Part { from, count }
    }

    #[test]
    fn bounds_stay_within_file_and_tip() {
        let ok = |start, p, tip| bounds(start, 100, p, tip).map_err(|e| e.1);
        assert_eq!(ok(0, part(None, None), 250), Ok((0, 99)));
        assert_eq!(ok(200, part(None, None), 250), Ok((200, 250)));
        assert_eq!(ok(200, part(Some(240), Some(5)), 250), Ok((240, 244)));
        assert_eq!(ok(200, part(Some(240), Some(u32::MAX)), 250), Ok((240, 250)));
        assert_eq!(ok(100, part(Some(190), Some(50)), 250), Ok((190, 199)));
    }

    #[test]
    fn bad_bounds_are_named() {
        let error = |start, p, tip| bounds(start, 100, p, tip).err().map(|e| e.1).unwrap_or_default();
        assert!(error(50, part(None, None), 250).contains("multiple of 100"));
        assert!(error(300, part(None, None), 250).contains("above the tip"));
        assert!(error(200, part(Some(251), None), 250).contains("above the tip"));
        assert!(error(200, part(Some(199), None), 250).contains("within the file"));
        assert!(error(100, part(Some(200), None), 250).contains("within the file"));
        assert!(error(100, part(None, Some(0)), 250).contains("at least 1"));
        assert!(error(4_294_967_200, part(None, None), 250).contains("above the tip"));
    }
}
