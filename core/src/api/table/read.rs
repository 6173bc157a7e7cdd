//! Reading rows of a table.

use super::{Key, Select, Table};
use crate::error::{ErrorKind, Result};
use crate::exec::stream::RowStream;
use crate::program::{Access, Fetch, Program, Step};
use crate::row::FromRow;
use crate::sql::Params;

impl<'a> Table<'a> {
    /// Returns the row with this key, or `None`.
    ///
    /// # Errors
    /// `NoSuchTable`; `InvalidArgument` if the key has a different number of
    /// columns; `DatatypeMismatch` if the row is not a `T`.
    pub async fn get<T: FromRow>(self, key: impl Into<Key>) -> Result<Option<T>> {
        let key = key.into();
        let (_entered, target) = self.target.enter()?;
        let mut fresh = false;
        for attempt in 1.. {
            let schema = crate::exec::schemas::Schema::of(target, self.name, fresh).await?;
            if let Err(error) = schema.check_key(&key) {
                // The key may have changed since the schema was read.
                if !fresh && target.schemas.remembers() {
                    fresh = true;
                    continue;
                }
                return Err(error);
            }
            let params: Params = key.values().iter().collect();
            let program = Program {
                steps: smallvec::smallvec![Step::new(&*schema.get, params, Fetch::First)],
                access: Access::Read,
                schema: Some(schema.version),
            };
            match target.run(program, None).await {
                Err(error)
                    if error.kind() == ErrorKind::SchemaChanged && attempt < super::TRIES =>
                {
                    fresh = true;
                }
                result => {
                    let rows = result?.steps.pop().map(|outcome| outcome.rows);
                    return rows.unwrap_or_default().into_first().map(T::from_row).transpose();
                }
            }
        }
        Ok(None)
    }

    /// Selects rows by filters, with an order, a limit and an offset.
    pub fn select(self) -> Select<'a> {
        Select::new(self)
    }

    /// Returns the number of rows.
    ///
    /// # Errors
    /// `NoSuchTable`.
    pub async fn count(self) -> Result<u64> {
        self.select().count().await
    }

    /// Streams all rows in key order. The rows of a view, which have no key, come
    /// in the view's own order. The first rows are read before this returns.
    ///
    /// # Errors
    /// `NoSuchTable`.
    pub async fn stream(self) -> Result<RowStream<'a>> {
        self.select().by_key().stream().await
    }
}
