//! Requests to several sources at once, without waiting for the slowest.

use std::time::Duration;

use amplet_transport::Platform;
use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;

/// Time that the others have left once one source has succeeded.
const GRACE: Duration = Duration::from_secs(2);

/// Runs all tasks. From the first `good` result on the rest have [`GRACE`] left; those that are late are dropped and give `None`.
/// The results are in the order of the tasks.
pub(crate) async fn gather<T>(
    platform: &dyn Platform,
    tasks: impl IntoIterator<Item = impl Future<Output = T>>,
    good: impl Fn(&T) -> bool,
) -> Vec<Option<T>> {
    let numbered = tasks.into_iter().enumerate().map(|(n, task)| async move { (n, task.await) });
    let mut running: FuturesUnordered<_> = numbered.collect();
    let mut results: Vec<Option<T>> = std::iter::repeat_with(|| None).take(running.len()).collect();
    let mut limit = None;
    loop {
        let next = match &mut limit {
            None => running.next().await,
            Some(limit) => match select(running.next(), limit).await {
                Either::Left((next, _)) => next,
                Either::Right(_) => break,
            },
        };
        let Some((n, result)) = next else { break };
        if limit.is_none() && good(&result) {
            limit = Some(platform.sleep(GRACE));
        }
        if let Some(slot) = results.get_mut(n) {
            *slot = Some(result);
        }
    }
    results
}
