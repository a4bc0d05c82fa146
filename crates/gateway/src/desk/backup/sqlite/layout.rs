//! The file, and the tables in it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::Sql;
use crate::desk::backup::store::Failure;

/// Distinguishes these files from other SQLite files: "AmBk".
const APPLICATION_ID: i32 = 0x416d_426b;
/// The layout of the tables, in `user_version`.
const LAYOUT: i32 = 2;
/// Time limit for another process's transaction, as of a copy that is being made.
const BUSY: Duration = Duration::from_secs(10);

/// Of layout 1.
const TABLES: &str = "
    CREATE TABLE store (
        id INTEGER PRIMARY KEY, owner BLOB NOT NULL, name TEXT NOT NULL, global_version INTEGER NOT NULL,
        sequence INTEGER NOT NULL, created INTEGER NOT NULL, keys INTEGER NOT NULL, bytes INTEGER NOT NULL,
        tombstones INTEGER NOT NULL, forgotten INTEGER NOT NULL, UNIQUE (owner, name)
    ) STRICT;
    CREATE TABLE record (
        store INTEGER NOT NULL REFERENCES store, key TEXT NOT NULL, version INTEGER NOT NULL, created INTEGER NOT NULL,
        changed INTEGER NOT NULL, value BLOB, PRIMARY KEY (store, key)
    ) STRICT;
    CREATE UNIQUE INDEX record_created ON record (store, created);
    CREATE INDEX record_changed ON record (store, changed, created);
";

/// Since layout 2: the devices that are refused, by account.
const DEVICES: &str = "
    CREATE TABLE removed_device (
        owner BLOB NOT NULL, device BLOB NOT NULL, PRIMARY KEY (owner, device)
    ) STRICT, WITHOUT ROWID;
";

pub(super) fn create_private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file).map(drop)
}

/// The layout of the tables that are there; 0: none are.
fn layout_of(connection: &Connection) -> Result<i32, String> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let numbers = || Sql::Ok((number("application_id")?, number("user_version")?, number("schema_version")?));
    match numbers().map_err(|error| error.to_string())? {
        (APPLICATION_ID, found @ 1..=LAYOUT, _) => Ok(found),
        (APPLICATION_ID, newer, _) if newer > LAYOUT => Err("was written by a newer gateway".into()),
        (0, 0, 0) => Ok(0),
        _ => Err("is a database of another program".into()),
    }
}

/// Makes the connection one that writes durably, and the tables where they are not there, or are those of an older release.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), String> {
    layout_of(connection)?;
    let mut prepare = || -> Result<(), Failure> {
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // On macOS fsync alone leaves the bytes in the drive's cache.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = layout_of(&transaction).map_err(Failure)?;
        for (layout, tables) in [(1, TABLES), (2, DEVICES)] {
            if found < layout {
                transaction.execute_batch(tables)?;
            }
        }
        if found < LAYOUT {
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", LAYOUT)?;
        }
        Ok(transaction.commit()?)
    };
    prepare().map_err(|failure| failure.to_string())
}
