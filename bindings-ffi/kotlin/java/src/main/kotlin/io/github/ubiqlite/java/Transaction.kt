package io.github.ubiqlite.java

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

/** What is held, and undone unless it is ended well. */
public sealed class Nest(private val nest: SuspendingNest, caller: Caller) : Statements(nest, caller), AutoCloseable {
    /**
     * Runs [body] in a savepoint: what it did is undone, and nothing else, if its stage
     * fails or it throws. Meanwhile statements are run by the savepoint, which is given to
     * it. [body] is called on the executor.
     */
    public fun <T> savepoint(body: Function<in Savepoint, out CompletionStage<T>>): CompletableFuture<T> =
        caller.work { nest.savepoint { body.stage(Savepoint(it, caller)) } }

    /** Begins a savepoint as a handle: it is undone unless it is released. */
    public fun beginSavepoint(): CompletableFuture<Savepoint> =
        caller.ask { Savepoint(nest.beginSavepoint(), caller) }

    /** Rolls back; complete when that is done. */
    public fun rollback(): CompletableFuture<Void?> = caller.tell { nest.rollback() }

    /**
     * Rolls back unless it was ended, without waiting: it happens before anything that is
     * asked for later.
     */
    override fun close(): Unit = nest.close()
}

/**
 * An open transaction. What it reads includes what it wrote; nobody else sees that
 * before the commit. It may be used from every thread: calls take place in the order in
 * which they are made. Ended neither by [commit] nor by [rollback], it is rolled back
 * when it is [closed][close] or garbage.
 */
public class Transaction internal constructor(private val transaction: SuspendingTransaction, caller: Caller) :
    Nest(transaction, caller) {
    /**
     * Commits: everything is durable, or nothing happened.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future: `ForeignKeyViolation` for a deferred foreign key,
     * `DiskFull`, `Io`, `Cancelled` if a statement in it was given up: it is rolled back then
     */
    public fun commit(): CompletableFuture<Void?> = caller.tell { transaction.commit() }

    /** The same transaction with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Transaction =
        Transaction(transaction.timeout(limit.toKotlinDuration()), caller)
}

/** A savepoint inside a transaction: a part of it that can be undone alone. */
public class Savepoint internal constructor(private val savepoint: SuspendingSavepoint, caller: Caller) :
    Nest(savepoint, caller) {
    /** Keeps what was done in it, as part of the transaction around it. */
    public fun release(): CompletableFuture<Void?> = caller.tell { savepoint.release() }

    /** The same savepoint with a time limit for every call made through it. */
    public fun timeout(limit: Duration): Savepoint = Savepoint(savepoint.timeout(limit.toKotlinDuration()), caller)
}

/** Calls the user's function, and waits for what it gives. */
internal suspend fun <H, T> Function<in H, out CompletionStage<T>>.stage(handle: H): T {
    val stage = apply(handle) ?: throw invalid("the function of a transaction or savepoint gave null; it is to give a future")
    return stage.outcome().getOrThrow()
}

/** What came of it: as a value, since a debugger's coroutines throw a copy of what they are resumed with. */
private suspend fun <T> CompletionStage<T>.outcome(): Result<T> = suspendCancellableCoroutine { waiting ->
    whenComplete { value, error ->
        val reason = (error as? CompletionException)?.cause ?: error
        waiting.resume(if (reason == null) Result.success(value) else Result.failure(reason))
    }
    waiting.invokeOnCancellation { toCompletableFuture().cancel(false) }
}
