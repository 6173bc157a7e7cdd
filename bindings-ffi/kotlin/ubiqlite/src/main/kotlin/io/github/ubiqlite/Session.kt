package io.github.ubiqlite

import io.github.ubiqlite.internal.Op
import io.github.ubiqlite.internal.CallTarget
import kotlin.time.Duration

/**
 * A dedicated connection, from [Database.acquire]. Only here may statements change
 * the connection itself: `ATTACH`, temporary tables, `PRAGMA`s, a bare `BEGIN`. [close]
 * gives it back, and anything open in it is rolled back.
 *
 * ```kotlin
 * db.acquire().use { session ->
 *     session.execute("CREATE TEMP TABLE seen (id)")
 * }
 * ```
 */
public class Session internal constructor(target: CallTarget) : Statements(target), AutoCloseable {
    /** Runs [body] in a transaction of this session: see [Database.transaction]. */
    public suspend fun <T> transaction(mode: Mode = Mode.IMMEDIATE, body: suspend (Transaction) -> T): T =
        transact(target, mode, body)

    /** Begins a transaction in this session and returns its handle: it is rolled back unless it is committed. */
    public suspend fun begin(mode: Mode = Mode.IMMEDIATE): Transaction = begin(target, mode)

    /** Stops this session's running calls: they fail with [UbiqliteException.Cancelled]. */
    public fun interrupt() {
        target.begin(Op.INTERRUPT)
    }

    /** Returns the same session with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Session = Session(target.limited(limit))

    /** Gives the connection back, without waiting. */
    override fun close() {
        target.on?.let { target.client.drop(it, "session") }
    }
}

/**
 * One moment of the database, from [Database.snapshot]: everything read through it is of
 * that moment, whatever is committed in the meantime. A write fails with
 * [UbiqliteException.ReadOnly].
 *
 * ```kotlin
 * db.snapshot().use { moment ->
 *     coroutineScope {
 *         val user = async { moment.queryOne("SELECT * FROM users WHERE id = ?", 1) }
 *         val count = async { moment.queryValue<Long>("SELECT count(*) FROM orders WHERE user_id = ?", 1) }
 *         println("${user.await()} has ${count.await()} orders")
 *     }
 * }
 * ```
 */
public class Snapshot internal constructor(target: CallTarget) : Reader(target), AutoCloseable {
    /** Returns a table, to read its rows without SQL. */
    public fun table(name: String): Table = Table(target, name)

    /** Returns the same moment with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Snapshot = Snapshot(target.limited(limit))

    /** Releases the moment, without waiting. */
    override fun close() {
        target.on?.let { target.client.drop(it, "snapshot") }
    }
}
