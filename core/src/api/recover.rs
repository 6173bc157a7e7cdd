//! Saving what is left of a damaged database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::api::database::Database;
use crate::backend;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::target::limited;
use crate::options::Options;

/// What was saved of a damaged database, from [`recover`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// The tables of the new database, each with how many rows it has.
    pub tables: Vec<(String, u64)>,
    /// The rows whose table is not known: they are in the table `lost_and_found` of the new database
    /// (`lost_and_found_0` and so on, if the program has a table of that name), with the numbers of
    /// their pages, their rowids, and their values as `c0`, `c1` and so on.
    pub lost_and_found: u64,
}

/// Writes all that can be read of the damaged database file `from` into the new database file `to`,
/// by SQLite's [recovery](https://sqlite.org/recovery.html): the schema, the rows, and rows whose
/// table is not known. `from` is read as any reader does, and others may have it open: a transaction
/// that was not finished is rolled back, and nothing else is changed.
///
/// What is saved may be incomplete, and may have rows that were deleted before. Indexes are made
/// anew, and constraints are not checked. [`Database::check`] finds what is wrong in a database.
///
/// The new file gets its name when it is complete. It takes its time, on a thread of its own.
///
/// # Errors
/// `CannotOpen` if `from` does not exist, or `to` can't be created; `InvalidArgument` if `to`
/// exists; `Unsupported` if the linked SQLite was compiled without `SQLITE_ENABLE_DBPAGE_VTAB`;
/// `NotADatabase` if nothing in the file is of a database.
///
/// # Cancellation
/// Dropping the future ends the work: the new file is whole, or not there.
///
/// # Example
/// ```no_run
/// # async fn example() -> ubiqlite::Result<()> {
/// let saved = ubiqlite::recover("damaged.db", "saved.db").await?;
/// for (table, rows) in saved.tables {
///     println!("{table}: {rows} rows");
/// }
/// # Ok(()) }
/// ```
pub async fn recover(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<Recovered> {
    recovered(from.as_ref().to_owned(), to.as_ref(), None).await
}

async fn recovered(from: PathBuf, to: &Path, limit: Option<Duration>) -> Result<Recovered> {
    let lost = limited(backend::recover(from, to.to_owned()), limit, false).await?;
    saved(to, lost.as_deref()).await
}

impl Database {
    /// As [`recover`], of the file of this database.
    ///
    /// # Errors
    /// As [`recover`], and `InvalidArgument` for a database in memory.
    pub async fn recover(&self, to: impl AsRef<Path>) -> Result<Recovered> {
        let sql = "SELECT file FROM pragma_database_list WHERE name = 'main'";
        let from: PathBuf = match self.query_value::<Option<String>>(sql, ()).await? {
            // SQLite's own VFSs tell absolute paths, and others have no files that it could read.
            Some(file) if Path::new(&file).is_absolute() => file.into(),
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "a database in memory has no file to recover",
                ));
            }
        };
        self.recover_file(from, to.as_ref()).await
    }

    /// As [`recover`], within this one's limit.
    pub(crate) async fn recover_file(&self, from: PathBuf, to: &Path) -> Result<Recovered> {
        recovered(from, to, self.limit()).await
    }
}

/// Returns what is in the new database, where `lost` has the rows whose table is not known.
async fn saved(path: &Path, lost: Option<&str>) -> Result<Recovered> {
    let db = Options::default().read_only(true).open(path).await?;
    let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'
        AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut recovered = Recovered { tables: Vec::new(), lost_and_found: 0 };
    for name in db.query::<String>(sql, ()).await? {
        let rows = db.table(&name).select().count().await?;
        match lost == Some(name.as_str()) {
            true => recovered.lost_and_found = rows,
            false => recovered.tables.push((name, rows)),
        }
    }
    db.close().await?;
    Ok(recovered)
}
