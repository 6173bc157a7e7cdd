//! The methods that run statements, the same on every type that can run them.
//! They are written once, here; their implementation is in `target`.

/// The methods that read.
macro_rules! reading_methods {
    ([$($receiver:tt)+] $this:ident) => {
        /// Runs a query and returns all its rows, each as a
        /// [`Row`](crate::Row) or any type that serde can deserialize.
        ///
        /// # Errors
        /// SQLite's errors, by kind; `InvalidArgument` if the parameters do not
        /// fit; `DatatypeMismatch` if a row is not a `T`.
        ///
        /// # Cancellation
        /// Dropping the future stops the query.
        ///
        /// # Example
        /// ```
        /// # async fn example(mut db: ubiqlite::Database) -> ubiqlite::Result<()> {
        /// use ubiqlite::{Row, params};
        /// let rows: Vec<Row> = db.query("SELECT * FROM items WHERE status = ?", params!["new"]).await?;
        /// let pairs: Vec<(i64, String)> = db.query("SELECT id, name FROM items", ()).await?;
        /// # Ok(()) }
        /// ```
        pub async fn query<T: crate::row::FromRow>(
            $($receiver)+,
            sql: &str,
            params: impl Into<crate::sql::Params>,
        ) -> crate::error::Result<Vec<T>> {
            $this.target().query(sql, params.into()).await
        }

        /// Runs one statement of any kind and returns everything it reports: the
        /// columns with their declared types, the rows, how many rows were changed
        /// and the last rowid. This is for drivers and query builders, which do not
        /// know whether a statement reads.
        ///
        /// # Errors
        /// SQLite's errors, by kind; `InvalidArgument` if the parameters do not fit;
        /// `ReadOnly` for a statement that writes in a snapshot.
        ///
        /// # Cancellation
        /// A statement that is dropped while it runs happens entirely or not at all.
        ///
        /// # Example
        /// ```
        /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
        /// # let db = ubiqlite::Database::open(":memory:").await?;
        /// db.run("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)", ()).await?;
        /// let sql = "INSERT INTO items (name) VALUES (?) RETURNING id, upper(name) AS loud";
        /// let done = db.run(sql, ["lamp"]).await?;
        /// assert_eq!((done.rows_changed, done.last_row_id), (1, 1));
        /// assert_eq!(done.columns[0].declared_type.as_deref(), Some("INTEGER"));
        /// assert_eq!(done.columns[1].declared_type, None);
        /// assert_eq!(done.rows[0].get::<&str>("loud")?, "LAMP");
        /// # Ok(()) }
        /// ```
        pub async fn run(
            $($receiver)+,
            sql: &str,
            params: impl Into<crate::sql::Params>,
        ) -> crate::error::Result<crate::exec::run_result::RunResult> {
            $this.target().run_one(sql, params.into()).await
        }

        /// Compiles one statement without running it, and returns what SQLite knows of it: its
        /// columns, where their values come from, and its parameters. This is for generators of
        /// code and for checks.
        ///
        /// A statement that writes is compiled where writes run: it waits for its turn.
        ///
        /// # Errors
        /// SQLite's errors for a statement that does not compile, with the position in the SQL;
        /// `ReadOnly` for one that writes, where nothing can be written, and `Busy` where others
        /// write for too long; `InvalidArgument` for a `PRAGMA`, which can take effect while it is
        /// compiled (`SELECT * FROM pragma_table_info(…)` can be described), and for statements that
        /// begin or end transactions.
        ///
        /// # Example
        /// ```
        /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
        /// # let db = ubiqlite::Database::open(":memory:").await?;
        /// db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)").await?;
        /// let it = db.describe("UPDATE items SET name = :name RETURNING id AS changed").await?;
        /// assert_eq!(it.parameters, [Some(":name".to_owned())]);
        /// assert_eq!(it.columns[0].column.name, "changed");
        /// assert_eq!(it.columns[0].origin, Some(("items".to_owned(), "id".to_owned())));
        /// assert!(!it.reads_only);
        /// # Ok(()) }
        /// ```
        #[cfg(not(target_family = "wasm"))]
        pub async fn describe(
            $($receiver)+,
            sql: &str,
        ) -> crate::error::Result<crate::exec::run_result::Described> {
            crate::exec::run_result::check_description(sql)?;
            $this.target().describe(sql).await
        }

        /// Runs a query and returns its first row.
        ///
        /// # Errors
        /// As `query`, and `NotFound` if there is no row.
        #[inline]
        pub async fn query_one<T: crate::row::FromRow>(
            $($receiver)+,
            sql: &str,
            params: impl Into<crate::sql::Params>,
        ) -> crate::error::Result<T> {
            $this.target().query_one(sql, params.into()).await
        }

        /// Runs a query and returns its first row, or `None` if there is none.
        ///
        /// # Errors
        /// As `query`.
        #[inline]
        pub async fn query_optional<T: crate::row::FromRow>(
            $($receiver)+,
            sql: &str,
            params: impl Into<crate::sql::Params>,
        ) -> crate::error::Result<Option<T>> {
            $this.target().query_optional(sql, params.into()).await
        }

        /// Runs a query and returns the first value of its first row.
        ///
        /// # Errors
        /// As `query`, and `NotFound` if there is no row.
        ///
        /// # Example
        /// ```
        /// # async fn example(mut db: ubiqlite::Database) -> ubiqlite::Result<()> {
        /// let count: i64 = db.query_value("SELECT count(*) FROM items", ()).await?;
        /// # Ok(()) }
        /// ```
        pub async fn query_value<T>(
            $($receiver)+,
            sql: &str,
            params: impl Into<crate::sql::Params>,
        ) -> crate::error::Result<T>
        where
            T: for<'v> crate::value::FromValue<'v>,
        {
            $this.target().query_value(sql, params.into()).await
        }
    };
}

/// The methods that write.
macro_rules! writing_methods {
    ([$($receiver:tt)+] $this:ident) => {
        /// Runs one statement and returns the rows changed and the last rowid.
        ///
        /// # Errors
        /// SQLite's errors, by kind; `InvalidArgument` if the parameters do not
        /// fit, for several statements in one text, and for statements that
        /// would change the connection under other tasks (`BEGIN`, `ATTACH`, …).
        ///
        /// # Cancellation
        /// If the future is dropped, a running statement happens entirely or not
        /// at all, and one that is still waiting never runs.
        ///
        /// # Example
        /// ```
        /// # async fn example(mut db: ubiqlite::Database) -> ubiqlite::Result<()> {
        /// use ubiqlite::named;
        /// let done = db
        ///     .execute("UPDATE items SET status = :s WHERE id = :id", named! { "s" => "done", "id" => 7 })
        ///     .await?;
        /// println!("{} rows", done.rows_changed);
        /// # Ok(()) }
        /// ```
        pub async fn execute(
            $($receiver)+,
            sql: &str,
            params: impl Into<crate::sql::Params>,
        ) -> crate::error::Result<crate::exec::target::Executed> {
            $this.target().execute(sql, params.into()).await
        }

        /// Runs one statement for every item of an iterator, all or none, and
        /// returns the rows changed. Memory does not limit the number of items:
        /// at most three chunks of them (256 KiB each) are held.
        ///
        /// # Errors
        /// As `execute`; [`Error::index`](crate::Error::index) identifies the item.
        ///
        /// # Cancellation
        /// Dropping the future before it is ready undoes everything.
        ///
        /// # Example
        /// ```
        /// # async fn example(mut db: ubiqlite::Database) -> ubiqlite::Result<()> {
        /// let rows = (0..1000).map(|number| (number, format!("item {number}")));
        /// db.execute_many("INSERT INTO items (id, name) VALUES (?, ?)", rows).await?;
        /// # Ok(()) }
        /// ```
        pub fn execute_many<I>(
            $($receiver)+,
            sql: &str,
            rows: I,
        ) -> crate::exec::item_feed::ManyFuture<'_, I::IntoIter, crate::sql::Params>
        where
            I: IntoIterator,
            I::Item: Into<crate::sql::Params>,
        {
            let (target, sql) = ($this.target(), sql.to_owned());
            crate::exec::item_feed::ManyFuture::new(rows, |rows| Box::pin(target.execute_many(sql, rows)))
        }

        /// Runs several statements, all or nothing: a script, or a list of
        /// statements with their parameters. Returns what each did, or one total
        /// for a script.
        ///
        /// # Errors
        /// As `execute`; [`Error::index`](crate::Error::index) identifies the statement.
        ///
        /// # Example
        /// ```
        /// # async fn example(mut db: ubiqlite::Database) -> ubiqlite::Result<()> {
        /// use ubiqlite::params;
        /// db.batch("CREATE TABLE a(x); CREATE TABLE b(y);").await?;
        /// db.batch([
        ///     ("INSERT INTO a VALUES (?)", params![1]),
        ///     ("INSERT INTO b VALUES (?)", params!["one"]),
        /// ])
        /// .await?;
        /// # Ok(()) }
        /// ```
        pub async fn batch(
            $($receiver)+,
            statements: impl Into<crate::exec::script::Batch>,
        ) -> crate::error::Result<Vec<crate::exec::target::Executed>> {
            $this.target().batch(statements.into()).await
        }
    };
}

pub(crate) use {reading_methods, writing_methods};
