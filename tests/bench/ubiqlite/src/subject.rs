//! ubiqlite as its documentation shows it: one handle, nothing declared.

use bench_common::{INSERT_LOG, Item, Result, SELECT_ONE, Settings, Subject, weight};
use ubiqlite::{Database, Params, Row, Synchronous, params};

/// An open database.
#[derive(Clone)]
pub struct Ubiqlite(pub Database);

impl Subject for Ubiqlite {
    const SLOWNESS: u64 = 1;

    async fn open(settings: &Settings) -> Result<Self> {
        let options = Database::options()
            .readers(settings.readers)
            .synchronous(match settings.synchronous {
                bench_common::Synchronous::Normal => Synchronous::Normal,
                bench_common::Synchronous::Full => Synchronous::Full,
            })
            .cache_kib(settings.cache_kib);
        Ok(Self(options.open(&settings.path).await?))
    }

    async fn create(&self, sql: &'static str) -> Result<()> {
        self.0.execute(sql, ()).await?;
        Ok(())
    }

    async fn read(&self, id: i64) -> Result<u64> {
        let row = self.0.query_one(SELECT_ONE, params![id]).await?;
        weight_of(&row)
    }

    async fn insert(&self, item: &'static Item) -> Result<()> {
        self.0.execute(INSERT_LOG, params_of(item)).await?;
        Ok(())
    }

    async fn execute_many(&self, items: &'static [Item]) -> Result<()> {
        self.0
            .execute_many(INSERT_LOG, (0..items.len()).map(|index| params_of(&items[index])))
            .await?;
        Ok(())
    }

    async fn stream(&self, sql: &'static str) -> Result<u64> {
        let mut rows = self.0.stream(sql, ());
        let mut sum = 0_u64;
        while let Some(row) = rows.try_next().await? {
            sum = sum.wrapping_add(weight_of(&row)?);
        }
        Ok(sum)
    }

    async fn close(self) -> Result<()> {
        Ok(self.0.close().await?)
    }
}

fn params_of(item: &'static Item) -> Params {
    params![item.name.as_str(), item.data.as_str(), item.status.as_str(), item.value]
}

fn weight_of(row: &Row) -> Result<u64> {
    Ok(weight(
        row.get::<i64>(0)?,
        row.get::<&str>(1)?,
        row.get::<&str>(2)?,
        row.get::<&str>(3)?,
        row.get::<f64>(4)?,
    ))
}
