//! Ten payments a second from a tab: what they cost in memory and storage.

use std::time::Duration;

use anyhow::Result;

use super::{METER, Script, chromium};
use crate::artifacts::Purpose;
use crate::bare;
use crate::cache::Cache;

/// A page with nothing but the npm package pays a session of the gateway for ten minutes, twice.
///
/// # Errors
/// When the network or the page do not come up, or the two ends do not agree.
pub fn run(cache: &Cache) -> Result<()> {
    let page = bare::page(cache, Purpose::Release, "stream", METER)?;
    chromium(cache, page, &Script::new("bench:stream", Duration::from_secs(25 * 60)))
}
