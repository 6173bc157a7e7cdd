#![doc = include_str!("../README.md")]

use std::fmt;

use async_trait::async_trait;
use time::OffsetDateTime;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::{Error, Result};
use tower_sessions_core::{ExpiredDeletion, SessionStore};
use ubiqlite::{Database, ErrorKind, params};

/// Keeps sessions in a table of a [`Database`]. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct UbiqliteStore {
    database: Database,
    table: String,
}

impl UbiqliteStore {
    /// Returns a store in the table `tower_sessions`, which [`migrate`](Self::migrate) creates.
    pub fn new(database: Database) -> Self {
        Self { database, table: "tower_sessions".to_owned() }
    }

    /// Uses another table, of any name.
    pub fn with_table_name(mut self, name: impl AsRef<str>) -> Self {
        name.as_ref().clone_into(&mut self.table);
        self
    }

    /// Creates the table and its index, if they are missing.
    ///
    /// # Errors
    /// ubiqlite's, among them `ReadOnly` and `Busy`.
    pub async fn migrate(&self) -> ubiqlite::Result<()> {
        let (table, index) = (quoted(&self.table), quoted(&format!("{}_expires_at", self.table)));
        self.database
            .batch(format!(
                "CREATE TABLE IF NOT EXISTS {table} (
                    id TEXT PRIMARY KEY NOT NULL,
                    data TEXT NOT NULL,
                    expires_at INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX IF NOT EXISTS {index} ON {table} (expires_at);"
            ))
            .await
            .map(drop)
    }

    /// Writes a record, and returns whether it was written.
    async fn write(&self, record: &Record, on_conflict: &str) -> Result<bool> {
        let data = serde_json::to_string(&record.data)
            .map_err(|error| Error::Encode(error.to_string()))?;
        let sql = format!(
            "INSERT INTO {} (id, data, expires_at) VALUES (?, ?, ?) ON CONFLICT (id) DO {on_conflict}",
            quoted(&self.table)
        );
        let params = params![record.id.to_string(), data, micros(record.expiry_date)];
        let done = self.database.execute(&sql, params).await.map_err(backend)?;
        Ok(done.rows_changed == 1)
    }
}

#[async_trait]
impl SessionStore for UbiqliteStore {
    /// Creates a session. If its id is taken, it gets another.
    async fn create(&self, record: &mut Record) -> Result<()> {
        while !self.write(record, "NOTHING").await? {
            record.id = Id::default();
        }
        Ok(())
    }

    /// Stores a session, also one that was deleted since it was loaded: tower-sessions' cache relies
    /// on that.
    async fn save(&self, record: &Record) -> Result<()> {
        let update = "UPDATE SET data = excluded.data, expires_at = excluded.expires_at";
        self.write(record, update).await.map(drop)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let table = quoted(&self.table);
        let sql = format!("SELECT data, expires_at FROM {table} WHERE id = ? AND expires_at > ?");
        let params = params![id.to_string(), micros(OffsetDateTime::now_utc())];
        let found: Option<(String, i64)> =
            self.database.query_optional(&sql, params).await.map_err(backend)?;
        let Some((data, expires_at)) = found else { return Ok(None) };
        let data = serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(expires_at) * 1000)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let sql = format!("DELETE FROM {} WHERE id = ?", quoted(&self.table));
        self.database.execute(&sql, params![id.to_string()]).await.map(drop).map_err(backend)
    }
}

#[async_trait]
impl ExpiredDeletion for UbiqliteStore {
    async fn delete_expired(&self) -> Result<()> {
        let sql = format!("DELETE FROM {} WHERE expires_at <= ?", quoted(&self.table));
        let now = micros(OffsetDateTime::now_utc());
        self.database.execute(&sql, params![now]).await.map(drop).map_err(backend)
    }
}

/// Microseconds since 1970. With the feature `large-dates`, `time` has years that do not fit: those
/// are as late as can be.
fn micros(moment: OffsetDateTime) -> i64 {
    let seconds = moment.unix_timestamp().saturating_mul(1_000_000);
    seconds.saturating_add(i64::from(moment.microsecond()))
}

/// tower-sessions has room for a text only, which begins with the kind.
fn backend(error: ubiqlite::Error) -> Error {
    Error::Backend(error.to_string())
}

/// Returns why the database refused, if an error of a [`UbiqliteStore`] is of the database: `Busy` and
/// `Closed` call for another response than what is broken.
///
/// ```
/// # use tower_sessions_core::{SessionStore as _, session::Id};
/// # use ubiqlite_tower_sessions::{UbiqliteStore, error_kind};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ubiqlite::Result<()> {
/// let database = ubiqlite::Database::open(":memory:").await?;
/// let store = UbiqliteStore::new(database.clone());
/// database.close().await?;
/// let error = store.load(&Id::default()).await.unwrap_err();
/// assert_eq!(error_kind(&error), Some(ubiqlite::ErrorKind::Closed));
/// # Ok(())
/// # }
/// ```
pub fn error_kind(error: &Error) -> Option<ErrorKind> {
    let Error::Backend(text) = error else { return None };
    let (name, _) = text.split_once(": ")?;
    ErrorKind::ALL.iter().copied().find(|kind| kind.name() == name)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl fmt::Debug for UbiqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UbiqliteStore").field("table", &self.table).finish_non_exhaustive()
    }
}
