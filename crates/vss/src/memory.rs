//! A server in memory, for tests: it does with requests what the gateway does, and can be made to fail.

mod store;

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bitcoin::secp256k1::{Secp256k1, VerifyOnly};
use futures::channel::oneshot;
use futures::future::{Either, select};
use prost::Message;

use crate::listing;
use crate::messages::{
    DeleteObjectRequest, DeleteObjectResponse, GetObjectRequest, GetObjectResponse, KeyValue,
    ListKeyVersionsRequest, ListKeyVersionsResponse, PutObjectRequest, PutObjectResponse,
    RemoveDeviceRequest, RemoveDeviceResponse,
};
use crate::rules::{self, Device, Quota};
use crate::{
    DELETE_OBJECT, GET_OBJECT, GLOBAL_VERSION_KEY, LIST_KEY_VERSIONS, MAX_BODY_BYTES, MAX_WAIT_MS,
    MAX_WATCH_MS, PREFIX, PUT_OBJECTS, REMOVE_DEVICE, Refusal, auth,
};
use store::Store;

/// A server. Clones are the same one.
#[derive(Clone, Default)]
pub struct MemoryServer(Arc<Mutex<Inside>>);

/// What a server had at some time.
#[derive(Clone, Default)]
pub struct Snapshot {
    stores: HashMap<(String, String), Store>,
    /// Devices that were removed, by account.
    removed: HashSet<(String, Device)>,
}

/// What a request proves: the values of its headers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proof<'a> {
    /// `Authorization`; empty: there is none.
    pub authorization: &'a str,
    /// [`DEVICE_HEADER`](auth::DEVICE_HEADER).
    pub device: Option<&'a str>,
}

impl<'a> From<&'a String> for Proof<'a> {
    fn from(authorization: &'a String) -> Self {
        Self { authorization, device: None }
    }
}

/// Names, in lower case, and values.
impl<'a> From<&'a [(String, String)]> for Proof<'a> {
    fn from(headers: &'a [(String, String)]) -> Self {
        let value = |of: &str| headers.iter().find(|(name, _)| name == of).map(|(_, value)| value.as_str());
        Self { authorization: value(auth::HEADER).unwrap_or_default(), device: value(auth::DEVICE_HEADER) }
    }
}

#[derive(Default)]
struct Inside {
    has: Snapshot,
    /// Those who wait for a change.
    waiting: Vec<oneshot::Sender<()>>,
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
    /// Takes a request: `path` as in the URL (`/vss/v1/putObjects`), what it proves, the body, and the server's time in seconds since
    /// the UNIX epoch. What waits for a change is answered at once.
    ///
    /// # Errors
    /// [`Unreachable`], where a trouble says so.
    pub fn request<'a>(
        &self,
        path: &str,
        proof: impl Into<Proof<'a>>,
        body: &[u8],
        now_secs: u64,
    ) -> Result<Answer, Unreachable> {
        let mut inside = self.inside();
        if inside.is_unreachable {
            return Err(Unreachable);
        }
        inside.requests = inside.requests.saturating_add(1);
        let answer = match inside.answer(path, proof.into(), body, now_secs) {
            Ok(body) => Answer { status: 200, body },
            Err(refusal) => Answer { status: refusal.status(), body: refusal.body() },
        };
        if inside.answers_to_lose > 0 {
            inside.answers_to_lose = inside.answers_to_lose.saturating_sub(1);
            return Err(Unreachable);
        }
        Ok(answer)
    }

    /// As [`request`](Self::request), but what waits for a change waits. `now`: the time when it is answered; `sleep` resolves after a
    /// time.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub async fn request_and_wait<'a, S: Future<Output = ()>>(
        &self,
        path: &str,
        proof: impl Into<Proof<'a>>,
        body: &[u8],
        now: impl Fn() -> u64,
        sleep: impl FnOnce(Duration) -> S,
    ) -> Result<Answer, Unreachable> {
        let proof = proof.into();
        let wait = self.inside().wait_of(path, proof, body, now());
        if let Some(wait) = wait {
            let mut over = pin!(sleep(wait));
            loop {
                let change = self.inside().change(path, proof, body, now());
                let Some(change) = change else { break };
                match select(change, over).await {
                    Either::Left((_, left)) => over = left,
                    Either::Right(_) => break,
                }
            }
        }
        self.request(path, proof, body, now())
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
        self.inside().has.clone()
    }

    /// Goes back to what it had then, as a server whose operator restored an older copy.
    pub fn restore(&self, snapshot: Snapshot) {
        let mut inside = self.inside();
        inside.has = snapshot;
        inside.changed();
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

    /// Number of keys that it has, and their size as quotas count it, in bytes.
    #[must_use]
    pub fn usage(&self) -> (u64, u64) {
        let inside = self.inside();
        let heads = || inside.has.stores.values().map(|store| store.head);
        (heads().map(|head| head.keys).sum(), heads().map(|head| head.bytes).sum())
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn answer(
        &mut self,
        path: &str,
        proof: Proof<'_>,
        body: &[u8],
        now_secs: u64,
    ) -> Result<Vec<u8>, Refusal> {
        let owner = self.authenticate(proof, now_secs)?;
        if body.len() > MAX_BODY_BYTES {
            return Err(Refusal::TooLarge { max: MAX_BODY_BYTES });
        }
        match operation(path) {
            GET_OBJECT => Ok(self.get(owner, read(body)?)?.encode_to_vec()),
            PUT_OBJECTS => Ok(self.put(owner, read(body)?)?.encode_to_vec()),
            DELETE_OBJECT => Ok(self.delete(owner, read(body)?)?.encode_to_vec()),
            LIST_KEY_VERSIONS => Ok(self.list(owner, &read(body)?)?.encode_to_vec()),
            REMOVE_DEVICE => Ok(self.remove_device(owner, &read(body)?)?.encode_to_vec()),
            _ => Err(Refusal::Invalid("there is no such operation".into())),
        }
    }

    /// The account that a request is of.
    fn authenticate(&self, proof: Proof<'_>, now_secs: u64) -> Result<String, Refusal> {
        let secp: Secp256k1<VerifyOnly> = Secp256k1::verification_only();
        let account = auth::verify(&secp, proof.authorization, now_secs)?;
        if let Some(device) = proof.device {
            let device = auth::verify_device(&secp, &account, device, now_secs)?.serialize();
            if self.has.removed.contains(&(account.to_string(), device)) {
                return Err(Refusal::DeviceRemoved);
            }
        }
        Ok(account.to_string())
    }

    /// The time for which a request would have to wait now.
    fn wait_of(&self, path: &str, proof: Proof<'_>, body: &[u8], now_secs: u64) -> Option<Duration> {
        let owner = self.authenticate(proof, now_secs).ok().filter(|_| !self.is_unreachable)?;
        let version = |store_id: String| {
            let store = self.has.stores.get(&(owner, store_id));
            store.map_or(0, |store| store.head.global_version)
        };
        let (waits, wait_ms) = match operation(path) {
            GET_OBJECT => {
                let request = GetObjectRequest::decode(body).ok()?;
                let waits = request.while_version == Some(version(request.store_id));
                (waits, request.wait_ms.min(MAX_WATCH_MS))
            }
            PUT_OBJECTS => {
                let request = PutObjectRequest::decode(body).ok()?;
                let waits = request.global_version.is_some_and(|wanted| wanted > version(request.store_id));
                (waits, request.wait_ms.min(MAX_WAIT_MS))
            }
            _ => return None,
        };
        (waits && wait_ms > 0).then(|| Duration::from_millis(wait_ms.into()))
    }

    /// Resolves at the next change, of whatever; `None`: the request need not wait any more.
    fn change(
        &mut self,
        path: &str,
        proof: Proof<'_>,
        body: &[u8],
        now_secs: u64,
    ) -> Option<oneshot::Receiver<()>> {
        self.wait_of(path, proof, body, now_secs)?;
        let (sender, receiver) = oneshot::channel();
        self.waiting.retain(|waiting| !waiting.is_canceled());
        self.waiting.push(sender);
        Some(receiver)
    }

    fn changed(&mut self) {
        for waiting in self.waiting.drain(..) {
            // Whoever waited may have gone.
            let _ = waiting.send(());
        }
    }

    fn remove_device(
        &mut self,
        owner: String,
        request: &RemoveDeviceRequest,
    ) -> Result<RemoveDeviceResponse, Refusal> {
        let device = rules::check_removal(request)?;
        let removed = &mut self.has.removed;
        if !removed.contains(&(owner.clone(), device)) {
            rules::check_removed(removed.iter().filter(|(account, _)| *account == owner).count() as u64)?;
            removed.insert((owner, device));
            self.changed();
        }
        Ok(RemoveDeviceResponse {})
    }

    fn store(&mut self, owner: String, store_id: &str) -> &mut Store {
        self.has.stores.entry((owner, store_id.to_owned())).or_default()
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
        self.changed();
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

/// The operation's name in a path; empty: it names none.
fn operation(path: &str) -> &str {
    path.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default()
}

fn read<M: Message + Default>(body: &[u8]) -> Result<M, Refusal> {
    M::decode(body).map_err(|error| Refusal::Invalid(format!("the body is not the request ({error})")))
}
