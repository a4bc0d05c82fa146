//! Backups in an SQLite file. WAL with `synchronous=FULL`: a write has reached the disk when it returns.

mod devices;
mod layout;

use std::path::Path;
use std::sync::Arc;

use amplet_vss::listing::{self, Order, Query};
use amplet_vss::messages::{KeyValue, ListKeyVersionsRequest, ListKeyVersionsResponse, PutObjectRequest};
use amplet_vss::rules::{self, Device, Found, Head, Plan, Row};
use amplet_vss::{PAGE_BYTES, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::Mutex;

use super::BackupError;
use super::store::{BackupStore, Failure, Heads, Room, StoreId, Usage, Valued, count, plan, stored};

/// Backups in one file. Clones share it.
#[derive(Clone)]
pub struct SqliteStore {
    /// Two, so that nobody who reads waits for a disk that writes.
    writer: Arc<Mutex<Connection>>,
    reader: Arc<Mutex<Connection>>,
}

type Sql<T> = Result<T, rusqlite::Error>;

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self(format!("SQLite: {error}"))
    }
}

impl SqliteStore {
    /// Opens the file, or makes it, readable by its owner only; its folder is made if there is none.
    ///
    /// # Errors
    /// [`BackupError::Sqlite`]
    pub fn open(file: &Path) -> Result<Self, BackupError> {
        let wrong = |what: String| BackupError::Sqlite { file: file.display().to_string(), what };
        layout::create_private(file).map_err(|error| wrong(format!("cannot be opened ({error})")))?;
        let connect = || -> Result<Connection, String> {
            let mut connection = Connection::open(file).map_err(|error| error.to_string())?;
            layout::prepare(&mut connection)?;
            Ok(connection)
        };
        let (writer, reader) = (connect().map_err(wrong)?, connect().map_err(wrong)?);
        Ok(Self { writer: Arc::new(Mutex::new(writer)), reader: Arc::new(Mutex::new(reader)) })
    }

    /// Runs `work` in a transaction on a thread that may wait, in the order of the calls; commits it if it succeeds.
    fn run<T: Send + 'static, E: From<Failure> + Send + 'static>(
        connection: &Arc<Mutex<Connection>>,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, E>> {
        let connection = Arc::clone(connection);
        async move {
            // Whoever waits for the connection takes up no thread.
            let mut connection = connection.lock_owned().await;
            let work = move || {
                let transaction = connection.transaction_with_behavior(behavior).map_err(Failure::from)?;
                let result = work(&transaction)?;
                transaction.commit().map_err(Failure::from)?;
                Ok(result)
            };
            let ended = tokio::task::spawn_blocking(work).await;
            ended.unwrap_or_else(|error| Err(Failure(format!("a transaction ended early: {error}")).into()))
        }
        .boxed()
    }

    fn read<T: Send + 'static, E: From<Failure> + Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, E>> {
        Self::run(&self.reader, TransactionBehavior::Deferred, work)
    }

    fn write<T: Send + 'static, E: From<Failure> + Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, E>> {
        Self::run(&self.writer, TransactionBehavior::Immediate, work)
    }
}

/// A store's number and head.
fn find(transaction: &Transaction<'_>, id: &StoreId) -> Sql<Option<(i64, Head)>> {
    let mut select = transaction.prepare_cached(
        "SELECT id, global_version, sequence, created, keys, bytes, tombstones, forgotten FROM store
         WHERE owner = ?1 AND name = ?2",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        let head = Head {
            global_version: row.get(1)?,
            sequence: row.get(2)?,
            created: row.get(3)?,
            keys: count(row.get(4)?),
            bytes: count(row.get(5)?),
            tombstones: count(row.get(6)?),
            forgotten: row.get(7)?,
        };
        Ok((row.get(0)?, head))
    };
    select.query_row(params![id.owner, id.name], read).optional()
}

fn found(transaction: &Transaction<'_>, store: i64, key: &str) -> Sql<Option<Found>> {
    let mut select = transaction
        .prepare_cached("SELECT version, created, length(value) FROM record WHERE store = ?1 AND key = ?2")?;
    let read = |row: &rusqlite::Row<'_>| {
        let value_bytes = row.get::<_, Option<i64>>(2)?.map(count);
        Ok(Found { version: row.get(0)?, created: row.get(1)?, value_bytes })
    };
    select.query_row(params![store, key], read).optional()
}

/// What the owner has in all stores but this one.
fn others(transaction: &Transaction<'_>, id: &StoreId) -> Sql<Usage> {
    let mut select = transaction.prepare_cached(
        "SELECT count(*), coalesce(sum(keys), 0), coalesce(sum(bytes), 0) FROM store WHERE owner = ?1 AND name <> ?2",
    )?;
    select.query_row(params![id.owner, id.name], usage_of)
}

fn usage_of(row: &rusqlite::Row<'_>) -> Sql<Usage> {
    Ok(Usage { stores: count(row.get(0)?), keys: count(row.get(1)?), bytes: count(row.get(2)?) })
}

fn carry_out(transaction: &Transaction<'_>, id: &StoreId, plan: &Plan) -> Sql<()> {
    let head = plan.head;
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO store (owner, name, global_version, sequence, created, keys, bytes, tombstones, forgotten)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (owner, name) DO UPDATE SET global_version = ?3, sequence = ?4, created = ?5, keys = ?6,
             bytes = ?7, tombstones = ?8, forgotten = ?9
         RETURNING id",
    )?;
    let values = params![
        id.owner,
        id.name,
        head.global_version,
        head.sequence,
        head.created,
        stored(head.keys),
        stored(head.bytes),
        stored(head.tombstones),
        head.forgotten
    ];
    let store: i64 = upsert.query_row(values, |row| row.get(0))?;
    if plan.forgets {
        transaction.execute("DELETE FROM record WHERE store = ?1 AND value IS NULL", [store])?;
    }
    let mut write = transaction.prepare_cached(
        "INSERT INTO record (store, key, version, created, changed, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (store, key) DO UPDATE SET version = ?3, created = ?4, changed = ?5, value = ?6",
    )?;
    for row in &plan.rows {
        write.execute(params![store, row.key, row.version, row.created, row.changed, row.value])?;
    }
    Ok(())
}

/// The rows of a page.
fn rows(transaction: &Transaction<'_>, store: i64, query: &Query) -> Sql<Vec<Row>> {
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    match query.order {
        Order::Newest { before } => {
            let mut select = transaction.prepare_cached(
                "SELECT key, version, created, changed, x'' FROM record
                 WHERE store = ?1 AND created < ?2 AND value IS NOT NULL AND substr(key, 1, length(?3)) = ?3
                 ORDER BY created DESC LIMIT ?4",
            )?;
            let rows = select.query_map(params![store, before, query.prefix, limit], row_of)?;
            rows.collect()
        }
        Order::Changes { after: (changed, created), deleted_after, values } => {
            let mut select = transaction.prepare_cached(
                "SELECT key, version, created, changed, iif(?7 OR value IS NULL, value, x'') FROM record
                 WHERE store = ?1 AND (changed, created) > (?2, ?3) AND (value IS NOT NULL OR changed > ?4)
                     AND substr(key, 1, length(?5)) = ?5
                 ORDER BY changed, created LIMIT ?6",
            )?;
            let values = params![store, changed, created, deleted_after, query.prefix, limit, values];
            let (mut page, mut bytes) = (Vec::new(), 0_usize);
            for row in select.query_map(values, row_of)? {
                let row = row?;
                bytes = bytes.saturating_add(row.value.as_ref().map_or(0, Vec::len));
                page.push(row);
                if bytes >= PAGE_BYTES {
                    break;
                }
            }
            Ok(page)
        }
    }
}

fn row_of(row: &rusqlite::Row<'_>) -> Sql<Row> {
    Ok(Row {
        key: row.get(0)?,
        version: row.get(1)?,
        created: row.get(2)?,
        changed: row.get(3)?,
        value: row.get(4)?,
    })
}

impl BackupStore for SqliteStore {
    fn head<'a>(&'a self, id: &'a StoreId) -> BoxFuture<'a, Result<Head, Failure>> {
        let id = id.clone();
        self.read(move |transaction| Ok(find(transaction, &id)?.map_or_else(Head::default, |(_, head)| head)))
    }

    fn get<'a>(&'a self, id: &'a StoreId, key: &'a str) -> BoxFuture<'a, Result<Option<Valued>, Failure>> {
        let (id, key) = (id.clone(), key.to_owned());
        self.read(move |transaction| {
            let mut select = transaction.prepare_cached(
                "SELECT version, value FROM record JOIN store ON store.id = record.store
                 WHERE owner = ?1 AND name = ?2 AND key = ?3 AND value IS NOT NULL",
            )?;
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            Ok(select.query_row(params![id.owner, id.name, key], read).optional()?)
        })
    }

    fn put<'a>(
        &'a self,
        id: &'a StoreId,
        device: Option<Device>,
        request: PutObjectRequest,
        room: Room,
    ) -> BoxFuture<'a, Result<Heads, Refusal>> {
        let id = id.clone();
        self.write(move |transaction| {
            devices::check(transaction, &id, device)?;
            let read = || -> Sql<_> {
                let store = find(transaction, &id)?;
                let mut all = std::collections::HashMap::new();
                if let Some((store, _)) = store {
                    for key in rules::keys_of(&request) {
                        if let Some(found) = found(transaction, store, &key)? {
                            all.insert(key, found);
                        }
                    }
                }
                Ok((store.map_or_else(Head::default, |(_, head)| head), all, others(transaction, &id)?))
            };
            let (head, found, others) = read().map_err(Failure::from)?;
            let plan = plan(head, &found, request, room, others)?;
            carry_out(transaction, &id, &plan).map_err(Failure::from)?;
            Ok((head, plan.head))
        })
    }

    fn delete<'a>(
        &'a self,
        id: &'a StoreId,
        device: Option<Device>,
        item: KeyValue,
    ) -> BoxFuture<'a, Result<Option<Heads>, Refusal>> {
        let id = id.clone();
        self.write(move |transaction| {
            devices::check(transaction, &id, device)?;
            let delete = || -> Sql<_> {
                let Some((store, head)) = find(transaction, &id)? else { return Ok(None) };
                let Some(plan) = rules::plan_delete(head, found(transaction, store, &item.key)?, item) else {
                    return Ok(None);
                };
                carry_out(transaction, &id, &plan)?;
                Ok(Some((head, plan.head)))
            };
            Ok(delete().map_err(Failure::from)?)
        })
    }

    fn list<'a>(
        &'a self,
        id: &'a StoreId,
        request: ListKeyVersionsRequest,
    ) -> BoxFuture<'a, Result<ListKeyVersionsResponse, Refusal>> {
        let id = id.clone();
        self.read(move |transaction| {
            let store = find(transaction, &id).map_err(Failure::from)?;
            let head = store.map_or_else(Head::default, |(_, head)| head);
            let query = listing::query(head, &request)?;
            let rows = match store {
                Some((store, _)) => rows(transaction, store, &query).map_err(Failure::from)?,
                None => Vec::new(),
            };
            Ok(listing::page(head, &query, rows))
        })
    }

    fn is_removed<'a>(
        &'a self,
        owner: &'a [u8; 33],
        device: &'a Device,
    ) -> BoxFuture<'a, Result<bool, Failure>> {
        let (owner, device) = (*owner, *device);
        self.read(move |transaction| Ok(devices::is_removed(transaction, &owner, &device)?))
    }

    fn remove_device<'a>(
        &'a self,
        owner: &'a [u8; 33],
        device: &'a Device,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        let (owner, device) = (*owner, *device);
        self.write(move |transaction| devices::remove(transaction, &owner, &device))
    }

    fn usage(&self) -> BoxFuture<'_, Result<Usage, Failure>> {
        self.read(move |transaction| {
            let all = "SELECT count(*), coalesce(sum(keys), 0), coalesce(sum(bytes), 0) FROM store";
            Ok(transaction.query_row(all, [], usage_of)?)
        })
    }
}
