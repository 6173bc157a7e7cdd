//! Several reads of one moment.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::Session;
use crate::database::Inner;
use crate::sql::Params;
use crate::statements::reading_methods;
use crate::stream::RowStream;
use crate::table::{Schemas, Table};
use crate::target::{Place, Target};

/// One moment of the database, from [`snapshot`](crate::Database::snapshot): all
/// that is read through it is of that moment, whatever others commit meanwhile.
/// Calls made at once run side by side. A write answers `ReadOnly`.
///
/// Held for long, it keeps the write-ahead log from being emptied: beyond
/// [`wal_limit`](crate::Options::wal_limit) one that stands still is ended.
pub struct Snapshot {
    session: Box<dyn Session>,
    schemas: Schemas,
    limit: Option<Duration>,
    // After the session, which goes back first.
    _open: Arc<Inner>,
}

impl Snapshot {
    pub(crate) fn new(
        session: Box<dyn Session>,
        limit: Option<Duration>,
        open: &Arc<Inner>,
    ) -> Self {
        Self { session, schemas: Schemas::local(), limit, _open: Arc::clone(open) }
    }

    #[inline]
    fn target(&self) -> Target<'_> {
        Target {
            place: Place::Session(&*self.session),
            limit: self.limit,
            schemas: &self.schemas,
            gate: None,
        }
    }

    reading_methods!([&self] self);

    /// Runs a query whose rows come one after another.
    pub fn stream(&self, sql: &str, params: impl Into<Params>) -> RowStream<'_> {
        self.target().stream(sql, params.into())
    }

    /// A table, to read its rows without SQL.
    pub fn table<'t>(&'t self, name: &'t str) -> Table<'t> {
        Table::new(self.target(), name)
    }
}
