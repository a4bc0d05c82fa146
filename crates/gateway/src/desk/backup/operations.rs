//! The operations of the protocol, and waiting.

use std::time::Duration;

use amplet_vss::messages::{
    DeleteObjectRequest, DeleteObjectResponse, GetObjectRequest, GetObjectResponse, KeyValue,
    ListKeyVersionsRequest, ListKeyVersionsResponse, PutObjectRequest, PutObjectResponse,
    RemoveDeviceRequest, RemoveDeviceResponse,
};
use amplet_vss::{
    DELETE_OBJECT, GET_OBJECT, GLOBAL_VERSION_KEY, LIST_KEY_VERSIONS, MAX_WAIT_MS, MAX_WATCH_MS, Message,
    PUT_OBJECTS, REMOVE_DEVICE, Refusal, rules,
};
use tokio::time::{Instant, timeout_at};

use super::store::StoreId;
use super::{Backup, Caller};

/// Distance that a write may be ahead of its store to be waited for: more are never sent before the first is answered.
const MAX_AHEAD: i64 = 64;

impl Backup {
    /// Waits for as long as a request to read asks to: until its store has another global version than the one that it names, its
    /// device is removed, or its time is over. What is wrong with it, its answer says.
    pub async fn wait(&self, caller: Caller, body: &[u8]) {
        let request = read(body).and_then(|request| rules::check_get(&request).map(|()| request));
        let Ok(GetObjectRequest { store_id, while_version: Some(version), wait_ms, .. }) = request else {
            return;
        };
        let until = Instant::now() + milliseconds(wait_ms.min(MAX_WATCH_MS));
        let id = StoreId { owner: caller.owner, name: store_id };
        let watch = self.0.watches.watch(&id);
        while Instant::now() < until {
            // Before the look, so that no write goes unnoticed between the two.
            let changed = watch.change();
            let Ok(store) = self.store() else { return };
            let is_same = store.head(&id).await.is_ok_and(|head| head.global_version == version);
            if !is_same || !matches!(self.is_removed(caller).await, Ok(false)) {
                return;
            }
            let look = store.shared().map_or(until, |every| until.min(Instant::now() + every));
            // Whether it has changed, or time has passed, the next look says.
            let _ = timeout_at(look, changed).await;
        }
    }

    async fn is_removed(&self, caller: Caller) -> Result<bool, Refusal> {
        match caller.device {
            Some(device) => Ok(self.store()?.is_removed(&caller.owner, &device).await?),
            None => Ok(false),
        }
    }

    async fn remove_device(
        &self,
        owner: [u8; 33],
        request: &RemoveDeviceRequest,
    ) -> Result<RemoveDeviceResponse, Refusal> {
        let device = rules::check_removal(request)?;
        self.store()?.remove_device(&owner, &device).await?;
        self.0.watches.changed_of(&owner);
        Ok(RemoveDeviceResponse {})
    }

    pub(super) async fn operate(
        &self,
        caller: Caller,
        operation: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let owner = caller.owner;
        // A write looks for itself, in its own transaction.
        if ![PUT_OBJECTS, DELETE_OBJECT].contains(&operation) && self.is_removed(caller).await? {
            return Err(Refusal::DeviceRemoved);
        }
        match operation {
            GET_OBJECT => Ok(self.get(owner, read(body)?).await?.encode_to_vec()),
            PUT_OBJECTS => Ok(self.put(caller, read(body)?).await?.encode_to_vec()),
            DELETE_OBJECT => Ok(self.delete(caller, read(body)?).await?.encode_to_vec()),
            LIST_KEY_VERSIONS => Ok(self.list(owner, read(body)?).await?.encode_to_vec()),
            REMOVE_DEVICE => Ok(self.remove_device(owner, &read(body)?).await?.encode_to_vec()),
            _ => Err(Refusal::Invalid("there is no such operation".into())),
        }
    }

    async fn get(&self, owner: [u8; 33], request: GetObjectRequest) -> Result<GetObjectResponse, Refusal> {
        rules::check_get(&request)?;
        let id = StoreId { owner, name: request.store_id };
        let key = request.key;
        let found = if key == GLOBAL_VERSION_KEY {
            Some((self.store()?.head(&id).await?.global_version, Vec::new()))
        } else {
            self.store()?.get(&id, &key).await?
        };
        let (version, value) = found.ok_or(Refusal::NoSuchKey)?;
        Ok(GetObjectResponse { value: Some(KeyValue { key, version, value, deleted: false }) })
    }

    async fn put(&self, caller: Caller, mut request: PutObjectRequest) -> Result<PutObjectResponse, Refusal> {
        rules::check_put(&request)?;
        let Caller { owner, device, address } = caller;
        let id = StoreId { owner, name: request.store_id.clone() };
        let (wanted, waits) = (request.global_version, request.wait_ms > 0);
        let until = Instant::now() + milliseconds(request.wait_ms.min(MAX_WAIT_MS));
        let (before, after) = loop {
            // Before the attempt, so that no write goes unnoticed between the two.
            let watch = self.0.watches.watch(&id);
            let written = watch.change();
            // Megabytes, perhaps: kept for one that waits only.
            let again = waits.then(|| request.clone());
            let refusal = match self.store()?.put(&id, device, request, self.room(address)).await {
                Ok(heads) => break heads,
                Err(refusal) => refusal,
            };
            match again {
                Some(again) if is_ahead(&refusal, wanted) && timeout_at(until, written).await.is_ok() => {
                    request = again;
                }
                _ => return Err(refusal),
            }
        };
        if before.sequence == 0 {
            self.0.newcomers.count(address);
        }
        self.adjust(before.bytes, after.bytes);
        self.0.watches.changed(&id);
        Ok(PutObjectResponse { sequence: Some(after.sequence) })
    }

    async fn delete(
        &self,
        caller: Caller,
        request: DeleteObjectRequest,
    ) -> Result<DeleteObjectResponse, Refusal> {
        let item = rules::check_delete(&request)?.clone();
        let id = StoreId { owner: caller.owner, name: request.store_id };
        if let Some((before, after)) = self.store()?.delete(&id, caller.device, item).await? {
            self.adjust(before.bytes, after.bytes);
        }
        Ok(DeleteObjectResponse {})
    }

    async fn list(
        &self,
        owner: [u8; 33],
        request: ListKeyVersionsRequest,
    ) -> Result<ListKeyVersionsResponse, Refusal> {
        rules::check_store_id(&request.store_id)?;
        let id = StoreId { owner, name: request.store_id.clone() };
        self.store()?.list(&id, request).await
    }
}

/// True if other writes of the same client may be on their way that come before this one.
fn is_ahead(refusal: &Refusal, wanted: Option<i64>) -> bool {
    match (refusal, wanted) {
        (Refusal::Conflict { global_version, .. }, Some(wanted)) => {
            (1..=MAX_AHEAD).contains(&wanted.saturating_sub(*global_version))
        }
        _ => false,
    }
}

fn milliseconds(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

fn read<M: Message + Default>(body: &[u8]) -> Result<M, Refusal> {
    M::decode(body).map_err(|error| Refusal::Invalid(format!("the body is not the request ({error})")))
}
