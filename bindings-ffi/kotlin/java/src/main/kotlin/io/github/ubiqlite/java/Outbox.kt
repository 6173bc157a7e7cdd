package io.github.ubiqlite.java

import io.github.ubiqlite.OutboxBatch
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CompletionStage
import java.util.concurrent.Flow
import java.util.function.Function
import io.github.ubiqlite.Outbox as SuspendingOutbox

/**
 * The changes of a database that wait to be sent, from [UbiqliteDatabase.outbox].
 *
 * Each commit that has changed recorded tables has left one [OutboxBatch] here, in the same
 * commit: neither is ever there without the other. It stays until it is [acknowledged][ack],
 * whatever happens in between.
 *
 * As a publisher it delivers the batches that wait, from the oldest that is not acknowledged, and
 * then each one as it is committed, as many as the subscriber requests. Each [forEach] and each
 * [subscribe] begins there again. They end normally when the database or this outbox is closed.
 * Batches are delivered on the executor, one at a time.
 *
 * ```java
 * CompletableFuture<Void> sending = outbox.forEach(batch ->
 *     send(batch.getBytes())                        // there: db.apply(bytes, Policy.THEIRS)
 *         .thenCompose(arrived -> outbox.ack(batch.getId())));
 * sending.cancel(false);                            // ends the wait; the tables are still recorded
 * ```
 */
public class Outbox internal constructor(private val outbox: SuspendingOutbox, private val caller: Caller) :
    Flow.Publisher<OutboxBatch>, AutoCloseable {
    /**
     * Returns the oldest batch that this call has not returned yet, or null if there is none now.
     * A new outbox begins with the oldest that is not acknowledged. A call that was cancelled has
     * returned nothing: the next one returns its batch.
     */
    public fun next(): CompletableFuture<OutboxBatch?> = caller.ask { outbox.next() }

    /**
     * Passes every batch to [action], and waits until the stage that it returns is complete before
     * the next one. The future completes when the database or this outbox is closed. If the stage
     * fails or [action] throws, the future fails with that; another call begins with the oldest batch
     * that is not acknowledged.
     */
    public fun <T> forEach(action: Function<in OutboxBatch, out CompletionStage<T>>): CompletableFuture<Void?> =
        caller.workOff { outbox.batches().collect { action.stage(it) } }

    /** Delivers a batch for each one that the subscriber requests. */
    override fun subscribe(subscriber: Flow.Subscriber<in OutboxBatch>) {
        Subscription(outbox.batches(), subscriber, fresh = true).start(caller)
    }

    /** Removes the batch with this number, which has arrived, and all before it. */
    public fun ack(id: Long): CompletableFuture<Void?> = caller.tell { outbox.ack(id) }

    /** Ends it, without waiting. Nothing in the database changes: the tables are still recorded. */
    override fun close(): Unit = outbox.close()
}
