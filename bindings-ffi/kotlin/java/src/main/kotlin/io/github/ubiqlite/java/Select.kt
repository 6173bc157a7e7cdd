package io.github.ubiqlite.java

import io.github.ubiqlite.Comparison
import io.github.ubiqlite.Order
import java.util.concurrent.CompletableFuture
import io.github.ubiqlite.Select as SuspendingSelect

/**
 * A selection of rows, with filters, an order, a limit and an offset. All filters must hold.
 * Nothing runs until [all], [first], [count], [stream] or [watch]. It is immutable: each
 * method returns a new selection, so that one may be the base of several.
 *
 * ```java
 * CompletableFuture<List<Row>> rows = db.table("items").select()
 *     .whereIn("status", List.of("new", "done")).where("value", Comparison.GE, 10)
 *     .orderBy("id", Order.DESC).limit(20).all();
 * ```
 * A negative limit or offset is an `InvalidArgument`, thrown by the call itself.
 */
public class Select internal constructor(private val select: SuspendingSelect, private val caller: Caller) {
    /** Keeps rows whose column equals the value, or is `NULL` if the value is null. */
    public fun where(column: String, value: Any?): Select = Select(select.where(column, value), caller)

    /** Keeps rows whose column satisfies [comparison] with the value. */
    public fun where(column: String, comparison: Comparison, value: Any?): Select =
        Select(select.where(column, comparison, value), caller)

    /** Keeps rows whose column equals one of the values. An empty list selects none. */
    public fun whereIn(column: String, values: Iterable<*>): Select = Select(select.whereIn(column, values), caller)

    /** Keeps rows whose column is `NULL`. */
    public fun whereNull(column: String): Select = Select(select.whereNull(column), caller)

    /** Keeps rows whose column is not `NULL`. */
    public fun whereNotNull(column: String): Select = Select(select.whereNotNull(column), caller)

    /** Orders by the column, after the columns of earlier calls. */
    @JvmOverloads
    public fun orderBy(column: String, order: Order = Order.ASC): Select = Select(select.orderBy(column, order), caller)

    /** Limits the selection to [rows] rows. */
    public fun limit(rows: Long): Select = Select(select.limit(rows), caller)

    /** Skips the first [rows] rows. */
    public fun offset(rows: Long): Select = Select(select.offset(rows), caller)

    /** Returns all selected rows. */
    public fun all(): CompletableFuture<List<Row>> = caller.ask { rows(select.all()) }

    /** Returns the first selected row, or null. */
    public fun first(): CompletableFuture<Row?> = caller.ask { select.first()?.let(::Row) }

    /** Returns the number of selected rows. */
    public fun count(): CompletableFuture<Long> = caller.ask { select.count() }

    /** Streams the selected rows one after another. */
    public fun stream(): RowStream = RowStream(select.stream(), caller)

    /**
     * Watches the selected rows, which are told apart by the table's primary key: see
     * [UbiqliteDatabase.watch]. Only the table of a database can be watched.
     */
    public fun watch(): UpdateStream = UpdateStream(select.watch(), caller)
}
