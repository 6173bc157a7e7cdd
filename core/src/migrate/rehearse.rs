//! Trying migrations out in memory, for tests of programs.

use super::drift::{self, Drift, Texts};
use crate::api::database::Database;
use crate::error::Result;
use crate::migrations::Migrations;
use crate::options::Options;

impl Migrations {
    /// Applies all migrations to a new database in memory, undoes those that can be undone, and
    /// applies them again. Returns what is not as it was the first time, and what differs from
    /// `schema.sql`, if that is among the files. Tests of programs call it.
    ///
    /// # Errors
    /// As [`Migrator::run`](crate::Migrator::run) and [`Migrator::to`](crate::Migrator::to), and those
    /// of the SQL in `schema.sql`.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// use ubiqlite::Migrations;
    /// let migrations = Migrations::new([
    ///     ("1_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY)"),
    ///     ("1_items.down.sql", "DROP TABLE items"),
    ///     ("2_names.sql", "ALTER TABLE items ADD COLUMN name TEXT"),
    ///     ("2_names.down.sql", "ALTER TABLE items DROP COLUMN name"),
    ///     ("schema.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)"),
    /// ])?;
    /// assert_eq!(migrations.rehearse().await?, []);
    /// # Ok(()) }
    /// ```
    pub async fn rehearse(&self) -> Result<Vec<Drift>> {
        let db = Options::default().open(":memory:").await?;
        let migrator = db.migrations(self);
        migrator.run().await?;
        let first = drift::describe(db.target()).await?;
        let lasting = self.files().iter().rev().find(|file| file.down.is_none());
        migrator.to(lasting.map_or(0, |file| file.number)).await?;
        migrator.run().await?;
        let second = drift::describe(db.target()).await?;
        db.close().await?;
        let mut found = drift::compare(&first, &second, Texts::Count)?;
        if let Some(schema) = self.schema() {
            let db = Database::open(":memory:").await?;
            db.batch(schema).await.map_err(|error| error.prefixed("schema.sql"))?;
            let wanted = drift::describe(db.target()).await?;
            db.close().await?;
            found.extend(drift::compare(&wanted, &second, Texts::Ignored)?);
        }
        Ok(found)
    }
}
