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
 * Reads go on beside the one write that runs at a time. Each call is a transaction of
 * its own; [transaction] makes several statements one. Every method may be called from
 * every thread and dispatcher, and without one. It is closed by [close], or at the end of [use]; one that
 * was forgotten is closed when it is garbage.
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
    /** The path that it was opened by. */
    public val path: String,
) : Statements(place) {
    /** The same database with a time limit for every call made through it; then [UbiqliteException.Timeout]. */
    public fun timeout(limit: Duration): Database = Database(place.limited(limit), path)

    /**
     * Runs [body] in a transaction, which is committed if it ends well, and rolled back if
     * it throws or its coroutine is cancelled: that exception comes out unchanged. Others'
     * reads go on beside it; their writes, and writes through the database itself, wait
     * for its end.
     *
     * ```kotlin
     * val left = db.transaction { tx ->
     *     tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = ?", 1)
     *     tx.queryValue<Long>("SELECT balance FROM accounts WHERE id = ?", 1)
     * }
     * ```
     * @throws UbiqliteException.Busy if the write lock was not to be had within the busy timeout
     */
    public suspend fun <T> transaction(mode: Mode = Mode.IMMEDIATE, body: suspend (Transaction) -> T): T =
        transact(place, mode, body)

    /** Begins a transaction as a handle: it is rolled back unless it is committed. */
    public suspend fun begin(mode: Mode = Mode.IMMEDIATE): Transaction = begin(place, mode)

    /**
     * Several reads of one moment, over as many calls as wanted.
     *
     * @throws UbiqliteException.Timeout if no connection was free within the acquire timeout
     */
    public suspend fun snapshot(): Snapshot = Snapshot(place.within(place.lend(Op.SNAPSHOT)))

    /**
     * Lends a connection of one's own, for `ATTACH`, temporary tables and `PRAGMA`s.
     *
     * @throws UbiqliteException.Timeout if no connection was free within the acquire timeout
     */
    public suspend fun acquire(): Session = Session(place.within(place.lend(Op.ACQUIRE)))

    /** What the storage can do. */
    public suspend fun capabilities(): Capabilities = place.ask(Op.CAPABILITIES).capabilities()

    /**
     * Stops this database's calls that are under way: they fail with
     * [UbiqliteException.Cancelled]. One that is closed has none.
     */
    public fun interrupt() {
        place.begin(Op.INTERRUPT)
    }

    /**
     * Waits for every call that was accepted, then closes. Transactions, sessions,
     * snapshots and streams that are still out have the busy timeout to end; then they are
     * rolled back. Calls after this are [UbiqliteException.Closed]; closing again does
     * nothing. Whoever gives the waiting up, the closing goes on.
     */
    public suspend fun close(): Unit = place.link.close()

    /** Runs [block], and closes, however it ends. */
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
         * @param path of the file, which is made if it is missing; `":memory:"` for none
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
