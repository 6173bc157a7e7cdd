package io.github.ubiqlite.java

import io.github.ubiqlite.Update
import io.github.ubiqlite.mapRows
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Flow
import java.util.function.Consumer
import io.github.ubiqlite.Row as SuspendingRow
import kotlinx.coroutines.flow.Flow as SuspendingFlow

/**
 * The results of a watched query: the one now, and then each new one. Rows that stay are the
 * same objects. Each [forEach] and each [subscribe] is a watch of its own, which ends normally
 * when the database is closed. Results are delivered on the executor, one at a time, and none is
 * queued: whoever is late gets the newest.
 *
 * ```java
 * CompletableFuture<Void> showing = db.watch(List.of("id"), "SELECT * FROM items")
 *     .forEach(update -> show(update.getRows(), update.getAdded(), update.getRemoved(), update.getUpdated()));
 * showing.cancel(false);                           // ends the watch
 * db.watch("SELECT * FROM items").subscribe(subscriber);   // java.util.concurrent.Flow, with back pressure
 * ```
 */
public class UpdateStream internal constructor(
    updates: SuspendingFlow<Update<SuspendingRow>>,
    private val caller: Caller,
) : Flow.Publisher<Update<Row>> {
    private val updates = updates.mapRows { Row(it) }

    /**
     * Passes every result to [action]; the future completes when the database is closed. If the
     * query fails or [action] throws, the watch ends and the future fails with that; cancelling
     * the future ends the watch.
     */
    public fun forEach(action: Consumer<in Update<Row>>): CompletableFuture<Void?> =
        caller.workOff { updates.collect { action.accept(it) } }

    /** Delivers a result for each one that the subscriber requests: the newest by then. */
    override fun subscribe(subscriber: Flow.Subscriber<in Update<Row>>) {
        Subscription(updates, subscriber, fresh = true).start(caller)
    }
}
