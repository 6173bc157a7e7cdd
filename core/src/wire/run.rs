//! Runs an operation where the client requested it.

use std::sync::Arc;
use std::time::Duration;

use super::feed::{Credit, Feed, Records, execute_many};
use super::handles::Place;
use super::reply::Answer;
use super::request::{Ending, Head, OnTable, Operation};
use crate::api::table::{Select, Table};
use crate::backend::Intent;
use crate::error::Result;
use crate::exec::stream::RowStream;
use crate::program::{Early, Keep, Program, Step};
use crate::row::Row;

/// The outcome of an operation.
pub(super) enum Ended {
    Answer(Answer),
    /// A query is running, and its rows can be fetched.
    Stream(RowStream<'static>),
}

impl From<Answer> for Ended {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// Runs an operation to its end. `client` may take the first of a query's rows while it runs; the
/// answer has the others.
pub(super) async fn run(
    place: &Place,
    head: Head,
    operation: Operation,
    feed: &Feed,
    client: &(impl Credit + Early),
) -> Result<Ended> {
    let limit = head.timeout;
    let target = place.target(limit);
    Ok(match operation {
        Operation::Statement { sql, params, wanted } => {
            let step = Step::new(&sql, params, wanted.keep());
            let program = Program { access: head.access(), ..Program::one(step) };
            wanted.answer(target.run(program, wanted.early(client)).await)?.into()
        }
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

async fn on_table(
    table: Table<'_>,
    what: OnTable,
    feed: &Feed,
    client: &(impl Credit + Early),
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
                Ending::All => Answer::Rows(select.rows(Keep::All, Some(client)).await?),
                Ending::First => Answer::Rows(select.rows(Keep::First, None).await?),
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
            Err(crate::error::Error::invalid("sessions and snapshots are lent by the database"))
        }
    }
}
