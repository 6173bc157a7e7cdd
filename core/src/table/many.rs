//! One operation on many rows of a table.

use super::{Schema, Schemas, Table};
use crate::backend::{Access, Step};
use crate::error::{Error, Result};
use crate::many::Many;
use crate::sql::Params;
use crate::target::{Place, Target};

/// So many items are gathered before anything runs: if there are no more, all go
/// as one program, which may share its commit with others.
const FEW: usize = 512;

/// The statement of the last item, kept while the next ones have the same shape.
#[derive(Default)]
pub(super) struct Shape {
    pub(super) sql: String,
    pub(super) names: Vec<String>,
}

impl Table<'_> {
    /// Runs `row`'s statement for each item, given with its place in the caller's
    /// list, all or none, and answers the rows changed. The schema is that of the transaction in which the rows go.
    pub(super) async fn many<T>(
        self,
        mut items: impl Iterator<Item = (usize, T)>,
        row: impl Fn(&Schema, &T, &mut Shape) -> Result<Params>,
    ) -> Result<u64> {
        let (_entered, target) = self.target.enter()?;
        let mut first: Vec<(usize, T)> = items.by_ref().take(FEW).collect();
        let mut many = Many::new(target);
        let next = if first.len() == FEW { items.next() } else { None };
        let Some(next) = next else {
            return Table::new(target, self.name).few(&first, row).await;
        };
        let Some(session) = many.begin().await? else {
            first.push(next);
            first.extend(items);
            return Table::new(target, self.name).few(&first, row).await;
        };
        // Nobody can change the schema while the transaction is open.
        let schemas = Schemas::none();
        let within = Target { place: Place::Session(session), schemas: &schemas, ..target };
        let schema = Schema::of(within, self.name, true).await?;
        let mut shape = Shape::default();
        for (index, item) in first.into_iter().chain([next]).chain(items) {
            let params = row(&schema, &item, &mut shape).map_err(|e| e.with_index(index))?;
            many.push(index, &shape.sql, params).await?;
        }
        many.finish().await
    }

    /// All items in one program, checked against the schema that it is made for.
    async fn few<T>(
        self,
        items: &[(usize, T)],
        row: impl Fn(&Schema, &T, &mut Shape) -> Result<Params>,
    ) -> Result<u64> {
        let make = |schema: &Schema| {
            let mut shape = Shape::default();
            let mut steps: Vec<Step<'static>> = Vec::new();
            for (index, item) in items {
                let params = row(schema, item, &mut shape).map_err(|e| e.with_index(*index))?;
                let last = steps.last_mut();
                if !last.is_some_and(|step| step.follow(*index, &shape.sql, &params)) {
                    steps.push(Step::first(*index, &shape.sql, &params));
                }
            }
            Ok::<_, Error>(steps)
        };
        let (output, ..) = self.run(Access::Write, make).await?;
        Ok(output.steps.iter().map(|outcome| outcome.changes).sum())
    }
}
