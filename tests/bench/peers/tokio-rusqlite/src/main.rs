//! tokio-rusqlite: it has no pool, so one connection reads and one writes.

use bench_common::{INSERT_LOG, Item, Result, SELECT_ONE, Settings, Subject, run};
use tokio_rusqlite::rusqlite::{Result as SqlResult, Row};
use tokio_rusqlite::{Connection, params};

#[derive(Clone)]
struct TokioRusqlite {
    reader: Connection,
    writer: Connection,
}

impl Subject for TokioRusqlite {
    const SLOWNESS: u64 = 2;

    async fn open(settings: &Settings) -> Result<Self> {
        let writer = connect(settings).await?;
        let reader = connect(settings).await?;
        Ok(Self { reader, writer })
    }

    async fn create(&self, sql: &'static str) -> Result<()> {
        Ok(self
            .writer
            .call(move |conn| conn.execute_batch(sql))
            .await?)
    }

    async fn read(&self, id: i64) -> Result<u64> {
        let item = self
            .reader
            .call(move |conn| conn.prepare_cached(SELECT_ONE)?.query_row([id], item))
            .await?;
        Ok(item.weight())
    }

    async fn insert(&self, item: &'static Item) -> Result<()> {
        self.writer
            .call(|conn| {
                let mut statement = conn.prepare_cached(INSERT_LOG)?;
                statement.execute(params![item.name, item.data, item.status, item.value])
            })
            .await?;
        Ok(())
    }

    async fn execute_many(&self, items: &'static [Item]) -> Result<()> {
        self.writer
            .call(move |conn| {
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
            .reader
            .call(|conn| {
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
        self.reader.close().await?;
        Ok(self.writer.close().await?)
    }
}

async fn connect(settings: &Settings) -> Result<Connection> {
    let connection = Connection::open(&settings.path).await?;
    let pragmas = settings.pragmas();
    connection
        .call(move |conn| conn.execute_batch(&pragmas))
        .await?;
    Ok(connection)
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
    run::<TokioRusqlite>()
}
