//! A payment in 1,000 parts: from a tab, and by the same core natively.

use std::time::Duration;

use anyhow::Result;

use super::{METER, Script, chromium};
use crate::artifacts::Purpose;
use crate::cache::Cache;
use crate::{bare, build};

/// Pays 1, 10, 100 and 1,000 parts of 1,000 sat each over three gateways to a payee behind three channels, from a tab and natively;
/// and 1,000 of which some find their way cut: then none may be settled.
///
/// # Errors
/// When the network, the page or the native wallet do not come up; when a payment is not settled whole, or the cut one is not void
/// whole.
pub fn run(cache: &Cache) -> Result<()> {
    let [_, native] = build::gateway_and_load(cache, true)?;
    let page = bare::page(cache, Purpose::Release, "parts", METER)?;
    let script = Script::new("bench:parts", Duration::from_secs(10 * 60));
    chromium(cache, page, &Script { gateways: 3, env: vec![("AMPLET_LOAD", native.into())], ..script })
}
