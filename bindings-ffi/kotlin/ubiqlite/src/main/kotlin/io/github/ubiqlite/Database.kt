package io.github.ubiqlite

import io.github.ubiqlite.internal.EngineClient
import io.github.ubiqlite.internal.Mapping
import io.github.ubiqlite.internal.Op
import io.github.ubiqlite.internal.Owner
import io.github.ubiqlite.internal.CallTarget
import io.github.ubiqlite.internal.invalid
import kotlin.time.Duration
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.withContext

/**
 * An open database, from [open].
 *
 * One write runs at a time, and reads run concurrently with it. Each call is its own transaction;
 * [transaction] groups several statements into one. Every method may be called from every thread
 * and dispatcher, and without a dispatcher. It is closed by [close], or at the end of [use]; a
 * forgotten one is closed when it is garbage-collected.
 *
 * ```kotlin
 * Database.open("app.db").use { db ->
 *     val id = db.table("items").insert("name" to "lamp")
 *     db.stream("SELECT * FROM items WHERE id > ?", 10).collect { row -> println(row) }
 * }
 * ```
 */
public class Database private constructor(
    target: CallTarget,
    /** The path it was opened with. */
    public val path: String,
) : Statements(target) {
    /** Returns the same database with a time limit for every call made through it; then [UbiqliteException.Timeout]. */
    public fun timeout(limit: Duration): Database = Database(target.limited(limit), path)

    /**
     * Runs [body] in a transaction. It is committed if [body] succeeds, and rolled back if
     * [body] throws or its coroutine is cancelled: that exception propagates unchanged. Other
     * reads run concurrently with it. Other writes, including those through the database
     * itself, wait until it ends.
     *
     * ```kotlin
     * val left = db.transaction { tx ->
     *     tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = ?", 1)
     *     tx.queryValue<Long>("SELECT balance FROM accounts WHERE id = ?", 1)
     * }
     * ```
     * @throws UbiqliteException.Busy if the write lock could not be taken within the busy timeout
     */
    public suspend fun <T> transaction(mode: Mode = Mode.IMMEDIATE, body: suspend (Transaction) -> T): T =
        transact(target, mode, body)

    /** Begins a transaction and returns its handle: it is rolled back unless it is committed. */
    public suspend fun begin(mode: Mode = Mode.IMMEDIATE): Transaction = begin(target, mode)

    /**
     * Returns a snapshot, for several reads of the same moment, over any number of calls.
     *
     * @throws UbiqliteException.Timeout if no connection was free within the acquire timeout
     */
    public suspend fun snapshot(): Snapshot = Snapshot(target.within(target.open(Op.SNAPSHOT)))

    /**
     * Acquires a dedicated connection, for `ATTACH`, temporary tables and `PRAGMA`s.
     *
     * @throws UbiqliteException.Timeout if no connection was free within the acquire timeout
     */
    public suspend fun acquire(): Session = Session(target.within(target.open(Op.ACQUIRE)))

    /** Returns what the storage can do. */
    public suspend fun capabilities(): Capabilities = target.ask(Op.CAPABILITIES).capabilities()

    /**
     * Stops this database's running calls: they fail with
     * [UbiqliteException.Cancelled]. A closed database has none.
     */
    public fun interrupt() {
        target.begin(Op.INTERRUPT)
    }

    /**
     * Waits for every accepted call, then closes. Transactions, sessions, snapshots and
     * streams that are still open have the busy timeout to end; then they are rolled back.
     * Later calls fail with [UbiqliteException.Closed]; closing again does nothing. If the
     * wait is cancelled, closing continues.
     */
    public suspend fun close(): Unit = target.client.close()

    /** Runs [block], and then closes, however [block] ends. */
    public suspend inline fun <R> use(block: (Database) -> R): R {
        try {
            return block(this)
        } finally {
            closeAnyway()
        }
    }

    @PublishedApi
    internal suspend fun closeAnyway(): Unit = withContext(NonCancellable) { close() }

    public companion object {
        /**
         * Opens a database: with a write-ahead log, foreign keys and durable commits,
         * unless [options] say otherwise.
         *
         * ```kotlin
         * val db = Database.open("app.db") { readers = 8 }
         * ```
         * @param path of the file, which is created if it is missing; `":memory:"` for none
         * @throws UbiqliteException `CannotOpen`, `NotADatabase`, `Corrupt`, `ReadOnly`, `Busy`; `InvalidArgument` for options
         * that can't be used; `Unsupported` if there is no native library for this system
         */
        public suspend fun open(path: String, options: DatabaseOptions.() -> Unit = {}): Database {
            if (path.isEmpty()) throw invalid("the path of a database must not be empty")
            if ('\u0000' in path) throw invalid("the path contains a NUL character, which no file name can contain")
            val chosen = DatabaseOptions().apply(options)
            val client = EngineClient.open(path, chosen.settings(), Mapping.of(chosen.json, chosen.snakeCase))
            return Database(CallTarget(client, Owner(client), null, EngineClient.NO_LIMIT), path)
        }
    }
}
