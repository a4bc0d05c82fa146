//! Forgets what no site needs any more, a little at a time.

use std::rc::Rc;
use std::time::Duration;

use tracing::warn;

use super::MerchantService;
use crate::desk::clock::unix_now;

/// Interval between looks.
const EVERY: Duration = Duration::from_secs(60);

/// Invoices looked at each time.
const INVOICES: usize = 500;

/// Interval between looks at idempotency keys, in looks: a day.
const KEYS_EVERY: u32 = 24 * 60;

/// Runs for as long as the node does.
pub(super) async fn run(service: Rc<MerchantService>) {
    let mut last = (String::new(), 0);
    for look in 0_u32.. {
        tokio::time::sleep(EVERY).await;
        if service.records.check().is_err() {
            continue;
        }
        last = service.invoices.prune(&last, INVOICES, unix_now()).await;
        if look.is_multiple_of(KEYS_EVERY)
            && let Err(error) = service.idempotency.prune(unix_now()).await
        {
            warn!(%error, "old idempotency keys could not be looked through");
        }
    }
}
