//! One operation on many rows of a table.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};

use super::Table;
use crate::error::{Error, Result};
use crate::exec::bulk_writer::{BulkWriter, Changed};
use crate::exec::items::Items;
use crate::exec::schemas::{Schema, Schemas};
use crate::exec::target::{Executor, Target};
use crate::program::{Access, Fetch, Step};
use crate::sql::Params;
use crate::value::Value;

/// This many items are gathered before anything runs. If there are no more, they all
/// run as one program, which may share its commit with others.
const FEW: usize = 512;

/// The statement of the last item, kept while the next ones have the same shape.
pub(super) struct PreparedShape {
    pub(super) sql: String,
    pub(super) names: Vec<String>,
    /// `All` for a statement that returns the keys of the rows it changed.
    pub(super) keep: Fetch,
    /// The keys given so far.
    pub(super) seen: HashSet<Vec<u8>>,
    /// The statements that returned no keys were for integer keys, each of which is
    /// its row's own key.
    pub(super) direct: bool,
}

impl Default for PreparedShape {
    fn default() -> Self {
        Self {
            sql: String::new(),
            names: Vec::new(),
            keep: Fetch::Nothing,
            seen: HashSet::new(),
            direct: false,
        }
    }
}

impl PreparedShape {
    fn all(&self, changed: &Changed) -> u64 {
        if self.direct { changed.without(&self.seen) } else { changed.all() }
    }
}

impl Table<'_> {
    /// Runs `row`'s statement for each item, all or none, and returns the rows changed.
    /// Items come with their index in the caller's list; an item may have no statement.
    /// The schema is that of the transaction in which the rows are written.
    pub(super) async fn many<T>(
        self,
        mut items: impl Items<T>,
        row: impl Fn(&Schema, &T, &mut PreparedShape) -> Result<Option<Params>>,
    ) -> Result<u64> {
        let (_entered, target) = self.target.enter()?;
        let mut first: Vec<(usize, T)> = Vec::new();
        let mut next = None;
        while let Some(item) = poll_fn(|cx| items.poll_next(cx)).await? {
            if first.len() == FEW {
                next = Some(item);
                break;
            }
            first.push(item);
        }
        let mut many = BulkWriter::new(target);
        let Some(next) = next else {
            return Table::new(target, self.name).few(&first, row).await;
        };
        let Some(session) = many.begin().await? else {
            first.push(next);
            while let Some(item) = poll_fn(|cx| items.poll_next(cx)).await? {
                first.push(item);
            }
            return Table::new(target, self.name).few(&first, row).await;
        };
        // Nobody can change the schema while the transaction is open.
        let schemas = Schemas::none();
        let within = Target { executor: Executor::Session(session), schemas: &schemas, ..target };
        let schema = Schema::of(within, self.name, true).await?;
        let mut shape = PreparedShape::default();
        for (index, item) in first.into_iter().chain([next]) {
            let params = row(&schema, &item, &mut shape).map_err(|e| e.with_index(index))?;
            many.keep = shape.keep;
            if let Some(params) = params {
                many.push(index, &shape.sql, params).await?;
            }
        }
        while let Some((index, item)) = poll_fn(|cx| items.poll_next(cx)).await? {
            let params = row(&schema, &item, &mut shape).map_err(|e| e.with_index(index))?;
            many.keep = shape.keep;
            if let Some(params) = params {
                many.push(index, &shape.sql, params).await?;
            }
        }
        Ok(shape.all(&many.finish_counted().await?))
    }

    /// Runs all items as one program, checked against the schema that it is made for.
    async fn few<T>(
        self,
        items: &[(usize, T)],
        row: impl Fn(&Schema, &T, &mut PreparedShape) -> Result<Option<Params>>,
    ) -> Result<u64> {
        let last = Mutex::new(PreparedShape::default());
        let make = |schema: &Schema| {
            let mut shape = PreparedShape::default();
            let mut steps: Vec<Step<'static>> = Vec::new();
            for (index, item) in items {
                let params = row(schema, item, &mut shape).map_err(|e| e.with_index(*index))?;
                let Some(params) = params else { continue };
                let values = params.values().iter().map(Value::as_ref);
                let before = steps.last_mut();
                if !before.is_some_and(|it| it.follow(*index, &shape.sql, &[], values.clone())) {
                    let first = Step::first(*index, &shape.sql, &[], values);
                    steps.push(Step { fetch: shape.keep, ..first });
                }
            }
            *last.lock().unwrap_or_else(PoisonError::into_inner) = shape;
            Ok::<_, Error>(steps)
        };
        let (output, ..) = self.run(Access::Write, None, make).await?;
        let mut changed = Changed::default();
        changed.count(output);
        Ok(last.into_inner().unwrap_or_else(PoisonError::into_inner).all(&changed))
    }
}
