//! Running an operation where it is asked for.

use std::sync::Arc;
use std::time::Duration;

use super::feed::{Credit, Feed, Records, execute_many};
use super::handles::Place;
use super::reply::Answer;
use super::request::{Ending, OnTable, Operation, Want};
use crate::backend::{Intent, Keep};
use crate::error::Result;
use crate::row::Row;
use crate::sql::Params;
use crate::stream::RowStream;
use crate::table::{Select, Table};
use crate::target::{Target, no_row};

/// What an operation ended with.
pub(super) enum Ended {
    Answer(Answer),
    /// A query runs, and its rows can be fetched.
    Stream(RowStream<'static>),
}

impl From<Answer> for Ended {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// Runs an operation to its end.
pub(super) async fn run(
    place: &Place,
    limit: Option<Duration>,
    operation: Operation,
    feed: &Feed,
    client: &impl Credit,
) -> Result<Ended> {
    let target = place.target(limit);
    Ok(match operation {
        Operation::Execute { sql, params } => {
            Answer::Executed(target.execute(&sql, params).await?).into()
        }
        Operation::Query { sql, params, want } => query(target, &sql, params, want).await?.into(),
        Operation::ExecuteMany { sql } => {
            Answer::Count(execute_many(target, &sql, feed, client).await?).into()
        }
        Operation::Batch(batch) => Answer::ExecutedList(target.batch(batch).await?).into(),
        Operation::Stream { sql, params } => {
            let mut rows = match place {
                Place::Database(database) => database.limited(limit).stream(&sql, params),
                Place::Lent(_) => target.stream(&sql, params).detached(),
            };
            rows.started().await?;
            Ended::Stream(rows)
        }
        Operation::Table { name, what } => {
            return on_table(Table::new(target, &name), what, feed, client).await;
        }
    })
}

/// Runs a query to its end.
pub(super) async fn query(
    target: Target<'_>,
    sql: &str,
    params: Params,
    want: Want,
) -> Result<Answer> {
    let keep = if want == Want::All { Keep::All } else { Keep::First };
    let rows = target.rows(sql, params, keep).await?;
    if want == Want::One && rows.is_empty() {
        return Err(no_row());
    }
    Ok(Answer::Rows(rows))
}

async fn on_table(
    table: Table<'_>,
    what: OnTable,
    feed: &Feed,
    client: &impl Credit,
) -> Result<Ended> {
    Ok(match what {
        OnTable::Insert(record) => Answer::Key(table.insert(record).await?),
        OnTable::Upsert(record) => Answer::Key(table.upsert(record).await?),
        OnTable::InsertMany => Answer::Count(table.insert_items(Records::new(feed, client)).await?),
        OnTable::Get(key) => Answer::Row(table.get::<Row>(key).await?),
        OnTable::Update(key, record) => Answer::Bool(table.update(key, record).await?),
        OnTable::UpdateMany(keys, record) => Answer::Count(table.update_many(keys, record).await?),
        OnTable::Delete(key) => Answer::Bool(table.delete(key).await?),
        OnTable::Select(choice, ending) => {
            let select = Select::of(table, choice);
            match ending {
                Ending::All => Answer::Rows(select.rows(Keep::All).await?),
                Ending::First => Answer::Rows(select.rows(Keep::First).await?),
                Ending::Count => Answer::Count(select.count().await?),
                Ending::Stream => return started(select.stream().await?).await,
            }
        }
        OnTable::Stream => return started(table.stream().await?).await,
        OnTable::Transfer(column, transfers) => {
            table.transfer(&column, transfers).await?;
            Answer::Done
        }
    }
    .into())
}

async fn started(rows: RowStream<'_>) -> Result<Ended> {
    let mut rows = rows.detached();
    rows.started().await?;
    Ok(Ended::Stream(rows))
}

/// Lends a session of the database.
pub(super) async fn lend(
    place: &Place,
    limit: Option<Duration>,
    intent: Intent,
) -> Result<Arc<dyn crate::backend::Session>> {
    match place {
        Place::Database(database) => Ok(database.limited(limit).lend(intent).await?.into()),
        Place::Lent(_) => {
            Err(crate::Error::invalid("sessions and snapshots are lent by the database"))
        }
    }
}
