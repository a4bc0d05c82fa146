//! Connections to PostgreSQL, and the tables.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime};
use tokio_postgres::NoTls;

use super::{PostgresStore, tls};
use crate::config;
use crate::desk::backup::BackupError;
use crate::desk::backup::store::Failure;

/// Connections of this process.
const CONNECTIONS: usize = 8;
/// Time for a connection to be made, or to become free.
const PATIENCE: Duration = Duration::from_secs(10);
/// The layout of the tables.
const LAYOUT: i32 = 2;
/// Lock of whoever makes the tables (`pg_advisory_xact_lock`): "AmBk".
const MAKING: i64 = 0x416d_426b;

/// Of layout 1. Texts compare by their bytes, as everywhere else.
const TABLES: &str = "
    CREATE SCHEMA IF NOT EXISTS amplet_backup;
    CREATE TABLE IF NOT EXISTS amplet_backup.layout (version INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS amplet_backup.store (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner BYTEA NOT NULL, name TEXT COLLATE \"C\" NOT NULL,
        global_version BIGINT NOT NULL DEFAULT 0, sequence BIGINT NOT NULL DEFAULT 0, created BIGINT NOT NULL DEFAULT 0,
        keys BIGINT NOT NULL DEFAULT 0, bytes BIGINT NOT NULL DEFAULT 0, tombstones BIGINT NOT NULL DEFAULT 0,
        forgotten BIGINT NOT NULL DEFAULT 0, UNIQUE (owner, name)
    );
    CREATE TABLE IF NOT EXISTS amplet_backup.record (
        store BIGINT NOT NULL REFERENCES amplet_backup.store, key TEXT COLLATE \"C\" NOT NULL, version BIGINT NOT NULL,
        created BIGINT NOT NULL, changed BIGINT NOT NULL, value BYTEA, PRIMARY KEY (store, key)
    );
    ALTER TABLE amplet_backup.record ALTER COLUMN value SET STORAGE EXTERNAL;
    CREATE UNIQUE INDEX IF NOT EXISTS record_created ON amplet_backup.record (store, created);
    CREATE INDEX IF NOT EXISTS record_changed ON amplet_backup.record (store, changed, created);
";

/// Since layout 2: the devices that are refused, by account.
const DEVICES: &str = "
    CREATE TABLE amplet_backup.removed_device (
        owner BYTEA NOT NULL, device BYTEA NOT NULL, PRIMARY KEY (owner, device)
    );
";

/// An error with what the server said of it: its `Display` alone is `db error`.
fn explain(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(said), _) => said.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self(format!("PostgreSQL: {}", explain(&error)))
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(_) => {
                Self(format!("PostgreSQL: no connection within {} s", PATIENCE.as_secs()))
            }
            other => Self(format!("PostgreSQL: {other}")),
        }
    }
}

impl PostgresStore {
    /// Connects, and makes the tables where there are none.
    ///
    /// # Errors
    /// [`BackupError::Postgres`]
    pub async fn open(url: &str) -> Result<Self, BackupError> {
        let pool = pool(url)?;
        let prepared = prepare(&pool).await;
        prepared.map_err(|failure| BackupError::Postgres { what: failure.0 })?;
        Ok(Self { pool })
    }

    /// Connects, and changes nothing.
    pub(in crate::desk::backup) async fn try_connect(url: &str) -> Result<(), BackupError> {
        let connect = async {
            let client = pool(url)?.get().await;
            let client = client.map_err(|error| BackupError::Postgres { what: reach(error.into()).0 })?;
            let encoding = client.query_one("SHOW server_encoding", &[]).await;
            let encoding = encoding.map_err(|error| BackupError::Postgres { what: explain(&error) })?;
            check_encoding(encoding.get(0)).map_err(|failure| BackupError::Postgres { what: failure.0 })
        };
        connect.await
    }
}

fn pool(url: &str) -> Result<Pool, BackupError> {
    let wrong = |what: String| BackupError::Postgres { what };
    let database = config::postgres(url).map_err(wrong)?;
    let config = database.config;
    let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    // Whatever the server's own setting: a write that was answered is on its disk.
    let durable = Hook::async_fn(|client, _| {
        Box::pin(async move {
            client.batch_execute("SET synchronous_commit = on").await.map_err(HookError::Backend)
        })
    });
    let manager = match &database.roots {
        None => Manager::from_config(config, NoTls, manager),
        Some(roots) => Manager::from_config(config, tls::connector(roots).map_err(wrong)?, manager),
    };
    Pool::builder(manager)
        .max_size(CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        .post_create(durable)
        .build()
        .map_err(|error| wrong(error.to_string()))
}

fn reach(failure: Failure) -> Failure {
    Failure(format!(
        "{}; check that it runs, and the URL's host, port, user, password and database",
        failure.0
    ))
}

fn check_encoding(encoding: &str) -> Result<(), Failure> {
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(Failure(format!(
        "the database's encoding is {encoding}; make one with: CREATE DATABASE amplet ENCODING 'UTF8' TEMPLATE template0"
    )))
}

async fn prepare(pool: &Pool) -> Result<(), Failure> {
    let mut client = pool.get().await.map_err(|error| reach(error.into()))?;
    check_encoding(client.query_one("SHOW server_encoding", &[]).await?.get(0))?;
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MAKING]).await?;
    let exists = transaction.query_one("SELECT to_regclass('amplet_backup.layout') IS NOT NULL", &[]).await?;
    let found = match exists.get(0) {
        true => transaction.query_opt("SELECT version FROM amplet_backup.layout", &[]).await?,
        false => {
            transaction.batch_execute(TABLES).await?;
            Some(
                transaction
                    .query_one("INSERT INTO amplet_backup.layout VALUES (1) RETURNING version", &[])
                    .await?,
            )
        }
    };
    match found.map_or(0, |row| row.get::<_, i32>(0)) {
        LAYOUT => return Ok(()),
        1 => {
            transaction.batch_execute(DEVICES).await?;
            transaction.execute("UPDATE amplet_backup.layout SET version = $1", &[&LAYOUT]).await?;
        }
        newer if newer > LAYOUT => return Err(Failure("its tables were written by a newer gateway".into())),
        _ => return Err(Failure("its schema amplet_backup is another program's".into())),
    }
    Ok(transaction.commit().await?)
}
