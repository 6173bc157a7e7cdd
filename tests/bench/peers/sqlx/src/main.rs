//! sqlx: a pool for reading and a pool of one for writing, so that writes queue
//! in the library and not at SQLite's lock. It caches statements by itself.

use bench_common::{INSERT_LOG, Item, Result, SELECT_ONE, Settings, Subject, run, weight};
use futures_util::TryStreamExt;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Executor, Row};

#[derive(Clone)]
struct Sqlx {
    readers: SqlitePool,
    writer: SqlitePool,
}

impl Subject for Sqlx {
    const SLOWNESS: u64 = 10;

    async fn open(settings: &Settings) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(&settings.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match settings.synchronous {
                bench_common::Synchronous::Normal => SqliteSynchronous::Normal,
                bench_common::Synchronous::Full => SqliteSynchronous::Full,
            })
            .pragma("cache_size", format!("-{}", settings.cache_kib));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(u32::try_from(settings.readers)?)
            .connect_with(options)
            .await?;
        Ok(Self { readers, writer })
    }

    async fn create(&self, sql: &'static str) -> Result<()> {
        self.writer.execute(sql).await?;
        Ok(())
    }

    async fn read(&self, id: i64) -> Result<u64> {
        let row = sqlx::query(SELECT_ONE)
            .bind(id)
            .fetch_one(&self.readers)
            .await?;
        Ok(weight_of(&row)?)
    }

    async fn insert(&self, item: &'static Item) -> Result<()> {
        insert(&self.writer, item).await
    }

    async fn execute_many(&self, items: &'static [Item]) -> Result<()> {
        let mut transaction = self.writer.begin().await?;
        for item in items {
            insert(&mut *transaction, item).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn stream(&self, sql: &'static str) -> Result<u64> {
        let mut rows = sqlx::query(sql).fetch(&self.readers);
        let mut sum = 0_u64;
        while let Some(row) = rows.try_next().await? {
            sum = sum.wrapping_add(weight_of(&row)?);
        }
        Ok(sum)
    }

    async fn close(self) -> Result<()> {
        self.readers.close().await;
        self.writer.close().await;
        Ok(())
    }
}

async fn insert(db: impl Executor<'_, Database = sqlx::Sqlite>, item: &'static Item) -> Result<()> {
    sqlx::query(INSERT_LOG)
        .bind(item.name.as_str())
        .bind(item.data.as_str())
        .bind(item.status.as_str())
        .bind(item.value)
        .execute(db)
        .await?;
    Ok(())
}

fn weight_of(row: &SqliteRow) -> sqlx::Result<u64> {
    Ok(weight(
        row.try_get(0)?,
        row.try_get(1)?,
        row.try_get(2)?,
        row.try_get(3)?,
        row.try_get(4)?,
    ))
}

fn main() -> Result<()> {
    run::<Sqlx>()
}
