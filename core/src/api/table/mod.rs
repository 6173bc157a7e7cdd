//! Tables: operations on rows without SQL. Each is a program, one call to the
//! backend and one commit.

mod among;
mod key;
mod many;
mod read;
mod schema;
mod select;
mod transfer;
mod write;

pub use key::Key;
pub(crate) use select::{Choice, uncommitted};
pub use select::{Compare, Select};
pub use transfer::Transfer;

use std::sync::Arc;

use crate::error::{ErrorKind, Result};
use crate::exec::schemas::Schema;
use crate::exec::target::Target;
use crate::program::{Access, Output, PageSink, Program, Step};

/// A table, or a view to read from. Its name and those of its columns are
/// checked against the schema and quoted, so no name can become SQL. An unknown
/// name returns `NoSuchTable` or `NoSuchColumn` before anything runs.
///
/// Rows are identified by their primary key, whatever its name and type, or by
/// the rowid in a table without one.
///
/// # Example
/// ```
/// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
/// use ubiqlite::{Row, record};
/// let items = db.table("items");
/// let id = items.insert(record! { "name" => "lamp", "status" => "new" }).await?;
/// let lamp: Option<Row> = items.get(&id).await?;
/// items.update(&id, record! { "status" => "done" }).await?;
/// let done: Vec<Row> = items.select().filter("status", "done").order_by("id").all().await?;
/// items.delete(&id).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy)]
pub struct Table<'a> {
    target: Target<'a>,
    name: &'a str,
}

/// How often an operation is tried while the schema keeps changing.
const TRIES: usize = 8;

impl<'a> Table<'a> {
    pub(crate) fn new(target: Target<'a>, name: &'a str) -> Self {
        Self { target, name }
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Makes a program for the table's schema and runs it. If the schema has changed since
    /// it was read, nothing has run or been given to `sink`, and the program is made again.
    /// `sink` is as for `Backend::run`.
    async fn run(
        self,
        access: Access,
        sink: Option<&dyn PageSink>,
        make: impl Fn(&Schema) -> Result<Vec<Step<'static>>>,
    ) -> Result<(Output, Arc<Schema>)> {
        let (_entered, target) = self.target.enter()?;
        let mut fresh = false;
        for attempt in 1.. {
            let schema = Schema::of(target, self.name, fresh).await?;
            let steps = match make(&schema) {
                Ok(made) => made,
                // A column, or the key, may be newer than the remembered schema.
                Err(_) if !fresh && target.schemas.remembers() => {
                    fresh = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if steps.is_empty() {
                return Ok((Output::default(), schema));
            }
            let program = Program { steps: steps.into(), access, schema: Some(schema.version) };
            match target.run(program, sink).await {
                Err(error) if error.kind() == ErrorKind::SchemaChanged && attempt < TRIES => {
                    fresh = true;
                }
                result => return result.map(|output| (output, schema)),
            }
        }
        unreachable!("the loop ends by returning")
    }
}
