package io.github.ubiqlite

import io.github.ubiqlite.internal.Batches
import kotlinx.coroutines.flow.Flow

/**
 * The changes of a database that wait to be sent, from [Database.outbox].
 *
 * Each commit that has changed recorded tables has left one [OutboxBatch] here, in the same
 * commit: neither is ever there without the other. It stays until it is [acknowledged][ack],
 * whatever happens in between.
 *
 * ```kotlin
 * val outbox = db.outbox("items")
 * outbox.batches().collect { batch ->
 *     send(batch.bytes)                 // there: db.apply(bytes, Policy.THEIRS)
 *     outbox.ack(batch.id)
 * }
 * ```
 * It may be used from every thread and dispatcher. What is recorded does not depend on it: it is
 * [closed][close], or garbage-collected, and the tables are still recorded.
 */
public class Outbox internal constructor(private val batches: Batches) : AutoCloseable {
    /**
     * Returns the oldest batch that this call has not returned yet, or null if there is none now.
     * A new outbox begins with the oldest that is not acknowledged. A cancelled call has returned
     * nothing: the next one returns its batch.
     *
     * ```kotlin
     * while (true) {
     *     val batch = outbox.next() ?: break
     *     send(batch.bytes)
     *     outbox.ack(batch.id)
     * }
     * ```
     * @throws UbiqliteException as any query
     */
    public suspend fun next(): OutboxBatch? = batches.next()

    /**
     * Returns a flow of the batches: those that wait, from the oldest that is not acknowledged, and
     * then each one as it is committed. Each collection begins there again, whatever others and
     * [next] have had: so one that failed before its batch was acknowledged can be repeated. Nothing
     * is queued: a slow collector has the next batch read when it asks for it.
     *
     * ```kotlin
     * outbox.batches()
     *     .onEach { batch ->
     *         send(batch.bytes)
     *         outbox.ack(batch.id)
     *     }
     *     .retry { error -> (error is IOException).also { delay(1.seconds) } }
     *     .collect()
     * ```
     * Closing the database or this outbox ends the flow normally. A [time limit][Database.timeout]
     * holds for each wait for a batch: then the flow ends with [UbiqliteException.Timeout].
     *
     * @throws UbiqliteException to the collector: `Closed` if the database or the outbox was closed before
     */
    public fun batches(): Flow<OutboxBatch> = batches.flow()

    /**
     * Removes the batch with this [number][OutboxBatch.id], which has arrived, and all before it.
     *
     * @throws UbiqliteException as any statement that writes
     */
    public suspend fun ack(id: Long): Unit = batches.ack(id)

    /** Ends it, and its flows, without waiting. Nothing in the database changes: the tables are still recorded. */
    override fun close(): Unit = batches.close()
}

/** What one commit has changed in recorded tables: see [Outbox]. */
public class OutboxBatch internal constructor(
    /** Its number, for [Outbox.ack]. Later batches have greater ones, and none is used twice. */
    public val id: Long,
    /**
     * The changes, in SQLite's [format of change sets](https://sqlite.org/session/changesetfmt.html):
     * what [Database.apply] takes.
     */
    public val bytes: ByteArray,
) {
    /** Returns its number and its size, for human readers. */
    override fun toString(): String = "OutboxBatch(id=$id, ${bytes.size} bytes)"
}
