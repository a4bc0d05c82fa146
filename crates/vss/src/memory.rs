//! A server in memory, for tests: it does with requests what the gateway does, and can be made to fail.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bitcoin::secp256k1::Secp256k1;
use prost::Message;

use crate::listing::{self, Order, Query};
use crate::messages::{
    DeleteObjectRequest, DeleteObjectResponse, GetObjectRequest, GetObjectResponse, KeyValue,
    ListKeyVersionsRequest, ListKeyVersionsResponse, PutObjectRequest, PutObjectResponse,
};
use crate::rules::{self, Found, Head, Plan, Quota, Row};
use crate::{
    DELETE_OBJECT, GET_OBJECT, GLOBAL_VERSION_KEY, LIST_KEY_VERSIONS, MAX_BODY_BYTES, PAGE_BYTES, PREFIX,
    PUT_OBJECTS, Refusal, auth,
};

/// A server. Clones are the same one.
#[derive(Clone, Default)]
pub struct MemoryServer(Arc<Mutex<Inside>>);

/// What a server had at some time.
#[derive(Clone, Default)]
pub struct Snapshot(HashMap<(String, String), Store>);

#[derive(Clone, Default)]
struct Store {
    head: Head,
    rows: BTreeMap<String, Row>,
}

#[derive(Default)]
struct Inside {
    stores: Snapshot,
    quota: Quota,
    is_unreachable: bool,
    answers_to_lose: u32,
    delay_ms: u32,
    requests: u64,
    puts: u64,
}

/// A response as HTTP knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The response's message, or an `ErrorResponse`.
    pub body: Vec<u8>,
}

/// No answer came: nothing is known of what the server did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server cannot be reached")]
pub struct Unreachable;

impl MemoryServer {
    /// Takes a request: `path` as in the URL (`/vss/v1/putObjects`), the header `Authorization`, the body, and the server's time in
    /// seconds since the UNIX epoch.
    ///
    /// # Errors
    /// [`Unreachable`], where a trouble says so.
    pub fn request(
        &self,
        path: &str,
        authorization: &str,
        body: &[u8],
        now_secs: u64,
    ) -> Result<Answer, Unreachable> {
        let mut inside = self.inside();
        if inside.is_unreachable {
            return Err(Unreachable);
        }
        inside.requests = inside.requests.saturating_add(1);
        let answer = match inside.answer(path, authorization, body, now_secs) {
            Ok(body) => Answer { status: 200, body },
            Err(refusal) => Answer { status: refusal.status(), body: refusal.body() },
        };
        if inside.answers_to_lose > 0 {
            inside.answers_to_lose = inside.answers_to_lose.saturating_sub(1);
            return Err(Unreachable);
        }
        Ok(answer)
    }

    /// From now on it cannot be reached, or can be again.
    pub fn set_unreachable(&self, is_unreachable: bool) {
        self.inside().is_unreachable = is_unreachable;
    }

    /// Does what the next `count` requests ask for, and loses the answers.
    pub fn lose_answers(&self, count: u32) {
        self.inside().answers_to_lose = count;
    }

    /// Sets the time that each answer takes, in milliseconds. This crate has no clock: who calls [`request`](Self::request) waits.
    pub fn set_delay_ms(&self, delay_ms: u32) {
        self.inside().delay_ms = delay_ms;
    }

    /// The time that each answer takes, in milliseconds.
    #[must_use]
    pub fn delay_ms(&self) -> u32 {
        self.inside().delay_ms
    }

    /// Sets the quota of each client.
    pub fn set_quota(&self, quota: Quota) {
        self.inside().quota = quota;
    }

    /// What it has now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.inside().stores.clone()
    }

    /// Goes back to what it had then, as a server whose operator restored an older copy.
    pub fn restore(&self, snapshot: Snapshot) {
        self.inside().stores = snapshot;
    }

    /// Number of requests that reached it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.inside().requests
    }

    /// Number of writes that it has done.
    #[must_use]
    pub fn puts(&self) -> u64 {
        self.inside().puts
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn answer(
        &mut self,
        path: &str,
        authorization: &str,
        body: &[u8],
        now_secs: u64,
    ) -> Result<Vec<u8>, Refusal> {
        let owner = auth::verify(&Secp256k1::verification_only(), authorization, now_secs)?.to_string();
        if body.len() > MAX_BODY_BYTES {
            return Err(Refusal::TooLarge { max: MAX_BODY_BYTES });
        }
        let operation = path.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('/'));
        match operation.unwrap_or_default() {
            GET_OBJECT => Ok(self.get(owner, read(body)?)?.encode_to_vec()),
            PUT_OBJECTS => Ok(self.put(owner, read(body)?)?.encode_to_vec()),
            DELETE_OBJECT => Ok(self.delete(owner, read(body)?)?.encode_to_vec()),
            LIST_KEY_VERSIONS => Ok(self.list(owner, &read(body)?)?.encode_to_vec()),
            _ => Err(Refusal::Invalid("there is no such operation".into())),
        }
    }

    fn store(&mut self, owner: String, store_id: &str) -> &mut Store {
        self.stores.0.entry((owner, store_id.to_owned())).or_default()
    }

    fn get(&mut self, owner: String, request: GetObjectRequest) -> Result<GetObjectResponse, Refusal> {
        rules::check_get(&request)?;
        let store = self.store(owner, &request.store_id);
        let found = if request.key == GLOBAL_VERSION_KEY {
            Some((store.head.global_version, Vec::new()))
        } else {
            let row = store.rows.get(&request.key);
            row.and_then(|row| Some((row.version, row.value.clone()?)))
        };
        let (version, value) = found.ok_or(Refusal::NoSuchKey)?;
        Ok(GetObjectResponse { value: Some(KeyValue { key: request.key, version, value, deleted: false }) })
    }

    fn put(&mut self, owner: String, request: PutObjectRequest) -> Result<PutObjectResponse, Refusal> {
        rules::check_put(&request)?;
        let quota = self.quota;
        let store = self.store(owner, &request.store_id);
        let found = rules::keys_of(&request).into_iter();
        let found = found.filter_map(|key| store.found(&key).map(|found| (key, found))).collect();
        let plan = rules::plan_put(store.head, &found, request, quota)?;
        let sequence = Some(plan.head.sequence);
        store.apply(plan);
        self.puts = self.puts.saturating_add(1);
        Ok(PutObjectResponse { sequence })
    }

    fn delete(
        &mut self,
        owner: String,
        request: DeleteObjectRequest,
    ) -> Result<DeleteObjectResponse, Refusal> {
        let item = rules::check_delete(&request)?.clone();
        let store = self.store(owner, &request.store_id);
        if let Some(plan) = rules::plan_delete(store.head, store.found(&item.key), item) {
            store.apply(plan);
        }
        Ok(DeleteObjectResponse {})
    }

    fn list(
        &mut self,
        owner: String,
        request: &ListKeyVersionsRequest,
    ) -> Result<ListKeyVersionsResponse, Refusal> {
        let store = self.store(owner, &request.store_id);
        let query = listing::query(store.head, request)?;
        Ok(listing::page(store.head, &query, store.rows(&query)))
    }
}

impl Store {
    fn found(&self, key: &str) -> Option<Found> {
        let row = self.rows.get(key)?;
        let value_bytes = row.value.as_ref().map(|value| value.len() as u64);
        Some(Found { version: row.version, created: row.created, value_bytes })
    }

    fn apply(&mut self, plan: Plan) {
        if plan.forgets {
            self.rows.retain(|_, row| row.value.is_some());
        }
        self.head = plan.head;
        self.rows.extend(plan.rows.into_iter().map(|row| (row.key.clone(), row)));
    }

    fn rows(&self, query: &Query) -> Vec<Row> {
        let of_prefix = self.rows.values().filter(|row| row.key.starts_with(&query.prefix));
        let mut rows: Vec<&Row> = match query.order {
            Order::Newest { before } => {
                of_prefix.filter(|row| row.value.is_some() && row.created < before).collect()
            }
            Order::Changes { after, deleted_after, .. } => of_prefix
                .filter(|row| (row.changed, row.created) > after)
                .filter(|row| row.value.is_some() || row.changed > deleted_after)
                .collect(),
        };
        match query.order {
            Order::Newest { .. } => rows.sort_by_key(|row| std::cmp::Reverse(row.created)),
            Order::Changes { .. } => rows.sort_by_key(|row| (row.changed, row.created)),
        }
        let values = matches!(query.order, Order::Changes { values: true, .. });
        let mut bytes = 0_usize;
        let fits = |row: &&Row| {
            let fits = !values || bytes < PAGE_BYTES;
            bytes = bytes.saturating_add(row.value.as_ref().map_or(0, Vec::len));
            fits
        };
        let rows = rows.into_iter().take_while(fits).take(query.limit);
        let without = |row: &Row| Row { value: row.value.as_ref().map(|_| Vec::new()), ..row.clone() };
        rows.map(|row| if values { row.clone() } else { without(row) }).collect()
    }
}

fn read<M: Message + Default>(body: &[u8]) -> Result<M, Refusal> {
    M::decode(body).map_err(|error| Refusal::Invalid(format!("the body is not the request ({error})")))
}
