//! async-sqlite: a pool for reading, and one client for all writes, so that they
//! queue in the library and not at SQLite's lock.

use async_sqlite::rusqlite::{Result as SqlResult, Row, params};
use async_sqlite::{Client, ClientBuilder, JournalMode, Pool, PoolBuilder};
use bench_common::{INSERT_LOG, Item, Result, SELECT_ONE, Settings, Subject, run};

#[derive(Clone)]
struct AsyncSqlite {
    readers: Pool,
    writer: Client,
}

impl Subject for AsyncSqlite {
    const SLOWNESS: u64 = 2;

    async fn open(settings: &Settings) -> Result<Self> {
        let writer = ClientBuilder::new()
            .path(&settings.path)
            .journal_mode(JournalMode::Wal)
            .open()
            .await?;
        let readers = PoolBuilder::new()
            .path(&settings.path)
            .journal_mode(JournalMode::Wal)
            .num_conns(settings.readers)
            .open()
            .await?;
        let pragmas = settings.pragmas();
        let of_reader = pragmas.clone();
        writer
            .conn(move |conn| conn.execute_batch(&pragmas))
            .await?;
        for done in readers
            .conn_for_each(move |conn| conn.execute_batch(&of_reader))
            .await
        {
            done?;
        }
        Ok(Self { readers, writer })
    }

    async fn create(&self, sql: &'static str) -> Result<()> {
        Ok(self
            .writer
            .conn(move |conn| conn.execute_batch(sql))
            .await?)
    }

    async fn read(&self, id: i64) -> Result<u64> {
        let item = self
            .readers
            .conn(move |conn| conn.prepare_cached(SELECT_ONE)?.query_row([id], item))
            .await?;
        Ok(item.weight())
    }

    async fn insert(&self, item: &'static Item) -> Result<()> {
        self.writer
            .conn(|conn| {
                let mut statement = conn.prepare_cached(INSERT_LOG)?;
                statement.execute(params![item.name, item.data, item.status, item.value])
            })
            .await?;
        Ok(())
    }

    async fn execute_many(&self, items: &'static [Item]) -> Result<()> {
        self.writer
            .conn_mut(move |conn| {
                let transaction = conn.transaction()?;
                {
                    let mut statement = transaction.prepare_cached(INSERT_LOG)?;
                    for item in items {
                        statement.execute(params![
                            item.name,
                            item.data,
                            item.status,
                            item.value
                        ])?;
                    }
                }
                transaction.commit()
            })
            .await?;
        Ok(())
    }

    async fn stream(&self, sql: &'static str) -> Result<u64> {
        let items = self
            .readers
            .conn(|conn| {
                let mut statement = conn.prepare_cached(sql)?;
                statement
                    .query_map([], item)?
                    .collect::<SqlResult<Vec<Item>>>()
            })
            .await?;
        Ok(items
            .iter()
            .fold(0, |sum: u64, item| sum.wrapping_add(item.weight())))
    }

    async fn close(self) -> Result<()> {
        self.readers.close().await?;
        Ok(self.writer.close().await?)
    }
}

fn item(row: &Row<'_>) -> SqlResult<Item> {
    Ok(Item {
        id: row.get(0)?,
        name: row.get(1)?,
        data: row.get(2)?,
        status: row.get(3)?,
        value: row.get(4)?,
    })
}

fn main() -> Result<()> {
    run::<AsyncSqlite>()
}
