//! Several reads of one moment.

use std::sync::Arc;
use std::time::Duration;

use crate::api::statements::reading_methods;
use crate::api::table::Table;
use crate::backend::BackendSession;
use crate::exec::database_inner::DatabaseInner;
use crate::exec::schemas::Schemas;
use crate::exec::stream::RowStream;
use crate::exec::target::{Executor, Target};
use crate::sql::Params;

/// One moment of the database, from [`snapshot`](crate::Database::snapshot). All
/// reads through it see that moment, whatever others commit in the meantime.
/// Simultaneous calls run concurrently. A write returns `ReadOnly`.
///
/// Held for long, a snapshot keeps the write-ahead log from being emptied. Beyond
/// [`wal_limit`](crate::Options::wal_limit), an idle one is ended.
pub struct Snapshot {
    session: Box<dyn BackendSession>,
    schemas: Schemas,
    limit: Option<Duration>,
    // Dropped after the session, which must be returned first.
    open: Arc<DatabaseInner>,
}

impl Snapshot {
    pub(crate) fn new(
        session: Box<dyn BackendSession>,
        limit: Option<Duration>,
        open: &Arc<DatabaseInner>,
    ) -> Self {
        Self { session, schemas: Schemas::local(), limit, open: Arc::clone(open) }
    }

    #[inline]
    fn target(&self) -> Target<'_> {
        Target {
            executor: Executor::Session(&*self.session),
            limit: self.limit,
            schemas: &self.schemas,
            gate: None,
            database: None,
            trace: Some(&self.open.trace),
        }
    }

    reading_methods!([&self] self);

    /// Runs a query and streams its rows.
    pub fn stream(&self, sql: &str, params: impl Into<Params>) -> RowStream<'_> {
        self.target().stream(sql, params.into())
    }

    /// A table, to read its rows without SQL.
    pub fn table<'t>(&'t self, name: &'t str) -> Table<'t> {
        Table::new(self.target(), name)
    }
}
