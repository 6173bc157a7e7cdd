//! Runs an operation where the client requested it.

use std::sync::Arc;
use std::time::Duration;

use super::backup;
use super::check::check;
use super::feed::{Credit, RecordFeed, Records, execute_many};
use super::handles::{CallTarget, Handle};
use super::migrations::MigrationsEnd;
use super::reply::Outcome;
use super::request::{Ending, OnTable, Operation, RequestHead};
use super::stats::stats;
use super::sync;
use super::watch::Live;
use crate::api::commits::Commits;
use crate::api::database::Database;
use crate::api::table::{Select, Table, uncommitted};
use crate::api::watch::Watch;
use crate::backend::Intent;
use crate::error::Result;
use crate::exec::stream::RowStream;
use crate::program::{Fetch, PageSink, Program, Step};
use crate::row::Row;

/// The outcome of an operation.
pub(super) enum OperationEnd {
    Outcome(Outcome),
    /// A query is running, and its rows can be fetched.
    Stream(RowStream<'static>),
    /// Queries are watched, and their results can be fetched.
    Watch(Live),
    /// A feed has begun, and its commits can be fetched.
    Commits(Commits),
    /// A copy is to be made, or a replica is kept up to date, of which more can be fetched.
    Held(Handle),
    /// Migrations were looked at, or carried out.
    Migrations(MigrationsEnd),
    /// Tables are recorded, and what waits to be sent can be fetched.
    Outbox(Database),
}

impl From<Outcome> for OperationEnd {
    fn from(result: Outcome) -> Self {
        Self::Outcome(result)
    }
}

/// Runs an operation to its end. `client` may take the first of a query's rows while it runs; the
/// reply has the others.
pub(super) async fn run(
    on: &CallTarget,
    head: RequestHead,
    operation: Operation,
    feed: &RecordFeed,
    client: &(impl Credit + PageSink),
) -> Result<OperationEnd> {
    let limit = head.timeout;
    let target = on.target(limit);
    Ok(match operation {
        Operation::Statement { sql, params, shape } => {
            let step = Step::new(&sql, params, shape.keep());
            let program = Program { access: head.access(), ..Program::one(step) };
            shape.outcome(target.run(program, shape.sink(client)).await)?.into()
        }
        Operation::ExecuteMany { sql } => {
            Outcome::Count(execute_many(target, &sql, feed, client).await?).into()
        }
        Operation::Batch(batch) => Outcome::ExecutedList(target.batch(batch).await?).into(),
        Operation::Stream { sql, params } => {
            let mut rows = match on {
                CallTarget::Database(database) => database.limited(limit).stream(&sql, params),
                CallTarget::Handle(_) => target.stream(&sql, params).detached(),
            };
            rows.started().await?;
            OperationEnd::Stream(rows)
        }
        Operation::Watch { sql, params, key } => match on {
            CallTarget::Database(database) => {
                let live = key.into_iter().fold(database.watch(&sql, params), Watch::key);
                OperationEnd::Watch(Live::One(live))
            }
            CallTarget::Handle(_) => return Err(uncommitted()),
        },
        Operation::WatchAll(queries) => match on {
            CallTarget::Database(database) => {
                let statements = queries.iter().map(|it| (it.sql.as_str(), it.params.clone()));
                let keys = queries.iter().enumerate();
                let keys = keys.flat_map(|(at, it)| it.key.iter().map(move |key| (at, key)));
                let live = database.watch_all(statements);
                OperationEnd::Watch(Live::All(keys.fold(live, |it, (at, key)| it.key(at, key))))
            }
            CallTarget::Handle(_) => return Err(uncommitted()),
        },
        Operation::Touch(tables) => {
            if let CallTarget::Database(database) = on {
                database.touch(tables.iter().map(String::as_str));
            }
            Outcome::Done.into()
        }
        Operation::Commits(tables) => match on {
            CallTarget::Database(database) if tables.is_empty() => {
                OperationEnd::Commits(database.commits())
            }
            CallTarget::Database(database) => {
                let tables = tables.iter().map(String::as_str);
                OperationEnd::Commits(database.commits().tables(tables))
            }
            CallTarget::Handle(_) => return Err(uncommitted()),
        },
        Operation::Check => Outcome::Rows(check(on, limit).await?).into(),
        Operation::Stats => Outcome::Rows(stats(on)?).into(),
        Operation::Recover(operation) => Outcome::Rows(operation.run(on, limit).await?).into(),
        Operation::Migrations(operation) => {
            OperationEnd::Migrations(operation.run(on, limit).await?)
        }
        #[cfg(not(target_family = "wasm"))]
        Operation::Replica(operation) => return operation.run(on, limit).await,
        #[cfg(target_family = "wasm")]
        Operation::Replica => return Err(crate::error::Error::unsupported("continuous backup")),
        Operation::Backup(operation) => return backup::run(on, limit, operation).await,
        Operation::Changesets(operation) => return sync::run(on, limit, operation).await,
        Operation::Table { name, what } => {
            return on_table(Table::new(target, &name), what, feed, client).await;
        }
    })
}

async fn on_table(
    table: Table<'_>,
    what: OnTable,
    feed: &RecordFeed,
    client: &(impl Credit + PageSink),
) -> Result<OperationEnd> {
    Ok(match what {
        OnTable::Insert(record) => Outcome::Key(table.insert(record).await?),
        OnTable::Upsert(record) => Outcome::Key(table.upsert(record).await?),
        OnTable::InsertMany => {
            Outcome::Count(table.insert_items(Records::new(feed, client)).await?)
        }
        OnTable::Get(key) => Outcome::Row(table.get::<Row>(key).await?),
        OnTable::Update(key, record) => Outcome::Bool(table.update(key, record).await?),
        OnTable::UpdateMany(keys, record) => Outcome::Count(table.update_many(keys, record).await?),
        OnTable::Delete(key) => Outcome::Bool(table.delete(key).await?),
        OnTable::Select(choice, ending) => {
            let select = Select::of(table, choice);
            match ending {
                Ending::All => Outcome::Rows(select.rows(Fetch::All, Some(client)).await?),
                Ending::First => Outcome::Rows(select.rows(Fetch::First, None).await?),
                Ending::Count => Outcome::Count(select.count().await?),
                Ending::Stream => return started(select.stream().await?).await,
                Ending::Watch => {
                    return Ok(OperationEnd::Watch(Live::One(select.watch().await?)));
                }
            }
        }
        OnTable::Stream => return started(table.stream().await?).await,
        OnTable::Transfer(column, transfers) => {
            table.transfer(&column, transfers).await?;
            Outcome::Done
        }
    }
    .into())
}

async fn started(rows: RowStream<'_>) -> Result<OperationEnd> {
    let mut rows = rows.detached();
    rows.started().await?;
    Ok(OperationEnd::Stream(rows))
}

/// Acquires a session of the database.
pub(super) async fn acquire_session(
    on: &CallTarget,
    limit: Option<Duration>,
    intent: Intent,
) -> Result<Arc<dyn crate::backend::BackendSession>> {
    match on {
        CallTarget::Database(database) => {
            Ok(database.limited(limit).acquire_session(intent).await?.into())
        }
        CallTarget::Handle(_) => Err(crate::error::Error::invalid(
            "sessions and snapshots can only be acquired from the database",
        )),
    }
}
