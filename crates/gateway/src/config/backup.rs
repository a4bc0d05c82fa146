//! `[backup]`: what wallets may keep here.

use std::path::Path;
use std::time::Duration;

use super::document::Section;
use super::{BackupSection, Secret, files};

/// Time for a connection to PostgreSQL to be made.
const PATIENCE: Duration = Duration::from_secs(10);

const POSTGRES: &str = "give a URL, as in \"postgres://amplet@%2Fvar%2Frun%2Fpostgresql/amplet\" or \"postgres://user:password@127.0.0.1/amplet\"";

pub(super) fn read(section: &Section<'_, '_>, file: &Path) -> BackupSection {
    let enabled = section.flag("enabled", true);
    // Its text stands in no message: it may hold a password.
    let url = section.text("postgres").and_then(|text| match postgres(text) {
        Ok(config) => Some((config, Secret::new(text))),
        Err(what) => {
            section.error("postgres", format!("is no URL of PostgreSQL ({what})"), POSTGRES);
            None
        }
    });
    let has_password = url.as_ref().is_some_and(|(config, _)| config.get_password().is_some());
    if let Some(wrong) = files::check_private(file).err().filter(|_| has_password) {
        section.error("postgres", wrong.what, wrong.remedy);
    }
    let backup = BackupSection {
        enabled,
        postgres: url.map(|(_, url)| url),
        max_mib_per_wallet: section.number("max_mib_per_wallet", 1..=100_000, 64),
        max_keys_per_wallet: section.number("max_keys_per_wallet", 1_000..=10_000_000, 50_000),
        max_total_mib: section.number("max_total_mib", 1..=100_000_000, 4_096),
        max_new_per_day_per_address: section.number("max_new_per_day_per_address", 0..=1_000_000, 20),
    };
    section.finish();
    backup
}

/// Reads a URL of PostgreSQL, or its `key=value` text.
///
/// # Errors
/// What is wrong with it, without its text.
pub fn postgres(url: &str) -> Result<tokio_postgres::Config, String> {
    let cause = |error: tokio_postgres::Error| {
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    };
    let mut config: tokio_postgres::Config = url.parse().map_err(cause)?;
    if config.get_hosts().is_empty() {
        return Err("it names no host; the folder of a socket is one, too".into());
    }
    config.connect_timeout(PATIENCE).application_name("amplet-gateway");
    Ok(config)
}
