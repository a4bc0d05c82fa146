//! Calls of a VSS server, and what its answers mean.

use crate::StoreError;
use amplet_vss::Message;
use amplet_vss::messages::{ErrorCode, ErrorResponse};
use futures::future::LocalBoxFuture;
use std::time::Duration;

/// The surroundings of a backup, which this crate does without otherwise: a way to its server, a clock, timers and tasks.
pub trait Surroundings {
    /// The server's base URL, for users.
    fn url(&self) -> String;

    /// One exchange with the operation of this name: the response's status and body. The request is authenticated, as of this device,
    /// and names the protocol's content type. `wait`: time for which the server may wait for something, beside its usual time.
    ///
    /// # Errors
    /// The reason for which no response came, or none that belongs to it: nothing is known of what the server did.
    fn call(
        &self,
        operation: &'static str,
        body: Vec<u8>,
        wait: Duration,
    ) -> LocalBoxFuture<'static, Result<(u16, Vec<u8>), String>>;

    /// Wall clock, in seconds since the UNIX epoch.
    fn now(&self) -> u64;

    /// Resolves after at least `time`.
    fn sleep(&self, time: Duration) -> LocalBoxFuture<'static, ()>;

    /// Runs a task to its end beside the caller, on this thread.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
}

/// A failed call.
pub(super) enum CallError {
    /// Another state than the request named.
    Conflict,
    /// There is no such key.
    NoSuchKey,
    Other(StoreError),
}

impl From<CallError> for StoreError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Other(error) => error,
            CallError::Conflict => unexpected("a conflict"),
            CallError::NoSuchKey => unexpected("no such key"),
        }
    }
}

fn unexpected(what: &str) -> StoreError {
    StoreError::BackupRefused { reason: format!("it answers {what} where that has no meaning") }
}

/// Calls an operation.
pub(super) async fn call<A: Message + Default>(
    surroundings: &dyn Surroundings,
    operation: &'static str,
    request: &impl Message,
) -> Result<A, CallError> {
    call_and_wait(surroundings, operation, request, Duration::ZERO).await
}

/// Calls an operation, for whose answer the server may wait.
pub(super) async fn call_and_wait<A: Message + Default>(
    surroundings: &dyn Surroundings,
    operation: &'static str,
    request: &impl Message,
    wait: Duration,
) -> Result<A, CallError> {
    let unreachable = |detail: String| CallError::Other(StoreError::BackupUnreachable { detail });
    let answer = surroundings.call(operation, request.encode_to_vec(), wait).await;
    let (status, body) = answer.map_err(unreachable)?;
    if status == 200 {
        // Whatever answers in another form is no VSS server (a captive portal): nothing is known.
        return A::decode(body.as_slice()).map_err(|error| unreachable(error.to_string()));
    }
    let refusal = ErrorResponse::decode(body.as_slice()).unwrap_or_default();
    if status == 403 && refusal.error_code == i32::from(ErrorCode::DeviceRemoved) {
        return Err(CallError::Other(StoreError::DeviceRemoved));
    }
    let no_such_key = status == 404 && refusal.error_code == i32::from(ErrorCode::NoSuchKeyException);
    let reason = match refusal.message.is_empty() {
        true => format!("HTTP status {status}"),
        false => refusal.message,
    };
    Err(match status {
        409 => CallError::Conflict,
        _ if no_such_key => CallError::NoSuchKey,
        507 => CallError::Other(StoreError::QuotaExceeded {
            detail: format!("the backup: {reason}"),
            remedy: "ask its operator for more, or use another one".into(),
        }),
        429 | 500..=506 | 508..=599 => unreachable(reason),
        _ => CallError::Other(StoreError::BackupRefused { reason }),
    })
}
