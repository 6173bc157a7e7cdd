//! Whether a database is sound: its content as SQLite can tell, and its foreign keys.

use crate::api::database::Database;
use crate::error::{ErrorKind, Result};
use crate::row::FromRow;
use crate::sql::Params;

/// The rows whose foreign keys name no row, with the columns of the key.
const FOREIGN_KEYS: &str = "
    SELECT f.\"table\", f.rowid, f.parent,
           (SELECT group_concat(k.\"from\", ', ') FROM pragma_foreign_key_list(f.\"table\") AS k
             WHERE k.id = f.fkid)
      FROM pragma_foreign_key_check AS f ORDER BY f.\"table\", f.rowid, f.parent";

/// A row that refers to none: its table and rowid, and the key's table and columns.
type Orphan = (Option<String>, Option<i64>, Option<String>, String);

const TABLES: &str = "SELECT name FROM pragma_table_list WHERE schema = 'main'";

/// Something in a database that is not as it should be, from [`Database::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// What is wrong.
    pub kind: DamageKind,
    /// The table that it concerns, if it is known.
    pub table: Option<String>,
    /// The row, for a foreign key in a table with rowids.
    pub rowid: Option<i64>,
    /// The table that a foreign key refers to.
    pub parent: Option<String>,
    /// For content, what SQLite says of it; for a foreign key, the names of its columns.
    pub message: String,
}

/// What is wrong in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The file's content: pages, rows, indexes, constraints.
    Content,
    /// A row refers to one that is not there.
    ForeignKey,
}

impl Database {
    /// Checks the whole database, and returns what is wrong with it: nothing, in a sound one. It
    /// reads every page, on one reader. Writes go on meanwhile, and the log grows until the check has
    /// ended.
    ///
    /// SQLite describes at most 100 faults of the content, and of each table. What it finds first may
    /// keep it from finding the rest, and from looking at foreign keys: check again what was mended.
    ///
    /// # Errors
    /// `Corrupt` or `NotADatabase` if not even the schema can be read.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// # let db = ubiqlite::Database::open(":memory:").await?;
    /// for damage in db.check().await? {
    ///     eprintln!("{:?} {:?}: {}", damage.kind, damage.table, damage.message);
    /// }
    /// # db.close().await
    /// # }
    /// ```
    pub async fn check(&self) -> Result<Vec<Damage>> {
        let whole = self.faults("PRAGMA integrity_check", ()).await?;
        let mut found = Vec::new();
        if !whole.is_empty() {
            // Which table it is tells SQLite's message only for some, and what ended the whole
            // check may have come before the fault of another table.
            for table in self.query::<String>(TABLES, ()).await? {
                let check = "SELECT * FROM pragma_integrity_check(?)";
                for message in self.faults(check, (table.as_str(),)).await? {
                    found.push(Damage::content(Some(table.clone()), message));
                }
            }
            for message in whole {
                if !found.iter().any(|it| it.message == message) {
                    found.push(Damage::content(None, message));
                }
            }
        }
        let keys = self.until_corrupt::<Orphan>(FOREIGN_KEYS, ()).await?.0;
        found.extend(keys.into_iter().map(|(table, rowid, parent, columns)| Damage {
            kind: DamageKind::ForeignKey,
            table,
            rowid,
            parent,
            message: columns,
        }));
        Ok(found)
    }

    /// Returns what a check of the content says, without `ok`.
    async fn faults(&self, sql: &str, params: impl Into<Params>) -> Result<Vec<String>> {
        let (mut messages, end) = self.until_corrupt::<String>(sql, params).await?;
        messages.retain(|message| message != "ok");
        messages.extend(end);
        Ok(messages)
    }

    /// Returns the rows of a query, up to where it meets a page that it can't read, and the message
    /// of that.
    async fn until_corrupt<T: FromRow>(
        &self,
        sql: &str,
        params: impl Into<Params>,
    ) -> Result<(Vec<T>, Option<String>)> {
        let mut stream = self.stream(sql, params);
        let mut rows = Vec::new();
        loop {
            match stream.try_next().await {
                Ok(Some(row)) => rows.push(row.to()?),
                Ok(None) => return Ok((rows, None)),
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    return Ok((rows, Some(error.message().to_owned())));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Damage {
    fn content(table: Option<String>, message: String) -> Self {
        Self { kind: DamageKind::Content, table, rowid: None, parent: None, message }
    }
}
