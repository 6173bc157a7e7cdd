//! Carries out migrations: on a session of its own, through the traits, so that every backend has it.

mod adopt;
mod drift;
mod ledger;
mod open;
mod orphans;
mod patience;
mod rebuild;
mod rehearse;
mod report;
mod run;
mod triggers;

use std::time::Duration;

pub use drift::{Drift, DriftKind};
pub(crate) use open::of_path;
pub use report::{AppliedMigration, MigrationAction, MigrationStep};

use crate::api::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::migrations::{Action, Entry, Migrations, edited, plan};
use crate::row::Row;
use crate::sql::Params;
use patience::Patience;
use run::Goal;

/// The migrations of one database, from [`Database::migrations`]: what is applied, what is to be
/// done, and doing it.
///
/// Several programs and tasks can do it at the same time: one applies a migration, and the others
/// wait and then find it done.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
/// use ubiqlite::{Database, Migrations};
/// let migrations = Migrations::new([
///     ("1_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY)"),
///     ("2_names.sql", "ALTER TABLE items ADD COLUMN name TEXT"),
///     ("2_names.down.sql", "ALTER TABLE items DROP COLUMN name"),
/// ])?;
/// let db = Database::open(":memory:").await?;
/// let migrator = db.migrations(&migrations);
/// assert_eq!(migrator.pending().await?.len(), 2);
/// migrator.run().await?;
/// assert_eq!(migrator.to(1).await?[0].name, "2_names");
/// assert_eq!(migrator.applied().await?.len(), 1);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Migrator {
    db: Database,
    migrations: Migrations,
}

impl Database {
    /// Returns a handle to run and inspect these migrations on this database.
    ///
    /// # Example
    /// ```
    /// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
    /// use ubiqlite::Migrations;
    /// let migrations = Migrations::new([("1_items.sql", "CREATE TABLE items (id)")])?;
    /// for step in db.migrations(&migrations).run().await? {
    ///     println!("{} took {:?}", step.name, step.took);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn migrations(&self, migrations: &Migrations) -> Migrator {
        if let Some(known) = self.shared().known_migrations() {
            known.know(migrations.last().unwrap_or(0));
        }
        Migrator { db: self.clone(), migrations: migrations.clone() }
    }
}

impl Migrator {
    /// Returns what [`run`](Self::run) would do, in this order. Nothing runs, and nothing is changed.
    ///
    /// # Errors
    /// `SchemaTooNew` and `InvalidArgument` as for [`run`](Self::run).
    pub async fn pending(&self) -> Result<Vec<MigrationStep>> {
        let mut patience = Patience::new(&self.db, &self.migrations);
        let (ledger, adopted) = match patience.read().await? {
            Some(ledger) => (ledger, Vec::new()),
            None => {
                let adopted = adopt::applied(self.db.target(), &self.migrations).await?;
                (adopted.iter().map(|it| Entry::of(it)).collect(), adopted)
            }
        };
        let planned = match plan(&self.migrations, &ledger, None) {
            Ok(planned) => planned,
            Err(error) => return Err(self.explain(error).await),
        };
        let noted = adopted.into_iter().map(Action::Note);
        Ok(noted.chain(planned).map(MigrationStep::planned).collect())
    }

    /// Applies what is not applied yet, each migration in a transaction of its own, with its place in
    /// the ledger: a program that is killed has applied the first so many of them. Returns what was
    /// done.
    ///
    /// Foreign keys are off around each transaction, and checked before it is committed.
    ///
    /// # Errors
    /// Those of the SQL, with the migration's name and the line. Nothing of that migration is done
    /// then; those before it stay applied. `ForeignKeyViolation` with the table if a row loses its
    /// parent; those that had none before count as before. `SchemaTooNew` if the database has migrations that are not among the
    /// files. `InvalidArgument` for a file that was changed after it was applied. `Busy` if the write
    /// lock was held for the [lock timeout](Migrations::lock_timeout).
    ///
    /// # Cancellation
    /// The migration that is under way is undone, or done; those before it stay applied.
    pub async fn run(&self) -> Result<Vec<MigrationStep>> {
        self.carry_out(Goal { last: None, dry: false }).await
    }

    /// Does what [`run`](Self::run) would do in one transaction that is rolled back at the end, and
    /// returns what was done. A migration with the header `-- alone` can't run in one: it is in the
    /// list with `took: None`.
    ///
    /// # Errors
    /// As for [`run`](Self::run): those that it would meet.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// # let db = ubiqlite::Database::open(":memory:").await?;
    /// use ubiqlite::Migrations;
    /// let migrations = Migrations::new([("1_items.sql", "CREATE TABLE items (id, id)")])?;
    /// let error = db.migrations(&migrations).dry_run().await.unwrap_err();
    /// assert!(error.message().contains("1_items"));
    /// # Ok(()) }
    /// ```
    pub async fn dry_run(&self) -> Result<Vec<MigrationStep>> {
        self.carry_out(Goal { last: None, dry: true }).await
    }

    /// Undoes the migrations with a greater number, the last one first, and applies those up to this
    /// number that are missing. Each is undone by the `.down.sql` that it was applied with, which the
    /// ledger has: a program that lacks the file can do it. `to(0)` undoes all.
    ///
    /// # Errors
    /// As for [`run`](Self::run), and `InvalidArgument` if one of them can't be undone, because there
    /// was no `.down.sql`; then nothing is done.
    pub async fn to(&self, number: u64) -> Result<Vec<MigrationStep>> {
        self.carry_out(Goal { last: Some(number), dry: false }).await
    }

    /// Compares the schema with what the last migration has left, and returns the differences: what
    /// somebody has changed by hand. Empty if there are none, and if nothing was applied.
    ///
    /// # Errors
    /// As a query.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// # let db = ubiqlite::Database::open(":memory:").await?;
    /// use ubiqlite::Migrations;
    /// let migrations = Migrations::new([("1_items.sql", "CREATE TABLE items (id)")])?;
    /// db.migrations(&migrations).run().await?;
    /// db.execute("ALTER TABLE items ADD COLUMN by_hand TEXT", ()).await?;
    /// let drift = db.migrations(&migrations).verify().await?;
    /// assert_eq!(drift[0].to_string(), "table items: column by_hand: not there before, now TEXT");
    /// # Ok(()) }
    /// ```
    pub async fn verify(&self) -> Result<Vec<Drift>> {
        let Some(before) = ledger::schema(self.db.target()).await? else { return Ok(Vec::new()) };
        let now = drift::describe(self.db.target()).await?;
        drift::compare(&before, &now, drift::Texts::Count)
    }

    /// Returns the migrations that the database has, in the order of their numbers.
    ///
    /// # Errors
    /// As a query.
    pub async fn applied(&self) -> Result<Vec<AppliedMigration>> {
        let rows = match self.db.query::<Row>(ledger::APPLIED, Params::new()).await {
            Ok(rows) => rows,
            Err(error) if error.kind() == ErrorKind::NoSuchTable => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let applied = |row: &Row| -> Result<AppliedMigration> {
            let number = row.get(0)?;
            Ok(AppliedMigration {
                number,
                name: row.get(1)?,
                applied_at: row.get(2)?,
                took: row.get::<Option<u64>>(3)?.map(Duration::from_micros),
                breaks_older: row.get(4)?,
                reversible: row.get(5)?,
                known: self.migrations.get(number).is_some(),
            })
        };
        rows.iter().map(applied).collect()
    }

    async fn carry_out(&self, goal: Goal) -> Result<Vec<MigrationStep>> {
        // Its future is large, and few programs keep it for long.
        let done = Box::pin(run::carry_out(&self.db, &self.migrations, goal)).await;
        match done {
            Ok(steps) => {
                let known = self.db.shared().known_migrations();
                let looked = known.is_none_or(|known| known.breaking().is_some());
                if !goal.dry && (!looked || !steps.is_empty()) {
                    self.learn_breaking().await?;
                }
                Ok(steps)
            }
            Err(error) => Err(self.explain(error).await),
        }
    }

    /// Reads which migration breaks older programs: from then on it is looked for whenever others
    /// have changed the schema.
    pub(crate) async fn learn_breaking(&self) -> Result<()> {
        let Some(known) = self.db.shared().known_migrations() else { return Ok(()) };
        known.set_breaking(ledger::breaking(self.db.target()).await?);
        Ok(())
    }

    /// Adds the line to the error of a file that was changed.
    async fn explain(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::InvalidArgument || self.migrations.accept_edited {
            return error;
        }
        let Ok(Some(ledger)) = ledger::read(self.db.target()).await else { return error };
        for entry in ledger {
            let Some(file) = self.migrations.get(entry.number) else { continue };
            if file.checksum == entry.checksum || error.message() != edited(file, None).message() {
                continue;
            }
            if let Ok(Some(marks)) = ledger::lines(self.db.target(), entry.number).await {
                return edited(file, Some(&marks));
            }
        }
        error
    }
}
