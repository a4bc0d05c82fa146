//! Waiting times with the extension: paid content, the popup.

use std::time::Duration;

use anyhow::Result;

use super::{Script, chromium};
use crate::artifacts::Purpose;
use crate::cache::Cache;
use crate::{build, root};

/// Times of the extension in headless Chromium.
///
/// # Errors
/// When the network or the extension do not come up.
pub fn run(cache: &Cache) -> Result<()> {
    build::page(cache, Purpose::Release)?;
    build::extension(cache)?;
    chromium(cache, root().join("www/dist"), &Script::new("bench:extension", Duration::from_secs(120)))
}
