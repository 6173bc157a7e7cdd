package io.github.ubiqlite.java

import io.github.ubiqlite.Executed
import io.github.ubiqlite.Statement
import java.util.concurrent.CompletableFuture
import io.github.ubiqlite.Statements as SuspendingStatements

/** Runs queries, and statements that write. */
public sealed class Statements(private val statements: SuspendingStatements, caller: Caller) :
    Reader(statements, caller) {
    /**
     * Runs one statement and returns the rows changed and the last rowid.
     *
     * ```java
     * db.execute("UPDATE items SET status = ? WHERE id = ?", "done", 7).get().getRowsChanged();
     * ```
     * @throws io.github.ubiqlite.UbiqliteException in the future: SQLite's errors by kind; `InvalidArgument` if the
     * parameters do not fit, if the text has several statements, and for `BEGIN`, `ATTACH` and the like
     */
    public fun execute(sql: String, vararg params: Any?): CompletableFuture<Executed> =
        caller.ask { statements.execute(sql, *params) }

    /**
     * Runs one statement for each item, all or none, and returns the rows changed. The
     * number of items does not affect memory use, so they may come from a `stream::iterator`.
     * The iterator is used on this thread, and on the executor.
     *
     * ```java
     * db.executeMany("INSERT INTO items (id, name) VALUES (?, ?)", List.of(List.of(1, "lamp"), List.of(2, "chair")));
     * ```
     * @param rows the parameters of each: a `List` or an `Object[]` by position, a `Map` by name, or [Parameters]
     * @throws io.github.ubiqlite.UbiqliteException in the future, whose `index` identifies the item
     */
    public fun <R> executeMany(sql: String, rows: Iterable<@JvmSuppressWildcards R>): CompletableFuture<Long> =
        caller.ask { statements.executeMany(sql, rows) }

    /**
     * Runs a script, all or none.
     *
     * ```java
     * db.batch("CREATE TABLE a (x); CREATE TABLE b (y);");
     * ```
     * @return its total effect: a list of one
     */
    public fun batch(script: String): CompletableFuture<List<Executed>> = caller.ask { statements.batch(script) }

    /**
     * Runs statements with their parameters, all or none, and returns what each one did.
     *
     * ```java
     * db.batch(List.of(new Statement("INSERT INTO a VALUES (?)", 1), new Statement("DELETE FROM b")));
     * ```
     * @throws io.github.ubiqlite.UbiqliteException in the future, whose `index` identifies the statement
     */
    public fun batch(statements: List<Statement>): CompletableFuture<List<Executed>> =
        caller.ask { this.statements.batch(statements) }

    /** Returns a table, for operations on its rows without SQL. */
    public fun table(name: String): Table = Table(statements.table(name), caller)
}
