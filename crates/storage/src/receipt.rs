//! The two moments of a commit: on this device, and safe from the loss of this device.

use crate::StoreError;
use futures::future::LocalBoxFuture;

/// The receipt of a committed batch, with the two moments that callers wait for.
///
/// - `local`: the batch is on this device's disk, whole. Reached once [`Store::commit`](crate::Store::commit) has resolved to a
///   receipt. Broadcasts of on-chain transactions that depend on the batch may go.
/// - `durable`: the batch survives the loss of this device, see [`durable`](Self::durable). Messages to peers and results to
///   callers that depend on the batch may go.
///
/// Without a remote backup both are the same moment. Commits become durable in the order in which they apply: a durable batch
/// means that all earlier ones are durable too. Dropping a receipt takes nothing back.
#[must_use = "messages that depend on the batch wait for `durable`"]
pub struct Receipt {
    durable: LocalBoxFuture<'static, Result<(), StoreError>>,
}

impl Receipt {
    /// The receipt of a batch that is local now and durable once `durable` resolves.
    pub fn new(durable: impl Future<Output = Result<(), StoreError>> + 'static) -> Self {
        Self { durable: Box::pin(durable) }
    }

    /// Resolves once the batch is durable; at once for a store without a remote backup.
    ///
    /// # Errors
    /// [`StoreError`] when the remote backup refused the batch or lost this writer: it is on this device only, and nothing that
    /// depends on it may be sent to a peer. [`StoreError::Fenced`]: another device has taken over; stop permanently.
    pub async fn durable(self) -> Result<(), StoreError> {
        self.durable.await
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures::FutureExt;
    use futures::channel::oneshot;

    #[test]
    fn a_receipt_is_durable_when_the_backup_says_so_and_not_before() {
        let (report, reported) = oneshot::channel();
        let mut durable = Box::pin(Receipt::new(async move { reported.await.unwrap() }).durable());
        assert!(durable.as_mut().now_or_never().is_none());
        report.send(Err(StoreError::Fenced { mine: 1, now: 2 })).unwrap();
        let refused = durable.now_or_never().unwrap().unwrap_err();
        assert!(refused.is_fenced());
    }
}
