//! How long things take: figures to look at, never a test's pass or fail.

mod extension;
mod page;
mod router;

use anyhow::{Result, bail};

use crate::cache::Cache;

type Run = fn(&Cache) -> Result<()>;

const PARTS: [(&str, Run); 3] = [("router", router::run), ("page", page::run), ("extension", extension::run)];

/// All benchmarks, or those named.
///
/// # Errors
/// When a name is unknown, what is to be measured does not come up, or two forms of one program differ.
pub fn run(cache: &Cache, only: &[String]) -> Result<()> {
    if let Some(unknown) = only.iter().find(|name| !PARTS.iter().any(|(part, _)| part == name)) {
        bail!("no benchmark `{unknown}`: there are router, page and extension");
    }
    let wanted = PARTS.iter().filter(|(part, _)| only.is_empty() || only.iter().any(|name| name == part));
    wanted.map(|(_, run)| run).try_for_each(|run| run(cache))
}
