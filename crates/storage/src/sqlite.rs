//! Records in an SQLite file, for the gateway and for native tests.
//!
//! WAL with `synchronous=FULL`: a commit has reached the disk when it returns. Calls block until the disk is done;
//! the writes of a step are small.

use crate::backend::{check_epoch, epochs_used_up};
use crate::{Backend, StoreError, Write};
use futures::future::{FutureExt, LocalBoxFuture};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Distinguishes our files from other SQLite files: "AmKV".
const APPLICATION_ID: i32 = 0x416d_4b56;
/// The table layout, in SQLite's `user_version`; the records' own format is in the header.
const LAYOUT: i32 = 1;
/// Bytes of a page: a step changes a few small records here and there, and each changed page is written whole, twice.
const PAGE: i64 = 512;
/// Bytes of the log after which its pages are written to their places: by then most have changed again.
const CHECKPOINT: i64 = 64 << 20;
/// Time limit for another process' transaction; each takes milliseconds.
const BUSY: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE epoch (only INTEGER PRIMARY KEY CHECK (only = 0), value INTEGER NOT NULL CHECK (value >= 0)) STRICT;
    INSERT INTO epoch VALUES (0, 0);
    CREATE TABLE record (name BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT;
";

/// One wallet in one SQLite file.
pub struct SqliteBackend {
    path: PathBuf,
    connection: RefCell<Option<Connection>>,
}

impl SqliteBackend {
    /// Opens the file, creating it if it is missing (readable by its owner only); its folder must exist.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is not one of our databases, [`StoreError::NewerFormat`], [`StoreError::Backend`] when the
    /// file cannot be opened.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        create_private(&path)
            .map_err(|source| StoreError::Backend { action: "open the file", source: source.into() })?;
        let place = path.display().to_string();
        let opened = Connection::open(&path).map_err(Failure::from).and_then(|mut connection| {
            prepare(&mut connection, &place)?;
            Ok(connection)
        });
        let connection = opened.map_err(|failure| failure.during("open the file", &place))?;
        Ok(Self { path, connection: RefCell::new(Some(connection)) })
    }

    fn with<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection.borrow_mut();
        let connection = connection.as_mut().ok_or(StoreError::Closed)?;
        work(connection).map_err(|failure| failure.during(action, &self.place()))
    }

    fn remove_files(&self) -> std::io::Result<()> {
        for suffix in ["", "-wal", "-shm"] {
            let mut file = self.path.clone().into_os_string();
            file.push(suffix);
            match std::fs::remove_file(file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

enum Failure {
    Store(StoreError),
    Sqlite(rusqlite::Error),
}

impl Failure {
    fn during(self, action: &'static str, place: &str) -> StoreError {
        let error = match self {
            Self::Store(error) => return error,
            Self::Sqlite(error) => error,
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::QuotaExceeded {
                detail: error.to_string(),
                remedy: format!("free space on this machine's disk, at {place}"),
            },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt { name: place.to_owned(), what: error.to_string() }
            }
            _ => StoreError::Backend { action, source: error.into() },
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// True if the tables are there. Refuses another program's file before anything in it is changed.
fn has_tables(connection: &Connection, place: &str) -> Result<bool, Failure> {
    let corrupt = |what: String| Err(StoreError::Corrupt { name: place.to_owned(), what }.into());
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    match (number("application_id")?, number("user_version")?) {
        (APPLICATION_ID, LAYOUT) => Ok(true),
        (APPLICATION_ID, newer) if newer > LAYOUT => {
            Err(StoreError::NewerFormat { found: newer.unsigned_abs(), supported: LAYOUT.unsigned_abs() }
                .into())
        }
        (APPLICATION_ID, other) => corrupt(format!("table layout {other} was never written")),
        (0, 0) if number("schema_version")? == 0 => Ok(false),
        _ => corrupt("it is a database of another program".into()),
    }
}

fn prepare(connection: &mut Connection, place: &str) -> Result<(), Failure> {
    connection.busy_timeout(BUSY)?;
    has_tables(connection, place)?;
    // Of a new file; one that is there keeps its own.
    connection.pragma_update(None, "page_size", PAGE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT / page.max(PAGE))?;
    // On macOS fsync alone leaves the bytes in the drive's cache.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !has_tables(&transaction, place)? {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", LAYOUT)?;
    }
    Ok(transaction.commit()?)
}

fn stored_epoch(transaction: &Transaction<'_>) -> Result<u64, Failure> {
    let epoch: i64 =
        transaction.prepare_cached("SELECT value FROM epoch")?.query_row([], |row| row.get(0))?;
    u64::try_from(epoch)
        .map_err(|_| StoreError::Corrupt { name: "epoch".into(), what: "it is negative".into() }.into())
}

fn raise_epoch(transaction: &Transaction<'_>) -> Result<u64, Failure> {
    let epoch = stored_epoch(transaction)?.checked_add(1).ok_or_else(epochs_used_up)?;
    let stored = i64::try_from(epoch).map_err(|_| epochs_used_up())?;
    transaction.prepare_cached("UPDATE epoch SET value = ?1")?.execute([stored])?;
    Ok(epoch)
}

fn apply(
    connection: &mut Connection,
    writes: &[Write],
    check: impl FnOnce(u64) -> Result<(), StoreError>,
) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    check(stored_epoch(&transaction)?)?;
    // The statements borrow the transaction, which commits after them.
    {
        let mut put =
            // In place: the index of names stays as it is.
            transaction.prepare_cached(
                "INSERT INTO record (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            )?;
        let mut remove = transaction.prepare_cached("DELETE FROM record WHERE name = ?1")?;
        for write in writes {
            match &write.value {
                Some(value) => put.execute(params![write.name, value])?,
                None => remove.execute(params![write.name])?,
            };
        }
    }
    Ok(transaction.commit()?)
}

impl Backend for SqliteBackend {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn read<'a>(&'a self, name: &'a [u8]) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        async move {
            self.with("read a record", |connection| {
                let mut select = connection.prepare_cached("SELECT value FROM record WHERE name = ?1")?;
                Ok(select.query_row([name], |row| row.get(0)).optional()?)
            })
        }
        .boxed_local()
    }

    fn names(&self) -> LocalBoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        async move {
            self.with("list the records", |connection| {
                let mut select = connection.prepare_cached("SELECT name FROM record")?;
                let names = select.query_map([], |row| row.get(0))?;
                Ok(names.collect::<Result<_, _>>()?)
            })
        }
        .boxed_local()
    }

    fn take_over(&self) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        async move {
            self.with("take over", |connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let epoch = raise_epoch(&transaction)?;
                transaction.commit()?;
                Ok(epoch)
            })
        }
        .boxed_local()
    }

    fn commit(&self, writes: Vec<Write>, epoch: u64) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.with("commit", |connection| {
                apply(connection, &writes, |now| check_epoch(epoch, now, || self.place()))
            })
        }
        .boxed_local()
    }

    fn destroy(&self) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        async move {
            // Another process may keep the deleted file open: it finds its epoch passed there.
            self.with("destroy", |connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                raise_epoch(&transaction)?;
                transaction.execute("DELETE FROM record", [])?;
                transaction.commit()?;
                Ok(())
            })?;
            self.connection.borrow_mut().take();
            self.remove_files()
                .map_err(|source| StoreError::Backend { action: "delete the file", source: source.into() })
        }
        .boxed_local()
    }

    fn close(&self) -> LocalBoxFuture<'_, ()> {
        async move { drop(self.connection.borrow_mut().take()) }.boxed_local()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures::executor::block_on;

    fn write(value: Vec<u8>) -> Vec<Write> {
        vec![Write { name: b"name".to_vec(), value: Some(value) }]
    }

    #[test]
    fn a_full_disk_is_named_and_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let backend = SqliteBackend::open(folder.path().join("wallet")).unwrap();
        let epoch = block_on(backend.take_over()).unwrap();
        block_on(backend.commit(write(vec![1; 10]), epoch)).unwrap();
        let limit = |pages| {
            let connection = backend.connection.borrow();
            connection.as_ref().unwrap().pragma_update(None, "max_page_count", pages).unwrap();
        };
        limit(8);
        let full = block_on(backend.commit(write(vec![2; 1_000_000]), epoch));
        assert!(matches!(full, Err(StoreError::QuotaExceeded { .. })), "{full:?}");
        assert_eq!(block_on(backend.read(b"name")).unwrap(), Some(vec![1; 10]));
        limit(1_000_000);
        block_on(backend.commit(write(vec![2; 1_000_000]), epoch)).unwrap();
    }

    #[test]
    fn it_is_durable_at_each_commit() {
        let folder = tempfile::tempdir().unwrap();
        let backend = SqliteBackend::open(folder.path().join("wallet")).unwrap();
        let connection = backend.connection.borrow();
        let pragma = |name| {
            let read = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
            connection.as_ref().unwrap().pragma_query_value(None, name, read).unwrap()
        };
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
        assert_eq!(pragma("synchronous"), 2.into());
    }

    #[test]
    fn a_file_of_another_kind_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("text");
        let content = "not a database, but longer than a page's header. ".repeat(50);
        std::fs::write(&text, &content).unwrap();
        assert!(matches!(SqliteBackend::open(&text), Err(StoreError::Corrupt { .. })));
        assert_eq!(std::fs::read_to_string(&text).unwrap(), content);

        let foreign = folder.path().join("foreign");
        Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let before = std::fs::read(&foreign).unwrap();
        assert!(matches!(SqliteBackend::open(&foreign), Err(StoreError::Corrupt { .. })));
        assert_eq!(std::fs::read(&foreign).unwrap(), before);

        let newer = folder.path().join("newer");
        drop(SqliteBackend::open(&newer).unwrap());
        Connection::open(&newer).unwrap().pragma_update(None, "user_version", 2).unwrap();
        let refused = SqliteBackend::open(&newer).err().unwrap();
        assert!(matches!(refused, StoreError::NewerFormat { found: 2, supported: 1 }));

        assert!(matches!(
            SqliteBackend::open(folder.path().join("no folder/wallet")),
            Err(StoreError::Backend { action: "open the file", .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let backend = SqliteBackend::open(folder.path().join("wallet")).unwrap();
        block_on(backend.take_over()).unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn destroying_deletes_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let backend = SqliteBackend::open(folder.path().join("wallet")).unwrap();
        let epoch = block_on(backend.take_over()).unwrap();
        block_on(backend.commit(write(vec![1]), epoch)).unwrap();
        block_on(backend.destroy()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
