package io.github.ubiqlite.java

import io.github.ubiqlite.Mode
import java.time.Duration
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CompletionStage
import java.util.function.Function
import kotlin.time.toKotlinDuration
import io.github.ubiqlite.Session as SuspendingSession
import io.github.ubiqlite.Snapshot as SuspendingSnapshot

/**
 * A dedicated connection, from [UbiqliteDatabase.acquire]. Only here may statements change
 * the connection itself: `ATTACH`, temporary tables, `PRAGMA`s, a bare `BEGIN`. [close]
 * gives it back, and anything open in it is rolled back.
 */
public class Session internal constructor(private val session: SuspendingSession, caller: Caller) :
    Statements(session, caller), AutoCloseable {
    /** Runs [body] in a transaction of this session: see [UbiqliteDatabase.transaction]. */
    @JvmOverloads
    public fun <T> transaction(
        mode: Mode = Mode.IMMEDIATE,
        body: Function<in Transaction, out CompletionStage<T>>,
    ): CompletableFuture<T> =
        caller.work { session.transaction(mode) { tx -> body.stage(Transaction(tx, caller)) } }

    /** Begins a transaction in this session and returns its handle: it is rolled back unless it is committed. */
    @JvmOverloads
    public fun begin(mode: Mode = Mode.IMMEDIATE): CompletableFuture<Transaction> =
        caller.ask { Transaction(session.begin(mode), caller) }

    /** Stops this session's running calls: they fail with `Cancelled`. */
    public fun interrupt() {
        session.interrupt()
    }

    /** Returns the same session with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Session = Session(session.timeout(limit.toKotlinDuration()), caller)

    /** Gives the connection back, without waiting. */
    override fun close(): Unit = session.close()
}

/**
 * One moment of the database, from [UbiqliteDatabase.snapshot]: everything read through it is
 * of that moment, whatever is committed in the meantime. A write fails with `ReadOnly`.
 */
public class Snapshot internal constructor(private val snapshot: SuspendingSnapshot, caller: Caller) :
    Reader(snapshot, caller), AutoCloseable {
    /** Returns a table, to read its rows without SQL. */
    public fun table(name: String): Table = Table(snapshot.table(name), caller)

    /** Returns the same moment with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Snapshot = Snapshot(snapshot.timeout(limit.toKotlinDuration()), caller)

    /** Releases the moment, without waiting. */
    override fun close(): Unit = snapshot.close()
}
