package io.github.ubiqlite.java

import io.github.ubiqlite.Applied
import io.github.ubiqlite.Policy
import io.github.ubiqlite.internal.invalid
import java.time.Duration
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CompletionException
import java.util.concurrent.CompletionStage
import java.util.function.Function
import kotlin.coroutines.resume
import kotlin.time.toKotlinDuration
import kotlinx.coroutines.suspendCancellableCoroutine
import io.github.ubiqlite.Nest as SuspendingNest
import io.github.ubiqlite.Savepoint as SuspendingSavepoint
import io.github.ubiqlite.Transaction as SuspendingTransaction

/** A transaction or savepoint, which is undone unless it is committed or released. */
public sealed class Nest(private val nest: SuspendingNest, caller: Caller) : Statements(nest, caller), AutoCloseable {
    /**
     * Runs [body] in a savepoint: if its stage fails or it throws, its changes, and only
     * those, are undone. Until it ends, statements must run on the savepoint that is passed
     * to [body]. [body] is called on the executor.
     */
    public fun <T> savepoint(body: Function<in Savepoint, out CompletionStage<T>>): CompletableFuture<T> =
        caller.work { nest.savepoint { body.stage(Savepoint(it, caller)) } }

    /** Begins a savepoint and returns its handle: it is undone unless it is released. */
    public fun beginSavepoint(): CompletableFuture<Savepoint> =
        caller.ask { Savepoint(nest.beginSavepoint(), caller) }

    /** Rolls back; the future completes when that has finished. */
    public fun rollback(): CompletableFuture<Void?> = caller.tell { nest.rollback() }

    /**
     * Rolls back unless it has ended, without waiting: the rollback happens before any later
     * request.
     */
    override fun close(): Unit = nest.close()
}

/**
 * An open transaction. It reads its own writes; nobody else sees them before the commit.
 * It may be used from every thread: calls run in the order in which they are made. If
 * neither [commit] nor [rollback] ends it, it is rolled back when it is [closed][close] or
 * garbage-collected.
 */
public class Transaction internal constructor(private val transaction: SuspendingTransaction, caller: Caller) :
    Nest(transaction, caller) {
    /**
     * Commits: everything is durable, or nothing happened.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future: `ForeignKeyViolation` for a deferred foreign key,
     * `DiskFull`, `Io`, `Cancelled` if a statement in it was cancelled: then it is rolled back
     */
    public fun commit(): CompletableFuture<Void?> = caller.tell { transaction.commit() }

    /**
     * Applies changes that were made elsewhere, as [UbiqliteDatabase.apply] does, in this transaction:
     * with a note of how far they were received, for example, so that none is applied twice.
     *
     * ```java
     * db.transaction(tx -> tx.apply(bytes, Policy.THEIRS)
     *     .thenCompose(done -> tx.execute("UPDATE received SET number = ?", number)));
     * ```
     * @throws io.github.ubiqlite.UbiqliteException in the future, as [UbiqliteDatabase.apply]; `InvalidArgument` after
     * a change of recorded tables in the same transaction
     */
    @JvmOverloads
    public fun apply(
        bytes: ByteArray,
        policy: Policy,
        tables: Map<String, Policy> = emptyMap(),
    ): CompletableFuture<Applied> = caller.ask { transaction.apply(bytes, policy, tables) }

    /** Returns the same transaction with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Transaction =
        Transaction(transaction.timeout(limit.toKotlinDuration()), caller)
}

/** A savepoint inside a transaction: a part of it that can be undone on its own. */
public class Savepoint internal constructor(private val savepoint: SuspendingSavepoint, caller: Caller) :
    Nest(savepoint, caller) {
    /** Keeps its changes as part of the enclosing transaction. */
    public fun release(): CompletableFuture<Void?> = caller.tell { savepoint.release() }

    /** Returns the same savepoint with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Savepoint = Savepoint(savepoint.timeout(limit.toKotlinDuration()), caller)
}

/** Calls the user's function, and waits for the stage it returns. */
internal suspend fun <H, T> Function<in H, out CompletionStage<T>>.stage(handle: H): T {
    val stage = apply(handle) ?: throw invalid("the function returned null; it must return a future")
    return stage.outcome().getOrThrow()
}

/** Returns the outcome as a value, since coroutines in a debugger throw a copy of the exception they are resumed with. */
private suspend fun <T> CompletionStage<T>.outcome(): Result<T> = suspendCancellableCoroutine { waiting ->
    whenComplete { value, error ->
        val reason = (error as? CompletionException)?.cause ?: error
        waiting.resume(if (reason == null) Result.success(value) else Result.failure(reason))
    }
    waiting.invokeOnCancellation { toCompletableFuture().cancel(false) }
}
