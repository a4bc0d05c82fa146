//! A wallet that pays in many parts over many gateways, and what that costs it.

mod metered;
mod options;
mod run;

use amplet_transport::NativePlatform;
use anyhow::Result;
use tokio::task::LocalSet;

pub use options::Options;

/// Pays, and prints what each payment cost: JSON, a line each.
///
/// # Errors
/// When the wallet does not come up, or a payment is not settled whole.
pub fn pay(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async { run::run(options, NativePlatform::new()?).await })
}
