//! What a batch is made of.

use smallvec::SmallVec;

use crate::program::{Fetch, Step};
use crate::sql::Params;

/// Several statements for [`batch`](crate::Database::batch): a script, or a list
/// of statements with their parameters.
///
/// # Example
/// ```
/// use ubiqlite::{Batch, params};
/// let script = Batch::from("CREATE TABLE a(x); CREATE TABLE b(y);");
/// let list = Batch::from([("INSERT INTO a VALUES (?)", params![1])]);
/// ```
///
/// A script may contain its own transaction, and settings around it. This rebuilds a table
/// that others refer to without deleting their rows (see
/// [SQLite](https://sqlite.org/lang_altertable.html#otheralter)):
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
/// # let db = ubiqlite::Database::open(":memory:").await?;
/// # db.batch("CREATE TABLE parents (id INTEGER PRIMARY KEY, name);
/// #     CREATE TABLE children (parent REFERENCES parents ON DELETE CASCADE);
/// #     INSERT INTO parents VALUES (1, 'a'); INSERT INTO children VALUES (1);").await?;
/// db.batch(
///     "PRAGMA foreign_keys = OFF;
///      BEGIN;
///      CREATE TABLE parents_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
///      INSERT INTO parents_new SELECT id, name FROM parents;
///      DROP TABLE parents;
///      ALTER TABLE parents_new RENAME TO parents;
///      COMMIT;
///      PRAGMA foreign_keys = ON;",
/// )
/// .await?;
/// # assert_eq!(db.query_value::<i64>("SELECT count(*) FROM children", ()).await?, 1);
/// # assert!(db.execute("INSERT INTO children VALUES (7)", ()).await.is_err());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(crate) steps: SmallVec<[Step<'static>; 1]>,
}

impl Batch {
    /// Creates an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a statement.
    pub fn push(&mut self, sql: impl Into<String>, params: impl Into<Params>) {
        let item = self.steps.len();
        self.steps.push(Step::new(sql.into(), params, Fetch::Nothing).item(item));
    }
}

impl From<&str> for Batch {
    fn from(script: &str) -> Self {
        Self { steps: smallvec::smallvec![Step::script(script.to_owned())] }
    }
}

impl From<String> for Batch {
    fn from(script: String) -> Self {
        Self { steps: smallvec::smallvec![Step::script(script)] }
    }
}

impl<S: Into<String>, P: Into<Params>> FromIterator<(S, P)> for Batch {
    fn from_iter<I: IntoIterator<Item = (S, P)>>(statements: I) -> Self {
        let mut batch = Self::new();
        for (sql, params) in statements {
            batch.push(sql, params);
        }
        batch
    }
}

impl<S: Into<String>, P: Into<Params>> From<Vec<(S, P)>> for Batch {
    fn from(statements: Vec<(S, P)>) -> Self {
        statements.into_iter().collect()
    }
}

impl<S: Into<String>, P: Into<Params>, const N: usize> From<[(S, P); N]> for Batch {
    fn from(statements: [(S, P); N]) -> Self {
        statements.into_iter().collect()
    }
}
