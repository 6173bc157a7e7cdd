package io.github.ubiqlite.java

import java.util.concurrent.CompletableFuture
import java.util.concurrent.Flow
import java.util.function.Consumer
import kotlinx.coroutines.flow.map
import io.github.ubiqlite.Row as SuspendingRow
import kotlinx.coroutines.flow.Flow as SuspendingFlow

/**
 * The rows of a query one after another, keeping only a few pages in memory. The next pages
 * are read while one is processed. Each [forEach] and each [subscribe] runs the query again.
 * Rows are delivered on the executor, one at a time.
 *
 * ```java
 * db.stream("SELECT * FROM items").forEach(row -> System.out.println(row.getString("name"))).get();
 * db.stream("SELECT * FROM items").subscribe(subscriber);   // java.util.concurrent.Flow, with back pressure
 * ```
 */
public class RowStream internal constructor(
    private val rows: SuspendingFlow<SuspendingRow>,
    private val caller: Caller,
) : Flow.Publisher<Row> {
    /**
     * Passes every row to [action]; the future completes after the last. If [action] throws,
     * the query ends and the future fails with that; cancelling the future ends the query.
     */
    public fun forEach(action: Consumer<in Row>): CompletableFuture<Void?> =
        caller.workOff { rows.collect { action.accept(Row(it)) } }

    /**
     * Delivers rows as the subscriber requests them. The query begins with the first request,
     * and holds a connection until it ends or fails, or the subscription is cancelled.
     */
    override fun subscribe(subscriber: Flow.Subscriber<in Row>) {
        Subscription(rows.map(::Row), subscriber).start(caller)
    }
}
