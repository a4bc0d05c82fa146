//! Listings: what a server has to read for a page, and the page that it makes of that.

use crate::messages::{KeyValue, ListKeyVersionsRequest, ListKeyVersionsResponse};
use crate::rules::{Head, Row, check_store_id};
use crate::{MAX_KEY_BYTES, MAX_PAGE_ITEMS, PAGE_BYTES, Refusal};

/// What a server has to read for a page, in one transaction with the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Beginning of the keys.
    pub prefix: String,
    /// Maximum number of rows.
    pub limit: usize,
    /// Which rows, in which order.
    pub order: Order,
    is_first: bool,
    is_full: bool,
}

/// The rows of a page, and their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// By creation, newest first, without values; deleted keys are left out.
    Newest {
        /// Rows created before this one.
        before: i64,
    },
    /// By (`changed`, `created`), with values if asked for, up to the first row with which they have [`PAGE_BYTES`].
    Changes {
        /// Rows after this `changed` and `created`.
        after: (i64, i64),
        /// Deleted keys only with a `changed` above this.
        deleted_after: i64,
        /// With values.
        values: bool,
    },
}

/// Reads a request.
///
/// # Errors
/// [`Refusal::Invalid`]
pub fn query(head: Head, request: &ListKeyVersionsRequest) -> Result<Query, Refusal> {
    check_store_id(&request.store_id)?;
    let prefix = request.key_prefix.clone().unwrap_or_default();
    if prefix.len() > MAX_KEY_BYTES || prefix.contains('\0') {
        return Err(Refusal::Invalid("key_prefix is not the beginning of a key".into()));
    }
    let limit = match request.page_size.map(usize::try_from) {
        None | Some(Ok(0)) => MAX_PAGE_ITEMS,
        Some(Ok(size)) => size.min(MAX_PAGE_ITEMS),
        Some(Err(_)) => return Err(Refusal::Invalid("page_size is negative".into())),
    };
    let token = request.page_token.as_deref().filter(|token| !token.is_empty());
    let token = token.map(Token::read).transpose()?;
    let is_first = token.is_none();
    let (order, is_full) = match (request.changed_since, token) {
        (None, None) => (Order::Newest { before: i64::MAX }, false),
        (None, Some(Token::Newest { before })) => (Order::Newest { before }, false),
        (Some(since), None) => {
            // A sequence of the future is one of a store that had more than this one: it is listed whole.
            let is_full = since <= 0 || since < head.forgotten || since > head.sequence;
            let (since, deleted_after) = if is_full { (0, head.sequence) } else { (since, since) };
            let values = request.include_values;
            (Order::Changes { after: (since, i64::MAX), deleted_after, values }, is_full)
        }
        (Some(_), Some(Token::Changes { after, deleted_after, is_full })) => {
            if deleted_after < head.forgotten {
                return Err(Refusal::Invalid("page_token is too old; begin the listing again".into()));
            }
            (Order::Changes { after, deleted_after, values: request.include_values }, is_full)
        }
        _ => return Err(Refusal::Invalid("page_token is of another listing".into())),
    };
    Ok(Query { prefix, limit, order, is_first, is_full })
}

/// Makes the page of the rows that were read.
#[must_use]
pub fn page(head: Head, query: &Query, rows: Vec<Row>) -> ListKeyVersionsResponse {
    let value_bytes: usize = rows.iter().filter_map(|row| row.value.as_ref()).map(Vec::len).sum();
    let has_all = rows.len() < query.limit && value_bytes < PAGE_BYTES;
    let last = rows.last().filter(|_| !has_all);
    let of_changes = matches!(query.order, Order::Changes { .. });
    let token = last.map(|last| match query.order {
        Order::Newest { .. } => Token::Newest { before: last.created },
        Order::Changes { deleted_after, .. } => {
            Token::Changes { after: (last.changed, last.created), deleted_after, is_full: query.is_full }
        }
    });
    let values = matches!(query.order, Order::Changes { values: true, .. });
    let item = |row: Row| {
        let deleted = row.value.is_none();
        let value = row.value.filter(|_| values).unwrap_or_default();
        KeyValue { key: row.key, version: row.version, value, deleted }
    };
    ListKeyVersionsResponse {
        key_versions: rows.into_iter().map(item).collect(),
        next_page_token: token.map(|token| token.write()),
        global_version: (query.is_first || of_changes).then_some(head.global_version),
        sequence: of_changes.then_some(head.sequence),
        full: query.is_full,
    }
}

/// Where the next page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Newest { before: i64 },
    Changes { after: (i64, i64), deleted_after: i64, is_full: bool },
}

impl Token {
    fn write(self) -> String {
        match self {
            Self::Newest { before } => format!("n{before}"),
            Self::Changes { after: (changed, created), deleted_after, is_full } => {
                let kind = if is_full { 'f' } else { 'c' };
                format!("{kind}{changed}.{created}.{deleted_after}")
            }
        }
    }

    fn read(text: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::Invalid("page_token is none of this server's".into());
        let kind = text.chars().next().ok_or_else(wrong)?;
        let numbers = text.get(kind.len_utf8()..).unwrap_or_default().split('.').map(str::parse::<i64>);
        let numbers: Vec<i64> = numbers.collect::<Result<_, _>>().map_err(|_| wrong())?;
        match (kind, numbers.as_slice()) {
            ('n', &[before]) => Ok(Self::Newest { before }),
            ('c' | 'f', &[changed, created, deleted_after]) => {
                Ok(Self::Changes { after: (changed, created), deleted_after, is_full: kind == 'f' })
            }
            _ => Err(wrong()),
        }
    }
}
