#![doc = include_str!("../README.md")]

mod call;
mod connection;
mod error;
mod migrations;
mod transaction;
mod value;

use std::borrow::Cow;
use std::fmt;

use async_trait::async_trait;
use toasty_core::Result;
use toasty_core::driver::{Capability, ConnectContext, Driver};
use toasty_core::schema::db::Migration;
use toasty_core::schema::diff;
use toasty_sql::{MigrationStatement, Serializer};
use ubiqlite::Database;

use crate::connection::Connection;
use crate::error::error;

/// What SQLite can do. Connections are pooled: all of them use the same database, also in memory.
static CAPABILITY: Capability = Capability { test_connection_pool: true, ..Capability::SQLITE };

/// A driver for Toasty that runs on an open [`Database`].
///
/// The database stays open while the driver or the [`Database`] is there, and other parts of the
/// program can use it next to Toasty.
#[derive(Clone)]
pub struct Ubiqlite {
    database: Database,
}

impl Ubiqlite {
    /// Returns a driver for this database, to be given to `toasty::Db::builder().build(…)`.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Driver for Ubiqlite {
    fn url(&self) -> Cow<'_, str> {
        Cow::Borrowed("ubiqlite:")
    }

    fn capability(&self) -> &'static Capability {
        &CAPABILITY
    }

    async fn connect(&self, context: &ConnectContext) -> Result<Box<dyn toasty_core::Connection>> {
        Ok(Box::new(Connection::new(self.database.clone(), context.query_log)))
    }

    fn generate_migration(&self, difference: &diff::Schema<'_>) -> Migration {
        let statements = MigrationStatement::from_diff(difference, &CAPABILITY);
        let sql = |statement: &MigrationStatement<'_>| {
            Serializer::sqlite(statement.schema()).serialize(statement.statement())
        };
        Migration::new_sql_with_breakpoints(&statements.iter().map(sql).collect::<Vec<_>>())
    }

    /// Empties the database in one write: everybody who uses it sees it as it was, or empty.
    async fn reset_db(&self) -> Result<()> {
        let empty = async {
            let empty = Database::open(":memory:").await?;
            // A database into which nothing was written has no bytes.
            empty.batch("CREATE TABLE t (x); DROP TABLE t;").await?;
            self.database.restore_bytes(empty.serialize().await?).await
        };
        empty.await.map_err(error)
    }
}

impl fmt::Debug for Ubiqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ubiqlite").finish_non_exhaustive()
    }
}
