//! Hearing that another device has taken over, without asking all the time: the server answers once something has changed.

use super::wire::{CallError, call_and_wait};
use super::{VssBackend, lease};
use crate::StoreError;
use amplet_vss::GET_OBJECT;
use amplet_vss::messages::{GetObjectRequest, GetObjectResponse};
use std::time::Duration;

impl VssBackend {
    /// Resolves when the lease is another than this session wrote it last, or after `wait` (30 s at most); at once where the server
    /// does not wait. Succeeds where this session still has it.
    ///
    /// # Errors
    /// As those of a check.
    pub(crate) async fn watch(&self, wait: Duration) -> Result<(), StoreError> {
        let Some(held) = self.held() else { return Err(StoreError::Closed) };
        let request = GetObjectRequest {
            store_id: self.store_id.clone(),
            key: lease::KEY.to_owned(),
            while_version: Some(held.global),
            wait_ms: u32::try_from(wait.as_millis()).unwrap_or(u32::MAX),
        };
        self.count(0);
        let answer = call_and_wait(&*self.surroundings, GET_OBJECT, &request, wait).await;
        let sealed = match answer {
            Ok(GetObjectResponse { value }) => value.map(|item| item.value),
            Err(CallError::NoSuchKey) => None,
            Err(error) => return Err(error.into()),
        };
        let now = sealed.map(|sealed| self.read_lease(&sealed)).transpose()?.flatten();
        match now {
            Some(now) if now == held => Ok(()),
            Some(now) if now.session != held.session && now.epoch > held.epoch => {
                Err(StoreError::Moved { name: now.device, since: now.since })
            }
            // A write of this session may have come in between: what it means is for a check to say.
            _ => self.check().await,
        }
    }
}
