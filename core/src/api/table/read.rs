//! Reading rows of a table.

use super::{Key, Select, Table};
use crate::error::{ErrorKind, Result};
use crate::exec::stream::RowStream;
use crate::program::{Access, Keep, Program, Step};
use crate::row::FromRow;
use crate::sql::Params;

impl<'a> Table<'a> {
    /// The row of this key, or `None`.
    ///
    /// # Errors
    /// `NoSuchTable`; `InvalidArgument` if the key has another number of
    /// columns; `DatatypeMismatch` if the row is no `T`.
    pub async fn get<T: FromRow>(self, key: impl Into<Key>) -> Result<Option<T>> {
        let key = key.into();
        let (_entered, target) = self.target.enter()?;
        let mut fresh = false;
        for attempt in 1.. {
            let schema = crate::exec::schemas::Schema::of(target, self.name, fresh).await?;
            if let Err(error) = schema.check_key(&key) {
                // The key may have been changed since the schema was read.
                if !fresh && target.schemas.remembers() {
                    fresh = true;
                    continue;
                }
                return Err(error);
            }
            let params: Params = key.values().iter().collect();
            let program = Program {
                steps: smallvec::smallvec![Step::new(&*schema.get, params, Keep::First)],
                access: Access::Read,
                schema: Some(schema.version),
            };
            match target.run(program, None).await {
                Err(error)
                    if error.kind() == ErrorKind::SchemaChanged && attempt < super::TRIES =>
                {
                    fresh = true;
                }
                answer => {
                    let rows = answer?.steps.pop().map(|outcome| outcome.rows);
                    return rows.unwrap_or_default().into_first().map(T::from_row).transpose();
                }
            }
        }
        Ok(None)
    }

    /// Rows by filters, in an order, with limit and offset.
    pub fn select(self) -> Select<'a> {
        Select::new(self)
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// `NoSuchTable`.
    pub async fn count(self) -> Result<u64> {
        self.select().count().await
    }

    /// All rows, one after another, in the order of their keys; those of a view,
    /// which have none, in the order it gives them. The first of them are read
    /// before this returns.
    ///
    /// # Errors
    /// `NoSuchTable`.
    pub async fn stream(self) -> Result<RowStream<'a>> {
        self.select().by_key().stream().await
    }
}
