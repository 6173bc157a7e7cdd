//! Changes to be sent elsewhere, and changes that come from there.

use std::fmt;
use std::time::Duration;

use crate::api::database::Database;
use crate::api::transaction::Transaction;
use crate::api::watch::Watch;
use crate::backend::unsupported_changesets;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::target::Target;
use crate::program::{Access, Fetch, Output, Program, Step};
use crate::row::{Row, Rows};
use crate::sql::Params;
use crate::sync::{Applied, Apply, ApplyStep};

/// The changes of a database that wait to be sent, from
/// [`Database::outbox`](crate::Database::outbox).
///
/// Each commit that has changed recorded tables has left one [`OutboxBatch`](crate::OutboxBatch)
/// here, in the same commit: neither is ever there without the other. It stays until it is
/// [acknowledged](Self::ack), whatever happens in between.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
/// use ubiqlite::{Apply, Database};
/// # let capable = Database::open(":memory:").await?.capabilities().changesets;
/// # if !capable { return Ok(()) }
/// let schema = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)";
/// let (here, there) = (Database::open(":memory:").await?, Database::open(":memory:").await?);
/// here.execute(schema, ()).await?;
/// there.execute(schema, ()).await?;
///
/// let mut outbox = here.outbox(["items"]).await?;
/// here.execute("INSERT INTO items VALUES (1, 'lamp')", ()).await?;
/// while let Some(batch) = outbox.next().await? {
///     // Over the network, in a real program.
///     there.apply(batch.bytes(), Apply::theirs()).await?;
///     outbox.ack(batch.id()).await?;
/// }
/// let name: String = there.query_value("SELECT name FROM items", ()).await?;
/// assert_eq!(name, "lamp");
/// # Ok(()) }
/// ```
pub struct Outbox {
    db: Database,
    /// The number of the batch that was returned last.
    last: i64,
    /// The number of the newest batch, as it was told last.
    newest: i64,
    live: Option<Watch>,
}

/// What one commit has changed in recorded tables.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboxBatch {
    id: i64,
    bytes: Vec<u8>,
}

impl OutboxBatch {
    /// Returns its number, for [`Outbox::ack`]. Later batches have greater ones, and none is used
    /// twice.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Returns the changes in SQLite's [format of change
    /// sets](https://sqlite.org/session/changesetfmt.html).
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the changes, without copying them.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Outbox {
    /// Returns the oldest batch that this outbox has not returned yet, or `None` if there is none
    /// now. A new `Outbox` begins with the oldest that is not acknowledged.
    ///
    /// So a batch that could not be sent is kept by the caller and sent again, or fetched again
    /// from a new outbox: acknowledging a later one would remove it.
    ///
    /// # Errors
    /// As any query.
    pub async fn next(&mut self) -> Result<Option<OutboxBatch>> {
        let Some(row) = self.next_row().await? else { return Ok(None) };
        Ok(Some(OutboxBatch { id: self.last, bytes: row.get(1)? }))
    }

    /// Returns the next batch as a row: its number and its bytes.
    async fn next_row(&mut self) -> Result<Option<Row>> {
        let sql = "SELECT id, bytes FROM ubiqlite_outbox WHERE id > ? ORDER BY id LIMIT 1";
        let program = one(sql, (self.last,).into(), Fetch::First);
        let found = rows(self.db.target().run_boxed(program).await?).into_first();
        match &found {
            Some(row) => self.last = row.get(0)?,
            // What was the newest is acknowledged. Whatever comes is told.
            None => self.newest = 0,
        }
        Ok(found)
    }

    /// Returns the next batch as a row: if there is one, or once there is. `None` if there is none
    /// now, or, after waiting, once the database is closed.
    pub(crate) async fn fetch(&mut self, wait: bool) -> Result<Option<Row>> {
        loop {
            if wait && !self.changed().await? {
                return Ok(None);
            }
            match self.next_row().await {
                // It was acknowledged in the meantime.
                Ok(None) if wait => {}
                Err(error) if wait && error.kind() == ErrorKind::Closed => return Ok(None),
                found => return found,
            }
        }
    }

    /// Returns an outbox that continues after the batch of this number; 0: at the oldest.
    pub(crate) fn after(db: Database, last: i64) -> Self {
        Self { db, last, newest: 0, live: None }
    }

    /// Continues after the batch of this number.
    pub(crate) fn set_last(&mut self, last: i64) {
        self.last = last;
    }

    /// Waits until there is a batch that [`next`](Self::next) has not returned. Returns false when
    /// the database was closed instead.
    ///
    /// # Errors
    /// As [`Watch::try_next`](crate::Watch::try_next).
    ///
    /// # Cancellation
    /// Dropping the future loses nothing.
    pub async fn changed(&mut self) -> Result<bool> {
        while self.newest <= self.last {
            let db = &self.db;
            let live = self.live.get_or_insert_with(|| {
                db.watch("SELECT coalesce(max(id), 0) FROM ubiqlite_outbox", ())
            });
            let ended = match live.try_next().await {
                Ok(Some(update)) => {
                    let newest = update.iter().next().map(|row| row.get(0)).transpose()?;
                    self.newest = newest.unwrap_or_default();
                    continue;
                }
                Err(error) if error.kind() != ErrorKind::Closed => Err(error),
                _ => Ok(false),
            };
            self.live = None;
            return ended;
        }
        Ok(true)
    }

    /// Removes a batch that has arrived, and all before it.
    ///
    /// # Errors
    /// As any statement that writes.
    pub async fn ack(&self, id: i64) -> Result<()> {
        self.db.target().run_boxed(acknowledging(id)).await?;
        Ok(())
    }
}

impl Database {
    /// Records the changes of these tables from now on, and returns where they wait to be sent.
    ///
    /// What is recorded is kept in the database: it goes on when the database is opened again, and
    /// through every connection of this library, also in other processes that have it open already.
    /// A transaction that has written before it could know fails with `SchemaChanged`. Another call
    /// replaces the tables; what waits already stays. Changes that [`apply`](Self::apply) makes are
    /// not recorded, since they come from elsewhere.
    ///
    /// Connections of the drop-in libraries (Python's `aiosqlite`) don't record, and refuse to
    /// change recorded tables with `Unsupported`. Other programs that write into the file, such as
    /// the `sqlite3` shell, know nothing of this: what they change is not recorded. Neither is what
    /// a connection changes that has attached the file as another database.
    ///
    /// A commit's changes are put together in memory. Columns that are added later are recorded
    /// from then on; a table that is renamed or dropped is not recorded under its new name.
    ///
    /// # Errors
    /// `InvalidArgument` for tables that can't be recorded: those without a primary key, since
    /// their rows can't be told apart elsewhere, virtual and shadow tables and views.
    /// `NoSuchTable`. `Unsupported` without [`Capabilities::changesets`](crate::Capabilities).
    ///
    /// From then on a commit fails, and changes nothing, with `NotNullViolation` if a row has
    /// `NULL` in its primary key, and with `SchemaChanged` if another process has changed the
    /// columns meanwhile.
    pub async fn outbox<'s>(&self, tables: impl IntoIterator<Item = &'s str>) -> Result<Outbox> {
        let tables: Vec<String> = tables.into_iter().map(String::from).collect();
        self.record(&tables, self.target().limit).await?;
        Ok(Outbox::after(self.clone(), 0))
    }

    /// See [`outbox`](Self::outbox).
    pub(crate) async fn record(&self, tables: &[String], limit: Option<Duration>) -> Result<()> {
        self.need_changesets()?;
        let target = Target { limit, ..self.target() };
        let mut names = Vec::with_capacity(tables.len());
        let mut refused = String::new();
        // First the tables, then what is recorded so far, and then what is written. It is one
        // loop, so that the code that waits is there once.
        for at in 0..tables.len() + 2 {
            let table = tables.get(at).map(String::as_str);
            let compares = at == tables.len();
            if compares && !refused.is_empty() {
                return Err(Error::invalid(format!("can't be recorded: {refused}")));
            }
            let program = match table {
                Some(table) => one(RECORDABLE, (table,).into(), Fetch::First),
                None if compares => {
                    let sql = "SELECT name FROM ubiqlite_outbox_tables ORDER BY name";
                    one(sql, Params::default(), Fetch::All)
                }
                None => recording(&names),
            };
            let found = match target.run_boxed(program).await {
                Err(error) if compares && error.kind() == ErrorKind::NoSuchTable => continue,
                found => rows(found?),
            };
            if let Some(table) = table {
                let row = found.into_first().ok_or_else(|| Error::no_such_table(table))?;
                note_table(&row, &mut names, &mut refused)?;
            } else if compares && has_names(found, &names) {
                break;
            }
        }
        Ok(())
    }

    /// Applies changes that were made elsewhere, in one transaction. `policy` decides where one of
    /// them meets another change; what was decided is returned.
    ///
    /// Triggers don't fire and foreign keys have no actions: what those did elsewhere is among the
    /// changes. Foreign keys are checked at the end. Live queries see what was changed, and the
    /// outbox does not: it is no change of this database's own. What waits in the outbox is made
    /// to stand on what was applied: it is then the difference between what the others have and
    /// what is here, whatever the policy has decided. For that it may be replaced by one batch of a
    /// new number, so a program doesn't apply while it sends.
    ///
    /// `bytes` is a change set as [`OutboxBatch::bytes`](crate::OutboxBatch::bytes) returns it, or
    /// several one after another; it may come from anybody: what is no change set is refused.
    /// A table here may have more columns, at its end, than theirs.
    ///
    /// # Errors
    /// `InvalidArgument` for bytes that are no change set, or that would change something else than
    /// a table; `NoSuchTable`; `NoSuchColumn` for that of a policy; `SchemaChanged` if a table has
    /// fewer columns here, or another key; `ForeignKeyViolation` if a row would refer to none;
    /// `ConstraintViolation` where the policy is to abort; `Unsupported` without
    /// [`Capabilities::changesets`](crate::Capabilities). Nothing is changed then.
    pub async fn apply(&self, bytes: &[u8], policy: Apply) -> Result<Applied> {
        self.need_changesets()?;
        applied(self.target().run_boxed(applying(bytes, policy)).await?)
    }

    fn need_changesets(&self) -> Result<()> {
        if self.capabilities().changesets { Ok(()) } else { Err(unsupported_changesets()) }
    }
}

impl Transaction<'_> {
    /// Applies changes that were made elsewhere, as [`Database::apply`] does, in this transaction:
    /// with a note of how far they were received, for example, so that none is applied twice.
    ///
    /// # Errors
    /// As [`Database::apply`]; `InvalidArgument` after a change of recorded tables in the same
    /// transaction.
    ///
    /// # Example
    /// ```
    /// # async fn example(db: ubiqlite::Database, number: i64, bytes: Vec<u8>) -> ubiqlite::Result<()> {
    /// use ubiqlite::{Apply, params};
    /// db.transaction(async |tx| {
    ///     tx.apply(&bytes, Apply::theirs()).await?;
    ///     tx.execute("UPDATE received SET number = ?", params![number]).await
    /// })
    /// .await?;
    /// # Ok(()) }
    /// ```
    pub async fn apply(&mut self, bytes: &[u8], policy: Apply) -> Result<Applied> {
        applied(self.target().run_boxed(applying(bytes, policy)).await?)
    }
}

/// Returns the program that applies a change set.
pub(crate) fn applying<'a>(bytes: &[u8], policy: Apply) -> Program<'a> {
    let step = Step::apply(ApplyStep { bytes: bytes.into(), apply: policy });
    Program { access: Access::Write, ..Program::one(step) }
}

/// Returns what it has done.
pub(crate) fn applied(mut output: Output) -> Result<Applied> {
    let applied = output.steps.pop().and_then(|step| step.applied);
    applied.map(|applied| *applied).ok_or_else(unsupported_changesets)
}

/// Returns the program that removes the batches up to this number.
pub(crate) fn acknowledging<'a>(id: i64) -> Program<'a> {
    one("DELETE FROM ubiqlite_outbox WHERE id <= ?", (id,).into(), Fetch::Nothing)
}

/// Returns a program of one statement.
#[inline(never)]
fn one<'a>(sql: &'static str, params: Params, fetch: Fetch) -> Program<'a> {
    Program::one(Step::new(sql, params, fetch))
}

/// Returns the rows that a program's last statement has read.
fn rows(mut output: Output) -> Rows {
    output.steps.pop().unwrap_or_default().rows
}

/// The query for the name of a table as it was declared, and why it can't be recorded.
const RECORDABLE: &str = "SELECT name, CASE
    WHEN lower(name) GLOB 'sqlite_*' OR lower(name) GLOB 'ubiqlite_*' THEN ' is internal'
    WHEN type <> 'table' THEN ' is a ' || type
    WHEN NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(l.name, 'main') WHERE pk > 0)
    THEN ' has no PRIMARY KEY' END
    FROM pragma_table_list(?) AS l WHERE schema = 'main'";

/// Takes a table into the names of those that are recorded, or says why it can't be.
fn note_table(row: &Row, names: &mut Vec<String>, refused: &mut String) -> Result<()> {
    let name: &str = row.get(0)?;
    if let Some(why) = row.get::<Option<&str>>(1)? {
        refused.push_str(if refused.is_empty() { "" } else { ", " });
        refused.push_str(name);
        refused.push_str(why);
    } else if let Err(at) = names.binary_search_by(|known| (**known).cmp(name)) {
        // In order and each once, as they are kept.
        names.insert(at, name.to_owned());
    }
    Ok(())
}

/// Whether these are the names that are recorded already.
fn has_names(recorded: Rows, names: &[String]) -> bool {
    let mut names = names.iter();
    for row in recorded {
        let known = row.get::<&str>(0).ok();
        if known.is_none() || known != names.next().map(|name| &**name) {
            return false;
        }
    }
    names.next().is_none()
}

/// Returns the program that makes these the recorded tables.
fn recording(names: &[String]) -> Program<'_> {
    let mut program = Program { access: Access::Write, ..Program::default() };
    let schema = [
        // A number is never used twice: whoever acknowledges one means that batch.
        "CREATE TABLE IF NOT EXISTS ubiqlite_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, bytes BLOB NOT NULL)",
        // Made anew, so that the schema is another: by that, other processes learn of it.
        "DROP TABLE IF EXISTS ubiqlite_outbox_tables",
        "CREATE TABLE ubiqlite_outbox_tables (name TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID",
    ];
    let schema = schema.into_iter().map(|sql| (sql, None));
    let insert = "INSERT INTO ubiqlite_outbox_tables VALUES (?)";
    for (sql, name) in schema.chain(names.iter().map(|name| (insert, Some(name)))) {
        let params = name.map_or_else(Params::default, |name| (name.as_str(),).into());
        program.steps.push(Step::new(sql, params, Fetch::Nothing));
    }
    program
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("last", &self.last).finish_non_exhaustive()
    }
}

impl fmt::Debug for OutboxBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxBatch")
            .field("id", &self.id)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}
