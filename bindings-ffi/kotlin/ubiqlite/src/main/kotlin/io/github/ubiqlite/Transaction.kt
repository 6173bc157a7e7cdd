package io.github.ubiqlite

import io.github.ubiqlite.internal.Held
import io.github.ubiqlite.internal.Op
import io.github.ubiqlite.internal.Place
import io.github.ubiqlite.internal.closed
import kotlin.time.Duration
import kotlinx.coroutines.CancellationException

/** How a transaction begins. */
public enum class Mode {
    /** With the write lock: nothing later in it can be refused as busy. */
    IMMEDIATE,

    /** With no lock until it is needed. */
    DEFERRED,

    /** Without readers beside it, where the journal is not a write-ahead log. */
    EXCLUSIVE,
}

/** What is held, and undone unless it is ended well. */
public sealed class Nest(place: Place) : Statements(place), AutoCloseable {
    internal val held: Held get() = place.on ?: throw closed("what was begun is over")

    /**
     * Runs [body] in a savepoint: what it did is undone, and nothing else, if it throws.
     * Meanwhile statements are run by the savepoint, which is given to it.
     *
     * ```kotlin
     * db.transaction { tx ->
     *     tx.execute("INSERT INTO log (message) VALUES (?)", "begun")
     *     runCatching { tx.savepoint { sp -> sp.execute("INSERT INTO items (id) VALUES (1)") } }
     * }
     * ```
     */
    public suspend fun <T> savepoint(body: suspend (Savepoint) -> T): T =
        within(beginSavepoint(), "savepoint", Savepoint::release, body)

    /** Begins a savepoint as a handle: it is undone unless it is released. */
    public suspend fun beginSavepoint(): Savepoint = Savepoint(place.within(place.lend(Op.SAVEPOINT)))

    /** Rolls back, and waits until that is done. */
    public suspend fun rollback(): Unit = end(Op.ROLLBACK)

    /**
     * Rolls back unless it was ended, without waiting: it happens before anything that is
     * asked for later. So `begin().use { }` undoes what was not committed.
     */
    override fun close(): Unit = place.link.drop(held, "transaction or savepoint")

    internal suspend fun end(op: Int) {
        val ending = place.begin(op)
        // Whatever it returns, the engine has ended it; what was asked before still happens in it.
        held.end()
        try {
            ending.await().done()
        } catch (cancelled: CancellationException) {
            // Given up while it waited behind other calls, it has ended nothing.
            place.link.tell(Op.DROP, held.id)
            throw cancelled
        }
    }
}

/**
 * An open transaction. What it reads includes what it wrote; nobody else sees that
 * before the commit. It may be used from every thread and dispatcher: calls take place
 * in the order of asking. Ended neither by [commit] nor by [rollback], it is rolled back
 * when it is [closed][close] or garbage.
 */
public class Transaction internal constructor(place: Place) : Nest(place) {
    /**
     * Commits: everything is durable, or nothing happened.
     *
     * @throws UbiqliteException `ForeignKeyViolation` for a deferred foreign key, `DiskFull`, `Io`, `Cancelled` if a
     * statement in it was given up: it is rolled back then
     */
    public suspend fun commit(): Unit = end(Op.COMMIT)

    /** The same transaction with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Transaction = Transaction(place.limited(limit))
}

/** A savepoint inside a transaction: a part of it that can be undone alone. */
public class Savepoint internal constructor(place: Place) : Nest(place) {
    /** Keeps what was done in it, as part of the transaction around it. */
    public suspend fun release(): Unit = end(Op.RELEASE)

    /** The same savepoint with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Savepoint = Savepoint(place.limited(limit))
}

internal suspend fun begin(place: Place, mode: Mode): Transaction =
    Transaction(place.within(place.lend(Op.BEGIN) { it.u8(mode.ordinal) }))

internal suspend fun <T> transact(place: Place, mode: Mode, body: suspend (Transaction) -> T): T =
    within(begin(place, mode), "transaction", Transaction::commit, body)

/**
 * Runs a body in something that is kept if it ends well, and undone if not. The undoing
 * neither suspends nor fails, so that it happens when the coroutine is cancelled too, and
 * before the next write.
 */
private suspend fun <H : Nest, T> within(
    handle: H,
    what: String,
    keep: suspend (H) -> Unit,
    body: suspend (H) -> T,
): T {
    val answer = try {
        body(handle)
    } catch (error: Throwable) {
        handle.place.link.drop(handle.held, what)
        throw error
    }
    // The body may have ended it itself.
    if (handle.held.isOver) return answer
    try {
        keep(handle)
    } catch (error: Throwable) {
        handle.place.link.drop(handle.held, what)
        throw error
    }
    return answer
}
