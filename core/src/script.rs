//! What a batch is made of.

use smallvec::SmallVec;

use crate::backend::{Keep, Step};
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
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(crate) steps: SmallVec<[Step<'static>; 1]>,
}

impl Batch {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a statement.
    pub fn push(&mut self, sql: impl Into<String>, params: impl Into<Params>) {
        let item = self.steps.len();
        self.steps.push(Step::new(sql.into(), params, Keep::Nothing).item(item));
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
