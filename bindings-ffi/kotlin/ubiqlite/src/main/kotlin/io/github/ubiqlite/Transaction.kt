package io.github.ubiqlite

import io.github.ubiqlite.internal.RemoteHandle
import io.github.ubiqlite.internal.Op
import io.github.ubiqlite.internal.CallTarget
import io.github.ubiqlite.internal.applied
import io.github.ubiqlite.internal.closed
import kotlin.time.Duration
import kotlinx.coroutines.CancellationException

/** How a transaction begins. */
public enum class Mode {
    /** With the write lock: nothing later in it can be refused as busy. */
    IMMEDIATE,

    /** With no lock until it is needed. */
    DEFERRED,

    /** Without concurrent readers, if the journal is not a write-ahead log. */
    EXCLUSIVE,
}

/** A transaction or savepoint, which is undone unless it is committed or released. */
public sealed class Nest(target: CallTarget) : Statements(target), AutoCloseable {
    internal val remote: RemoteHandle get() = target.on ?: throw closed("the transaction or savepoint has ended")

    /**
     * Runs [body] in a savepoint: if it throws, its changes, and only those, are undone.
     * Until it ends, statements must run on the savepoint that is passed to [body].
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

    /** Begins a savepoint and returns its handle: it is undone unless it is released. */
    public suspend fun beginSavepoint(): Savepoint = Savepoint(target.within(target.open(Op.SAVEPOINT)))

    /** Rolls back, and waits until that has finished. */
    public suspend fun rollback(): Unit = end(Op.ROLLBACK)

    /**
     * Rolls back unless it has ended, without waiting: the rollback happens before any
     * later request. So `begin().use { }` undoes everything that was not committed.
     */
    override fun close(): Unit = target.client.drop(remote, "transaction or savepoint")

    internal suspend fun end(op: Int) {
        val ending = target.begin(op)
        // Whatever this returns, the engine has ended it; earlier requests still run in it.
        remote.end()
        try {
            ending.await().done()
        } catch (cancelled: CancellationException) {
            // If the call was cancelled while it waited behind others, it has ended nothing.
            target.client.tell(Op.DROP, remote.id)
            throw cancelled
        }
    }
}

/**
 * An open transaction. It reads its own writes; nobody else sees them before the commit.
 * It may be used from every thread and dispatcher: calls run in the order in which they
 * are made. If neither [commit] nor [rollback] ends it, it is rolled back when it is
 * [closed][close] or garbage-collected.
 */
public class Transaction internal constructor(target: CallTarget) : Nest(target) {
    /**
     * Commits: everything is durable, or nothing happened.
     *
     * @throws UbiqliteException `ForeignKeyViolation` for a deferred foreign key, `DiskFull`, `Io`, `Cancelled` if a
     * statement in it was cancelled: then it is rolled back
     */
    public suspend fun commit(): Unit = end(Op.COMMIT)

    /**
     * Applies changes that were made elsewhere, as [Database.apply] does, in this transaction: with a
     * note of how far they were received, for example, so that none is applied twice.
     *
     * ```kotlin
     * db.transaction { tx ->
     *     tx.apply(bytes, Policy.THEIRS)
     *     tx.execute("UPDATE received SET number = ?", number)
     * }
     * ```
     * @throws UbiqliteException as [Database.apply]; `InvalidArgument` after a change of recorded tables in the same
     * transaction
     */
    public suspend fun apply(bytes: ByteArray, policy: Policy, tables: Map<String, Policy> = emptyMap()): Applied =
        applied(target, bytes, policy, tables)

    /** Returns the same transaction with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Transaction = Transaction(target.limited(limit))
}

/** A savepoint inside a transaction: a part of it that can be undone on its own. */
public class Savepoint internal constructor(target: CallTarget) : Nest(target) {
    /** Keeps its changes as part of the enclosing transaction. */
    public suspend fun release(): Unit = end(Op.RELEASE)

    /** Returns the same savepoint with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Savepoint = Savepoint(target.limited(limit))
}

internal suspend fun begin(target: CallTarget, mode: Mode): Transaction =
    Transaction(target.within(target.open(Op.BEGIN) { it.u8(mode.ordinal) }))

internal suspend fun <T> transact(target: CallTarget, mode: Mode, body: suspend (Transaction) -> T): T =
    within(begin(target, mode), "transaction", Transaction::commit, body)

/**
 * Runs a body in a transaction or savepoint that is kept if the body succeeds, and undone
 * if not. Undoing neither suspends nor fails, so that it also happens when the coroutine is
 * cancelled, and before the next write.
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
        handle.target.client.drop(handle.remote, what)
        throw error
    }
    // The body may already have ended it.
    if (handle.remote.isOver) return answer
    try {
        keep(handle)
    } catch (error: Throwable) {
        handle.target.client.drop(handle.remote, what)
        throw error
    }
    return answer
}
