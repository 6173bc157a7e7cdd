package io.github.ubiqlite.java

import io.github.ubiqlite.RowMapper
import io.github.ubiqlite.Update
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Flow
import java.util.function.Consumer
import io.github.ubiqlite.Row as SuspendingRow
import kotlinx.coroutines.flow.Flow as SuspendingFlow
import kotlinx.coroutines.flow.flow

/**
 * The results of several watched queries: those now, and then each new list, with a result for each
 * query, all of one moment. Everything else is as with [UpdateStream].
 *
 * ```java
 * db.watchAll(new Statement("SELECT * FROM items"), new Statement("SELECT count(*) FROM orders"))
 *     .forEach(results -> show(results.get(0).getRows(), results.get(1).getRows().get(0).getLong(0)));
 * ```
 */
public class UpdateListStream internal constructor(
    results: SuspendingFlow<List<Update<SuspendingRow>>>,
    private val caller: Caller,
) : Flow.Publisher<List<Update<Row>>> {
    private val results: SuspendingFlow<List<Update<Row>>> = flow {
        val rows = ArrayList<RowMapper<SuspendingRow, Row>>()
        results.collect { list ->
            while (rows.size < list.size) rows.add(RowMapper { Row(it) })
            emit(List(list.size) { rows[it].map(list[it]) })
        }
    }

    /**
     * Passes every list to [action]; the future completes when the database is closed. If a query
     * fails or [action] throws, the watch ends and the future fails with that; cancelling the future
     * ends the watch.
     */
    public fun forEach(action: Consumer<in List<Update<Row>>>): CompletableFuture<Void?> =
        caller.workOff { results.collect { action.accept(it) } }

    /** Delivers a list for each one that the subscriber requests: the newest by then. */
    override fun subscribe(subscriber: Flow.Subscriber<in List<Update<Row>>>) {
        Subscription(results, subscriber, fresh = true).start(caller)
    }
}
