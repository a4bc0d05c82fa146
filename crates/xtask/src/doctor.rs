//! Report of the tools that are there, those that are missing, and how they would be got.

use anyhow::Result;

use crate::cache::Cache;
use crate::tools::{self, Tool};

/// Prints the report; with `fetch`, brings what is missing first.
///
/// # Errors
/// With `fetch`, when something cannot be had.
pub fn run(cache: &Cache, fetch: bool) -> Result<()> {
    if fetch {
        tools::ensure(cache, &Tool::ALL)?;
    }
    println!("tool cache: {} (AMPLET_CACHE)", cache.root().display());
    let mut missing = 0;
    for tool in Tool::ALL {
        if let Some(place) = tool.find(cache) {
            println!("✓ {:<24} {place}", tool.name());
        } else {
            missing += 1;
            println!("✗ {:<24} missing; would come by: {}", tool.name(), tool.way());
        }
    }
    match missing {
        0 => println!("everything is there"),
        n => println!(
            "{n} missing: commands bring what they need, `cargo xtask doctor --fetch` brings all now"
        ),
    }
    Ok(())
}
