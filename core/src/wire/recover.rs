//! Saving what is left of a damaged database, for clients.

use std::path::PathBuf;
use std::time::Duration;

use super::handles::CallTarget;
use super::read::ByteReader;
use crate::api::table::uncommitted;
use crate::error::Result;
use crate::row::Rows;

/// What to read, and where to write it.
#[derive(Debug)]
pub(super) struct RecoverOperation {
    /// `None`: this database's own file.
    from: Option<PathBuf>,
    to: PathBuf,
}

impl RecoverOperation {
    pub(super) fn read(from: &mut ByteReader<'_>) -> Result<Self> {
        let (damaged, to) = (from.str()?, from.str()?);
        let damaged = Some(damaged).filter(|path| !path.is_empty());
        Ok(Self { from: damaged.map(PathBuf::from), to: to.into() })
    }

    /// Does it, and returns what [`op::RECOVER`](super::numbers::op::RECOVER) says.
    pub(super) async fn run(self, on: &CallTarget, limit: Option<Duration>) -> Result<Rows> {
        let CallTarget::Database(database) = on else { return Err(uncommitted()) };
        self.carry_out(&database.limited(limit)).await
    }

    #[cfg(all(feature = "recover", not(target_family = "wasm")))]
    async fn carry_out(self, database: &crate::api::database::Database) -> Result<Rows> {
        use crate::value::ValueRef;

        let saved = match self.from {
            Some(from) => database.recover_file(from, &self.to).await?,
            None => database.recover(&self.to).await?,
        };
        let mut cells = super::cells::Cells::default();
        let number = |rows: u64| ValueRef::Integer(rows.try_into().unwrap_or(i64::MAX));
        cells.push(number(saved.lost_and_found));
        for (table, rows) in &saved.tables {
            cells.push(ValueRef::Text(table.as_bytes()));
            cells.push(number(*rows));
        }
        Ok(cells.finish())
    }

    #[cfg(not(all(feature = "recover", not(target_family = "wasm"))))]
    #[allow(clippy::unused_async, reason = "as the one that does it")]
    async fn carry_out(self, _database: &crate::api::database::Database) -> Result<Rows> {
        Err(crate::error::Error::new(
            crate::error::ErrorKind::Unsupported,
            "this engine can't recover a damaged database: copy its file, or export its bytes, to where a native one can (Node's native engine, Python, Java, Rust)",
        ))
    }
}
