//! What a database has done and is doing: what [`Backend::stats`](super::Backend::stats) returns.

use std::time::Duration;

use crate::platform::nanos;

/// What a database has done since it was opened and is doing now, from
/// [`Database::stats`](crate::Database::stats).
///
/// Numbers of things done only grow. Each is read by itself, so two of them may be of moments a few
/// microseconds apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections to the file that are open now.
    pub connections: u32,
    /// Readers in use now, of those that [`Options::readers`](crate::Options::readers) allows; held
    /// ones (snapshots, streams) have a stand-in, so there may be more. A number that stays at the
    /// limit together with [`waiting_reads`](Self::waiting_reads): reads are slow, or snapshots and
    /// streams are kept open; look for slow statements first, then raise the limit.
    pub busy_readers: u32,
    /// Sessions in use now, of those that [`Options::sessions`](crate::Options::sessions) allows.
    /// One that stays up was not given back.
    pub busy_sessions: u32,
    /// Reads, snapshots and streams that wait for a reader now. More than a few for long: see
    /// [`busy_readers`](Self::busy_readers).
    pub waiting_reads: u32,
    /// Writes and transactions that wait for their turn to write now. More than a few for long: a
    /// transaction is held too long ([`transaction_age`](Self::transaction_age)), or the disk is slow
    /// ([`write_runs`](Self::write_runs)).
    pub waiting_writes: u32,
    /// Callers that wait for a session now.
    pub waiting_sessions: u32,
    /// How long reads, snapshots and streams waited, of those that found no reader free.
    pub read_waits: Spent,
    /// How long writes and transactions waited for their turn, of those that went through the
    /// queue: all but those that ran within their call.
    pub write_waits: Spent,
    /// How long callers waited, of those that found no session free.
    pub session_waits: Spent,
    /// How long reads ran, of those that were too long to run within their call. A large
    /// [`longest`](Spent::longest) names no statement; tracing does.
    pub read_runs: Spent,
    /// How long the writer worked for each group of writes, its commit included, of those that went
    /// through the queue. A large mean with few writes in each group: commits wait for the disk; see
    /// [`Options::synchronous`](crate::Options::synchronous).
    pub write_runs: Spent,
    /// How long transactions, and others that had the writer for themselves (sessions, slices of a
    /// copy), have held it, of those that are over. All writes wait meanwhile: do in a transaction
    /// nothing but its statements.
    pub transactions: Spent,
    /// How long the one that has the writer now has held it; `None` if nobody has. More than a
    /// fraction of a second: a program waits for something else within a transaction, or has
    /// forgotten to end it.
    pub transaction_age: Option<Duration>,
    /// Commits of writes and of transactions.
    pub commits: u64,
    /// Writes that were committed outside transactions. Divided by the number of their commits, how
    /// many share one: near 1 while many wait, they are of a kind that can't share.
    pub writes: u64,
    /// The most writes that have shared a commit.
    pub largest_group: u64,
    /// Transactions and writes that were rolled back. A rate near that of the commits: work is done
    /// in vain; look at the errors.
    pub rollbacks: u64,
    /// Statements that ran and had been compiled before.
    pub statement_hits: u64,
    /// Statements that were compiled. A rate near that of the hits: SQL is put together with values
    /// in its text, where parameters belong; or there are more texts than
    /// [`Options::statement_cache`](crate::Options::statement_cache) keeps.
    pub statement_misses: u64,
    /// Pages that SQLite found in its page caches. These three are, for each connection that is in use
    /// now, those of the last time that it was not.
    pub page_hits: u64,
    /// Pages that it read from the file or the log. A rate near that of the hits: the data in use is
    /// larger than the cache ([`Options::cache_kib`](crate::Options::cache_kib)), or queries read
    /// whole tables for want of an index.
    pub page_misses: u64,
    /// Pages that it wrote in the middle of a transaction, because it changed more than the cache
    /// holds. Rises: make transactions smaller, or the cache larger.
    pub page_spills: u64,
    /// Pages in the write-ahead log; 0 in other journal modes. Thousands, and growing: something
    /// keeps it from being emptied, see [`oldest_reader`](Self::oldest_reader).
    pub log_pages: u32,
    /// Pages in the log that were not copied into the database yet.
    pub log_uncopied: u32,
    /// Times that the log was copied into the database.
    pub checkpoints: u64,
    /// Times that the log could not be emptied after that, since somebody was reading from it. Rises
    /// while the log grows: see [`oldest_reader`](Self::oldest_reader).
    pub checkpoints_blocked: u64,
    /// Pages of the database; 0 while it is not known, because all connections are in use.
    pub pages: u32,
    /// Bytes of a page.
    pub page_size: u32,
    /// How long the oldest read that is under way has kept its moment of the database: a snapshot, a
    /// transaction of a session, a stream, a long query. The log can't be emptied before it ends. More
    /// than a few seconds: end snapshots and streams sooner.
    pub oldest_reader: Option<Duration>,
    /// Queries that are watched, equal ones once.
    pub watched_queries: u32,
}

impl Stats {
    /// Returns each number with its name, for those who show or export all of them: those whose name
    /// ends in `_ns` are durations in nanoseconds.
    ///
    /// # Example
    /// ```
    /// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
    /// for (name, number) in db.stats()?.numbers() {
    ///     if let Some(number) = number {
    ///         println!("sqlite_{} {number}", name.replace('.', "_"));
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn numbers(&self) -> Vec<(&'static str, Option<u64>)> {
        let age = |age: Option<Duration>| age.map(nanos);
        let mut all = vec![
            ("connections", Some(u64::from(self.connections))),
            ("busy_readers", Some(u64::from(self.busy_readers))),
            ("busy_sessions", Some(u64::from(self.busy_sessions))),
            ("waiting_reads", Some(u64::from(self.waiting_reads))),
            ("waiting_writes", Some(u64::from(self.waiting_writes))),
            ("waiting_sessions", Some(u64::from(self.waiting_sessions))),
        ];
        for (names, spent) in [
            (["read_waits.count", "read_waits.total_ns", "read_waits.longest_ns"], self.read_waits),
            (
                ["write_waits.count", "write_waits.total_ns", "write_waits.longest_ns"],
                self.write_waits,
            ),
            (
                ["session_waits.count", "session_waits.total_ns", "session_waits.longest_ns"],
                self.session_waits,
            ),
            (["read_runs.count", "read_runs.total_ns", "read_runs.longest_ns"], self.read_runs),
            (["write_runs.count", "write_runs.total_ns", "write_runs.longest_ns"], self.write_runs),
            (
                ["transactions.count", "transactions.total_ns", "transactions.longest_ns"],
                self.transactions,
            ),
        ] {
            let Spent { count, total, longest, .. } = spent;
            all.extend(names.into_iter().zip([count, nanos(total), nanos(longest)].map(Some)));
        }
        all.extend([
            ("transaction_age_ns", age(self.transaction_age)),
            ("commits", Some(self.commits)),
            ("writes", Some(self.writes)),
            ("largest_group", Some(self.largest_group)),
            ("rollbacks", Some(self.rollbacks)),
            ("statement_hits", Some(self.statement_hits)),
            ("statement_misses", Some(self.statement_misses)),
            ("page_hits", Some(self.page_hits)),
            ("page_misses", Some(self.page_misses)),
            ("page_spills", Some(self.page_spills)),
            ("log_pages", Some(u64::from(self.log_pages))),
            ("log_uncopied", Some(u64::from(self.log_uncopied))),
            ("checkpoints", Some(self.checkpoints)),
            ("checkpoints_blocked", Some(self.checkpoints_blocked)),
            ("pages", Some(u64::from(self.pages))),
            ("page_size", Some(u64::from(self.page_size))),
            ("oldest_reader_ns", age(self.oldest_reader)),
            ("watched_queries", Some(u64::from(self.watched_queries))),
        ]);
        all
    }
}

/// How many times something took time, and how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spent {
    /// How many times.
    pub count: u64,
    /// The sum of their durations.
    pub total: Duration,
    /// The longest duration.
    pub longest: Duration,
}

impl Spent {
    /// Returns the mean duration; zero if there was none.
    pub fn mean(&self) -> Duration {
        let nanos = self.total.as_nanos().checked_div(u128::from(self.count)).unwrap_or(0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
