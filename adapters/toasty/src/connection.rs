//! What Toasty's pool holds: a place for one transaction at a time.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use toasty_core::driver::log::QueryLog;
use toasty_core::driver::operation::{IsolationLevel, Transaction, TypedValue};
use toasty_core::driver::{Capability, ExecResponse, Operation, QueryLogConfig};
use toasty_core::schema::db::{AppliedMigration, Migration};
use toasty_core::{Error, Result, Schema, stmt};
use toasty_sql::{Serializer, Statement};
use ubiqlite::Database;

use crate::call::{Call, Wanted, run};
use crate::error::error;
use crate::migrations;
use crate::transaction::{Ask, Leave, Open};

/// A connection of Toasty's pool. Statements outside of a transaction run on the database, which
/// has connections of its own.
pub(crate) struct Connection {
    database: Database,
    open: Option<Open>,
    log: QueryLogConfig,
}

impl Connection {
    pub(crate) fn new(database: Database, log: QueryLogConfig) -> Self {
        Self { database, open: None, log }
    }

    async fn call(
        &mut self,
        sql: String,
        params: Vec<TypedValue>,
        wanted: Wanted,
    ) -> Result<ExecResponse> {
        let settings = self.log;
        let mut log =
            QueryLog::sql(&settings, "sqlite", &sql, params.iter().map(|param| &param.value));
        let result = self.run(&sql, params, wanted, &mut log).await;
        log.finish(&result);
        result
    }

    async fn run(
        &mut self,
        sql: &str,
        params: Vec<TypedValue>,
        wanted: Wanted,
        log: &mut QueryLog<'_>,
    ) -> Result<ExecResponse> {
        let call = Call::new(sql.to_owned(), params, &wanted)?;
        let rows = call.rows;
        let done = match &mut self.open {
            Some(open) => open.ask(Ask::Run(call)).await?,
            None => run!(self.database, call)?,
        };
        if rows {
            log.rows(done.rows.len() as u64);
        }
        wanted.response(done)
    }

    async fn transaction(&mut self, operation: Transaction) -> Result<()> {
        let leave = match operation {
            Transaction::Start { isolation, read_only, mode } => {
                if !matches!(isolation, None | Some(IsolationLevel::Serializable)) {
                    return Err(Error::unsupported_feature(
                        "SQLite's transactions are serializable, and no other isolation",
                    ));
                }
                if self.open.is_some() {
                    return Err(Error::invalid_statement("a transaction is open already"));
                }
                self.open = Some(Open::begin(&self.database, read_only, mode).await?);
                return Ok(());
            }
            Transaction::Savepoint(name) => return self.ask(Ask::Savepoint(name)).await,
            Transaction::ReleaseSavepoint(name) => Leave::Release(name),
            Transaction::RollbackToSavepoint(name) => Leave::RollbackTo(name),
            Transaction::Commit => Leave::Commit,
            // A commit that failed has rolled back, and Toasty asks for that once more.
            Transaction::Rollback if self.open.is_none() => return Ok(()),
            Transaction::Rollback => Leave::Rollback,
        };
        let whole = matches!(leave, Leave::Commit | Leave::Rollback);
        let left = self.ask(Ask::Leave(leave)).await;
        if whole {
            // Dropped if it is still there, which rolls it back.
            self.open = None;
        }
        left
    }

    async fn ask(&mut self, ask: Ask) -> Result<()> {
        match &mut self.open {
            Some(open) => open.ask(ask).await.map(drop),
            None => Err(Error::invalid_statement("no transaction is open")),
        }
    }
}

#[async_trait]
impl toasty_core::driver::Connection for Connection {
    async fn exec(&mut self, schema: &Arc<Schema>, operation: Operation) -> Result<ExecResponse> {
        let (statement, params, types) = match operation {
            Operation::Insert(insert) => (insert.stmt, insert.params, insert.ret),
            Operation::QuerySql(query) => (query.stmt, query.params, query.ret),
            Operation::RawSql(raw) => {
                return self.call(raw.sql, raw.params, raw.ret.into()).await;
            }
            Operation::Transaction(operation) => {
                self.transaction(operation).await?;
                return Ok(ExecResponse::count(0));
            }
            other => {
                let message = format!("{} is for databases without SQL", other.name());
                return Err(Error::unsupported_feature(message));
            }
        };
        let wanted = wanted(&statement, types);
        let statement = Statement::from(statement);
        let sql = Serializer::sqlite(&schema.db).serialize(&statement);
        self.call(sql, params, wanted).await
    }

    async fn push_schema(&mut self, schema: &Schema) -> Result<()> {
        let serializer = Serializer::sqlite(&schema.db);
        let mut script = Vec::new();
        for table in &schema.db.tables {
            script.push(Statement::create_table(table, &Capability::SQLITE));
            // The table itself has the index of the primary key.
            let indices = table.indices.iter().filter(|index| !index.primary_key);
            script.extend(indices.map(Statement::create_index));
        }
        let script: String =
            script.iter().map(|statement| serializer.serialize(statement) + "\n").collect();
        self.database.batch(script.as_str()).await.map_err(error)?;
        Ok(())
    }

    async fn applied_migrations(&mut self) -> Result<Vec<AppliedMigration>> {
        migrations::applied(&self.database).await
    }

    async fn apply_migration(&mut self, id: u64, name: &str, migration: &Migration) -> Result<()> {
        migrations::apply(&self.database, id, name, migration).await
    }
}

/// Returns what is wanted of a statement: rows of these types if it returns any.
fn wanted(statement: &stmt::Statement, types: Option<Vec<stmt::Type>>) -> Wanted {
    let returns = match statement {
        stmt::Statement::Query(_) => true,
        stmt::Statement::Insert(insert) => insert.returning.is_some(),
        stmt::Statement::Update(update) => update.returning.is_some(),
        stmt::Statement::Delete(delete) => delete.returning.is_some(),
    };
    match types {
        Some(types) if returns => Wanted::Typed(types),
        _ => Wanted::Count,
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("in_transaction", &self.open.is_some())
            .finish_non_exhaustive()
    }
}
