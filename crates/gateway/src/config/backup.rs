//! `[backup]`: what wallets may keep here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::config::SslMode;

use super::document::Section;
use super::files::Readers;
use super::{BackupSection, Secret, files};

/// Time for a connection to PostgreSQL to be made.
const PATIENCE: Duration = Duration::from_secs(10);

const POSTGRES: &str = "give a URL, as in \"postgres://amplet@%2Fvar%2Frun%2Fpostgresql/amplet\" or \"postgres://user:password@127.0.0.1/amplet\"";

pub(super) fn read(section: &Section<'_, '_>, file: &Path, readers: Readers) -> BackupSection {
    let enabled = section.flag("enabled", true);
    // Its text stands in no message: it may hold a password.
    let url = section.text("postgres").and_then(|text| match postgres(text) {
        Ok(database) => Some((database.config, Secret::new(text))),
        Err(what) => {
            section.error("postgres", format!("is no URL of PostgreSQL ({what})"), POSTGRES);
            None
        }
    });
    let has_password = url.as_ref().is_some_and(|(config, _)| config.get_password().is_some());
    if let Some(wrong) = files::check_private(file, readers).err().filter(|_| has_password) {
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

/// A PostgreSQL database.
pub struct Database {
    /// How it is reached.
    pub config: tokio_postgres::Config,
    /// Who certifies it; `None`: the connection is not encrypted.
    pub roots: Option<Roots>,
}

/// Those whose certificates count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// The public authorities, as browsers know them.
    Public,
    /// Those in this file (PEM).
    File(PathBuf),
}

/// Reads a URL of PostgreSQL, or its `key=value` text. `sslmode` is `disable`, which is the default, or `require` or `verify-full`,
/// which mean the same here: the certificate is always checked, by the authorities in `sslrootcert` (in a URL), and so is the name.
///
/// # Errors
/// What is wrong with it, without its text.
pub fn postgres(url: &str) -> Result<Database, String> {
    let cause = |error: tokio_postgres::Error| {
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    };
    let (url, file) = tls_options(url);
    let mut config: tokio_postgres::Config = url.parse().map_err(cause)?;
    if config.get_hosts().is_empty() {
        return Err("it names no host; the folder of a socket is one, too".into());
    }
    config.connect_timeout(PATIENCE).application_name("amplet-gateway");
    let roots = match (config.get_ssl_mode() == SslMode::Require, file) {
        (true, file) => Some(file.map_or(Roots::Public, Roots::File)),
        (false, None) => None,
        (false, Some(_)) => return Err("it has sslrootcert without sslmode=verify-full".into()),
    };
    Ok(Database { config, roots })
}

/// Takes from a URL what the client does not know of TLS.
fn tls_options(url: &str) -> (String, Option<PathBuf>) {
    let Some((base, query)) = url.split_once('?').filter(|_| url.contains("://")) else {
        return (url.to_owned(), None);
    };
    let mut file = None;
    let mut kept = Vec::new();
    for option in query.split('&') {
        match option.split_once('=') {
            Some(("sslrootcert", path)) => file = Some(path.into()),
            Some(("sslmode", "verify-full")) => kept.push("sslmode=require"),
            _ => kept.push(option),
        }
    }
    (format!("{base}?{}", kept.join("&")), file)
}
