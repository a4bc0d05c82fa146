//! Start-up and payment times of the page.

use std::time::Duration;

use anyhow::Result;

use super::{Script, chromium};
use crate::artifacts::Purpose;
use crate::cache::Cache;
use crate::{build, root};

/// Start-up and payment times of the page in headless Chromium.
///
/// # Errors
/// When the network or the page do not come up.
pub fn run(cache: &Cache) -> Result<()> {
    build::page(cache, Purpose::Release)?;
    chromium(cache, root().join("www/dist"), &Script::new("bench", Duration::from_secs(120)))
}
