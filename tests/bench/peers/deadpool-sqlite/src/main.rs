//! deadpool-sqlite: a pool for reading and a pool of one for writing, so that
//! writes queue in the library and not at SQLite's lock.

use bench_common::{INSERT_LOG, Item, Result, SELECT_ONE, Settings, Subject, run};
use deadpool_sqlite::rusqlite::{Result as SqlResult, Row, params};
use deadpool_sqlite::{Config, Connection, Hook, HookError, Pool, PoolConfig, Runtime};

#[derive(Clone)]
struct Deadpool {
    readers: Pool,
    writer: Pool,
}

impl Subject for Deadpool {
    const SLOWNESS: u64 = 10;

    async fn open(settings: &Settings) -> Result<Self> {
        let writer = pool(settings, 1)?;
        // This puts the file into WAL mode before the readers open it.
        drop(writer.get().await?);
        let readers = pool(settings, settings.readers)?;
        Ok(Self { readers, writer })
    }

    async fn create(&self, sql: &'static str) -> Result<()> {
        with(&self.writer.get().await?, move |conn| {
            conn.execute_batch(sql)
        })
        .await
    }

    async fn read(&self, id: i64) -> Result<u64> {
        let conn = self.readers.get().await?;
        let item = with(&conn, move |conn| {
            conn.prepare_cached(SELECT_ONE)?.query_row([id], item)
        })
        .await?;
        Ok(item.weight())
    }

    async fn insert(&self, item: &'static Item) -> Result<()> {
        let conn = self.writer.get().await?;
        with(&conn, |conn| {
            let mut statement = conn.prepare_cached(INSERT_LOG)?;
            statement.execute(params![item.name, item.data, item.status, item.value])
        })
        .await?;
        Ok(())
    }

    async fn execute_many(&self, items: &'static [Item]) -> Result<()> {
        let conn = self.writer.get().await?;
        with(&conn, move |conn| {
            let transaction = conn.transaction()?;
            {
                let mut statement = transaction.prepare_cached(INSERT_LOG)?;
                for item in items {
                    statement.execute(params![item.name, item.data, item.status, item.value])?;
                }
            }
            transaction.commit()
        })
        .await
    }

    async fn stream(&self, sql: &'static str) -> Result<u64> {
        let conn = self.readers.get().await?;
        let items = with(&conn, |conn| {
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
        self.readers.close();
        self.writer.close();
        Ok(())
    }
}

fn pool(settings: &Settings, size: usize) -> Result<Pool> {
    let mut config = Config::new(&settings.path);
    config.pool = Some(PoolConfig::new(size));
    let pragmas = settings.pragmas();
    let hook = Hook::async_fn(move |conn, _| {
        let pragmas = pragmas.clone();
        Box::pin(async move {
            conn.interact(move |conn: &mut deadpool_sqlite::rusqlite::Connection| {
                conn.execute_batch(&pragmas)
            })
            .await
            .map_err(|error| HookError::message(error.to_string()))?
            .map_err(HookError::Backend)
        })
    });
    Ok(config.builder(Runtime::Tokio1)?.post_create(hook).build()?)
}

/// Runs `work` on the connection's thread, and merges both kinds of error into one.
async fn with<T: Send + 'static>(
    conn: &Connection,
    work: impl FnOnce(&mut deadpool_sqlite::rusqlite::Connection) -> SqlResult<T> + Send + 'static,
) -> Result<T> {
    Ok(conn
        .interact(work)
        .await
        .map_err(|error| error.to_string())??)
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
    run::<Deadpool>()
}
