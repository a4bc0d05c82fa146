//! Backups in PostgreSQL, for a gateway whose operator has one, and for several gateways that share it. Each write takes its store's
//! row first, so that writes to one store come one after the other, whoever makes them.

mod connect;
mod devices;
mod tls;

use std::collections::HashMap;
use std::time::Duration;

use amplet_vss::listing::{self, Order, Query};
use amplet_vss::messages::{KeyValue, ListKeyVersionsRequest, ListKeyVersionsResponse, PutObjectRequest};
use amplet_vss::rules::{self, Device, Found, Head, Plan, Row};
use amplet_vss::{PAGE_BYTES, Refusal};
use deadpool_postgres::{Pool, Transaction};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_postgres::IsolationLevel;

use super::store::{BackupStore, Failure, Heads, Room, StoreId, Usage, Valued, count, plan, stored};

const HEAD: &str = "SELECT id, global_version, sequence, created, keys, bytes, tombstones, forgotten FROM amplet_backup.store
     WHERE owner = $1 AND name = $2";

/// Pause between looks at a store that somebody waits for.
const LOOK_EVERY: Duration = Duration::from_millis(1_500);

/// Backups in a database.
pub struct PostgresStore {
    pool: Pool,
}

fn head_of(row: &tokio_postgres::Row) -> Result<(i64, Head), tokio_postgres::Error> {
    let head = Head {
        global_version: row.try_get(1)?,
        sequence: row.try_get(2)?,
        created: row.try_get(3)?,
        keys: count(row.try_get(4)?),
        bytes: count(row.try_get(5)?),
        tombstones: count(row.try_get(6)?),
        forgotten: row.try_get(7)?,
    };
    Ok((row.try_get(0)?, head))
}

async fn find(transaction: &Transaction<'_>, id: &StoreId) -> Result<Option<(i64, Head)>, Failure> {
    let select = transaction.prepare_cached(HEAD).await?;
    let row = transaction.query_opt(&select, &[&id.owner.as_slice(), &id.name]).await?;
    Ok(row.as_ref().map(head_of).transpose()?)
}

/// Takes a store's row until the transaction ends.
async fn lock(transaction: &Transaction<'_>, id: &StoreId) -> Result<Option<(i64, Head)>, Failure> {
    let select = transaction.prepare_cached(&format!("{HEAD} FOR UPDATE")).await?;
    let row = transaction.query_opt(&select, &[&id.owner.as_slice(), &id.name]).await?;
    Ok(row.as_ref().map(head_of).transpose()?)
}

/// The same; begins the store where there is none.
async fn lock_or_begin(transaction: &Transaction<'_>, id: &StoreId) -> Result<(i64, Head), Failure> {
    if let Some(found) = lock(transaction, id).await? {
        return Ok(found);
    }
    let insert = "INSERT INTO amplet_backup.store (owner, name) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let insert = transaction.prepare_cached(insert).await?;
    transaction.execute(&insert, &[&id.owner.as_slice(), &id.name]).await?;
    let found = lock(transaction, id).await?;
    found.ok_or_else(|| Failure("PostgreSQL: a store that was begun is not there".into()))
}

async fn found(
    transaction: &Transaction<'_>,
    store: i64,
    keys: &[String],
) -> Result<HashMap<String, Found>, Failure> {
    let select = "SELECT key, version, created, octet_length(value)::bigint FROM amplet_backup.record
         WHERE store = $1 AND key = ANY ($2)";
    let select = transaction.prepare_cached(select).await?;
    let rows = transaction.query(&select, &[&store, &keys]).await?;
    let read = |row: &tokio_postgres::Row| {
        let value_bytes = row.try_get::<_, Option<i64>>(3)?.map(count);
        Ok((row.try_get(0)?, Found { version: row.try_get(1)?, created: row.try_get(2)?, value_bytes }))
    };
    let found: Result<_, tokio_postgres::Error> = rows.iter().map(read).collect();
    Ok(found?)
}

/// What the owner has in all stores but this one.
async fn others(transaction: &Transaction<'_>, id: &StoreId) -> Result<Usage, Failure> {
    let select = "SELECT count(*), coalesce(sum(keys), 0)::bigint, coalesce(sum(bytes), 0)::bigint
         FROM amplet_backup.store WHERE owner = $1 AND name <> $2";
    let select = transaction.prepare_cached(select).await?;
    usage_of(&transaction.query_one(&select, &[&id.owner.as_slice(), &id.name]).await?)
}

fn usage_of(row: &tokio_postgres::Row) -> Result<Usage, Failure> {
    let (stores, keys, bytes) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(Usage { stores: count(stores), keys: count(keys), bytes: count(bytes) })
}

async fn carry_out(transaction: &Transaction<'_>, store: i64, plan: &Plan) -> Result<(), Failure> {
    let head = plan.head;
    let update = "UPDATE amplet_backup.store SET global_version = $2, sequence = $3, created = $4, keys = $5, bytes = $6,
         tombstones = $7, forgotten = $8 WHERE id = $1";
    let update = transaction.prepare_cached(update).await?;
    let [keys, bytes, tombstones] = [head.keys, head.bytes, head.tombstones].map(stored);
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 8] = [
        &store,
        &head.global_version,
        &head.sequence,
        &head.created,
        &keys,
        &bytes,
        &tombstones,
        &head.forgotten,
    ];
    transaction.execute(&update, &values).await?;
    if plan.forgets {
        let forget = "DELETE FROM amplet_backup.record WHERE store = $1 AND value IS NULL";
        transaction.execute(forget, &[&store]).await?;
    }
    let write = "INSERT INTO amplet_backup.record (store, key, version, created, changed, value)
         SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[])
         ON CONFLICT (store, key) DO UPDATE SET version = EXCLUDED.version, created = EXCLUDED.created,
             changed = EXCLUDED.changed, value = EXCLUDED.value";
    let write = transaction.prepare_cached(write).await?;
    let keys: Vec<&str> = plan.rows.iter().map(|row| row.key.as_str()).collect();
    let numbers = |of: fn(&Row) -> i64| -> Vec<i64> { plan.rows.iter().map(of).collect() };
    let (versions, created) = (numbers(|row| row.version), numbers(|row| row.created));
    let changed = numbers(|row| row.changed);
    let values: Vec<Option<&[u8]>> = plan.rows.iter().map(|row| row.value.as_deref()).collect();
    transaction.execute(&write, &[&store, &keys, &versions, &created, &changed, &values]).await?;
    Ok(())
}

/// The rows of a page.
async fn rows(transaction: &Transaction<'_>, store: i64, query: &Query) -> Result<Vec<Row>, Failure> {
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let rows = match query.order {
        Order::Newest { before } => {
            let select = "SELECT key, version, created, changed, ''::bytea FROM amplet_backup.record
                 WHERE store = $1 AND created < $2 AND value IS NOT NULL AND starts_with(key, $3)
                 ORDER BY created DESC LIMIT $4";
            let select = transaction.prepare_cached(select).await?;
            transaction.query(&select, &[&store, &before, &query.prefix, &limit]).await?
        }
        Order::Changes { after: (changed, created), deleted_after, values } => {
            // A row is in the page while the values before it do not fill one.
            let select = "SELECT key, version, created, changed, value FROM (
                     SELECT key, version, created, changed, value, sum(coalesce(octet_length(value), 0))
                         OVER (ORDER BY changed, created ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                     FROM (
                         SELECT key, version, created, changed,
                             CASE WHEN $7 OR value IS NULL THEN value ELSE ''::bytea END AS value
                         FROM amplet_backup.record
                         WHERE store = $1 AND (changed, created) > ($2, $3) AND (value IS NOT NULL OR changed > $4)
                             AND starts_with(key, $5)
                         ORDER BY changed, created LIMIT $6
                     ) AS page
                 ) AS measured WHERE coalesce(before, 0) < $8 ORDER BY changed, created";
            let select = transaction.prepare_cached(select).await?;
            let most = i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX);
            let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
                [&store, &changed, &created, &deleted_after, &query.prefix, &limit, &values, &most];
            transaction.query(&select, &parameters).await?
        }
    };
    let read = |row: &tokio_postgres::Row| {
        Ok(Row {
            key: row.try_get(0)?,
            version: row.try_get(1)?,
            created: row.try_get(2)?,
            changed: row.try_get(3)?,
            value: row.try_get(4)?,
        })
    };
    let rows: Result<_, tokio_postgres::Error> = rows.iter().map(read).collect();
    Ok(rows?)
}

impl BackupStore for PostgresStore {
    fn head<'a>(&'a self, id: &'a StoreId) -> BoxFuture<'a, Result<Head, Failure>> {
        async move {
            let mut client = self.pool.get().await?;
            let transaction = client.transaction().await?;
            Ok(find(&transaction, id).await?.map_or_else(Head::default, |(_, head)| head))
        }
        .boxed()
    }

    fn get<'a>(&'a self, id: &'a StoreId, key: &'a str) -> BoxFuture<'a, Result<Option<Valued>, Failure>> {
        async move {
            let client = self.pool.get().await?;
            let select =
                "SELECT version, value FROM amplet_backup.record JOIN amplet_backup.store ON id = store
                 WHERE owner = $1 AND name = $2 AND key = $3 AND value IS NOT NULL";
            let select = client.prepare_cached(select).await?;
            let row = client.query_opt(&select, &[&id.owner.as_slice(), &id.name, &key]).await?;
            let read = |row: tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
            let found: Result<_, tokio_postgres::Error> = row.map(read).transpose();
            Ok(found?)
        }
        .boxed()
    }

    fn put<'a>(
        &'a self,
        id: &'a StoreId,
        device: Option<Device>,
        request: PutObjectRequest,
        room: Room,
    ) -> BoxFuture<'a, Result<Heads, Refusal>> {
        async move {
            let mut client = self.pool.get().await.map_err(Failure::from)?;
            let transaction = client.transaction().await.map_err(Failure::from)?;
            let (store, head) = lock_or_begin(&transaction, id).await?;
            devices::check(&transaction, &id.owner, device).await?;
            let found = found(&transaction, store, &rules::keys_of(&request)).await?;
            let others = others(&transaction, id).await?;
            // What was begun for a refused write goes with the transaction.
            let plan = plan(head, &found, request, room, others)?;
            carry_out(&transaction, store, &plan).await?;
            transaction.commit().await.map_err(Failure::from)?;
            Ok((head, plan.head))
        }
        .boxed()
    }

    fn delete<'a>(
        &'a self,
        id: &'a StoreId,
        device: Option<Device>,
        item: KeyValue,
    ) -> BoxFuture<'a, Result<Option<Heads>, Refusal>> {
        async move {
            let mut client = self.pool.get().await.map_err(Failure::from)?;
            let transaction = client.transaction().await.map_err(Failure::from)?;
            let locked = lock(&transaction, id).await?;
            devices::check(&transaction, &id.owner, device).await?;
            let Some((store, head)) = locked else { return Ok(None) };
            let keys = [item.key.clone()];
            let found = found(&transaction, store, &keys).await?;
            let found = found.get(&item.key).copied();
            let Some(plan) = rules::plan_delete(head, found, item) else { return Ok(None) };
            carry_out(&transaction, store, &plan).await?;
            transaction.commit().await.map_err(Failure::from)?;
            Ok(Some((head, plan.head)))
        }
        .boxed()
    }

    fn list<'a>(
        &'a self,
        id: &'a StoreId,
        request: ListKeyVersionsRequest,
    ) -> BoxFuture<'a, Result<ListKeyVersionsResponse, Refusal>> {
        async move {
            let mut client = self.pool.get().await.map_err(Failure::from)?;
            // Head and rows of one moment.
            let reading = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
            let transaction = reading.read_only(true).start().await.map_err(Failure::from)?;
            let store = find(&transaction, id).await?;
            let head = store.map_or_else(Head::default, |(_, head)| head);
            let query = listing::query(head, &request)?;
            let rows = match store {
                Some((store, _)) => rows(&transaction, store, &query).await?,
                None => Vec::new(),
            };
            Ok(listing::page(head, &query, rows))
        }
        .boxed()
    }

    fn is_removed<'a>(
        &'a self,
        owner: &'a [u8; 33],
        device: &'a Device,
    ) -> BoxFuture<'a, Result<bool, Failure>> {
        async move { devices::is_removed(&**self.pool.get().await?, owner, device).await }.boxed()
    }

    fn remove_device<'a>(
        &'a self,
        owner: &'a [u8; 33],
        device: &'a Device,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        async move {
            let mut client = self.pool.get().await.map_err(Failure::from)?;
            let transaction = client.transaction().await.map_err(Failure::from)?;
            devices::remove(&transaction, owner, device).await?;
            Ok(transaction.commit().await.map_err(Failure::from)?)
        }
        .boxed()
    }

    fn shared(&self) -> Option<Duration> {
        Some(LOOK_EVERY)
    }

    fn usage(&self) -> BoxFuture<'_, Result<Usage, Failure>> {
        async move {
            let client = self.pool.get().await?;
            let all = "SELECT count(*), coalesce(sum(keys), 0)::bigint, coalesce(sum(bytes), 0)::bigint
                 FROM amplet_backup.store";
            usage_of(&client.query_one(all, &[]).await?)
        }
        .boxed()
    }
}
