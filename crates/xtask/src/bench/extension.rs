//! What a person waits for with the extension: paid content, the popup.

use anyhow::Result;

use super::page;
use crate::build;
use crate::cache::Cache;

/// Times of the extension in headless Chromium, gateway on loopback and optimised.
///
/// # Errors
/// When the network or the extension do not come up.
pub fn run(cache: &Cache) -> Result<()> {
    page::in_browser(cache, "bench:extension", build::extension)
}
