package io.github.ubiqlite

import io.github.ubiqlite.internal.Link
import io.github.ubiqlite.internal.Mapping
import io.github.ubiqlite.internal.Op
import io.github.ubiqlite.internal.Owner
import io.github.ubiqlite.internal.Place
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
    place: Place,
    /** The path it was opened with. */
    public val path: String,
) : Statements(place) {
    /** Returns the same database with a time limit for every call made through it; then [UbiqliteException.Timeout]. */
    public fun timeout(limit: Duration): Database = Database(place.limited(limit), path)

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
        transact(place, mode, body)

    /** Begins a transaction and returns its handle: it is rolled back unless it is committed. */
    public suspend fun begin(mode: Mode = Mode.IMMEDIATE): Transaction = begin(place, mode)

    /**
     * Returns a snapshot, for several reads of the same moment, over any number of calls.
     *
     * @throws UbiqliteException.Timeout if no connection was free within the acquire timeout
     */
    public suspend fun snapshot(): Snapshot = Snapshot(place.within(place.lend(Op.SNAPSHOT)))

    /**
     * Lends a dedicated connection, for `ATTACH`, temporary tables and `PRAGMA`s.
     *
     * @throws UbiqliteException.Timeout if no connection was free within the acquire timeout
     */
    public suspend fun acquire(): Session = Session(place.within(place.lend(Op.ACQUIRE)))

    /** Returns what the storage can do. */
    public suspend fun capabilities(): Capabilities = place.ask(Op.CAPABILITIES).capabilities()

    /**
     * Stops this database's running calls: they fail with
     * [UbiqliteException.Cancelled]. A closed database has none.
     */
    public fun interrupt() {
        place.begin(Op.INTERRUPT)
    }

    /**
     * Waits for every accepted call, then closes. Transactions, sessions, snapshots and
     * streams that are still open have the busy timeout to end; then they are rolled back.
     * Later calls fail with [UbiqliteException.Closed]; closing again does nothing. If the
     * wait is cancelled, closing continues.
     */
    public suspend fun close(): Unit = place.link.close()

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
         * @throws UbiqliteException `CannotOpen`, `NotADatabase`, `Corrupt`, `Busy`; `InvalidArgument` for options
         * that can't be used; `Unsupported` if there is no native library for this system
         */
        public suspend fun open(path: String, options: DatabaseOptions.() -> Unit = {}): Database {
            if (path.isEmpty()) throw invalid("a database is opened by its path")
            if ('\u0000' in path) throw invalid("the path holds a NUL character, which no file name can")
            val chosen = DatabaseOptions().apply(options)
            val link = Link.open(path, chosen.settings(), Mapping.of(chosen.json, chosen.snakeCase))
            return Database(Place(link, Owner(link), null, Link.NO_LIMIT), path)
        }
    }
}
