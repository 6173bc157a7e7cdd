//! What a database has done and is doing.

use crate::api::database::Database;
use crate::backend::Stats;
use crate::error::{Error, Result};

impl Database {
    /// Returns what this database has done since it was opened and is doing now: who waits, how
    /// long waits and work took, commits, caches, the log. [`Stats`] says of each number what a
    /// high one means.
    ///
    /// This waits for nobody, and costs some microseconds.
    ///
    /// # Errors
    /// `Closed`, and `Unsupported` for a backend that does not count.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// # let db = ubiqlite::Database::open(":memory:").await?;
    /// let stats = db.stats()?;
    /// println!("{} commits, {} writes wait", stats.commits, stats.waiting_writes);
    /// if let Some(age) = stats.oldest_reader {
    ///     println!("the log can't be emptied: somebody has been reading for {age:?}");
    /// }
    /// # db.close().await
    /// # }
    /// ```
    pub fn stats(&self) -> Result<Stats> {
        let inner = self.shared();
        inner.gate.check()?;
        let mut stats = inner.backend.stats().ok_or_else(|| Error::unsupported("statistics"))?;
        stats.watched_queries = inner.live.get().map_or(0, |hub| hub.watched());
        Ok(stats)
    }
}
