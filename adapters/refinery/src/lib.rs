#![doc = include_str!("../README.md")]

use refinery_core::error::WrapMigrationError;
use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Report, Target};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use ubiqlite::{Database, Error, ErrorKind, Result, Transaction};

/// A database that refinery migrates: `runner.run_async(&mut Refinery::new(database))`.
#[derive(Clone)]
pub struct Refinery {
    database: Database,
}

impl Refinery {
    /// Returns what to give to refinery's `run_async`, `get_applied_migrations_async` and
    /// `get_last_applied_migration_async`.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

impl AsyncTransaction for Refinery {
    type Error = Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize> {
        let mut transaction = self.database.begin().await?;
        let count = execute(&mut transaction, queries).await?;
        transaction.commit().await?;
        Ok(count)
    }
}

impl AsyncQuery<Vec<Migration>> for Refinery {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>> {
        self.database.query(query, ()).await?.into_iter().map(migration).collect()
    }
}

impl AsyncMigrate for Refinery {
    /// All of the run is in one transaction, in which each migration is a savepoint: so a second run
    /// reads what is applied when the first one has ended.
    async fn migrate<'a>(
        &'a mut self,
        migrations: &'a [Migration],
        abort_divergent: bool,
        abort_missing: bool,
        grouped: bool,
        target: Target,
        migration_table_name: &'a str,
    ) -> Result<Report, refinery_core::Error> {
        let begun = self.database.begin().await;
        let mut run = Run(begun.migration_err("error beginning the run", None)?);
        let done = run
            .migrate(
                migrations,
                abort_divergent,
                abort_missing,
                grouped,
                target,
                migration_table_name,
            )
            .await;
        // What was applied before an error stays, unless it can't be committed: then a report of it
        // would not be true.
        let Err(refused) = run.0.commit().await else { return done };
        let why = match done {
            Ok(_) => "error committing the run".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(refused).migration_err(&format!("{why}; nothing of the run is applied"), None)
    }
}

/// A run of migrations.
struct Run(Transaction<'static>);

impl AsyncTransaction for Run {
    type Error = Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize> {
        execute(&mut self.0, queries).await
    }
}

impl AsyncQuery<Vec<Migration>> for Run {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>> {
        self.0.query(query, ()).await?.into_iter().map(migration).collect()
    }
}

impl AsyncMigrate for Run {}

/// Runs scripts, all or none, and returns how many.
async fn execute<'a>(
    transaction: &mut Transaction<'_>,
    scripts: impl Iterator<Item = &'a str> + Send,
) -> Result<usize> {
    let mut savepoint = transaction.begin_savepoint().await?;
    let mut count = 0;
    for script in scripts {
        savepoint.batch(script).await?;
        count += 1;
    }
    savepoint.release().await?;
    Ok(count)
}

/// A row of the history.
type Applied = (refinery_core::SchemaVersion, String, String, String);

fn migration((version, name, applied_on, checksum): Applied) -> Result<Migration> {
    let broken = |what: &str, text: &str| {
        let message = format!("the history has `{text}` as {what} of the migration {version}");
        Error::new(ErrorKind::DatatypeMismatch, message)
    };
    let moment = OffsetDateTime::parse(&applied_on, &Rfc3339)
        .map_err(|_| broken("the time", &applied_on))?;
    let checksum = checksum.parse().map_err(|_| broken("the checksum", &checksum))?;
    Ok(Migration::applied(version, name, moment, checksum))
}
