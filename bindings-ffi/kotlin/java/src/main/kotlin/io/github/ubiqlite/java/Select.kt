package io.github.ubiqlite.java

import io.github.ubiqlite.Comparison
import io.github.ubiqlite.Order
import java.util.concurrent.CompletableFuture
import io.github.ubiqlite.Select as SuspendingSelect

/**
 * Rows by filters, in an order, with limit and offset. Filters are all to hold. It does
 * nothing until [all], [first], [count] or [stream]. It never changes: each of its methods
 * makes another one, so that one may be the base of several.
 *
 * ```java
 * CompletableFuture<List<Row>> rows = db.table("items").select()
 *     .whereIn("status", List.of("new", "done")).where("value", Comparison.GE, 10)
 *     .orderBy("id", Order.DESC).limit(20).all();
 * ```
 * A limit or offset that is negative is an `InvalidArgument`, thrown here.
 */
public class Select internal constructor(private val select: SuspendingSelect, private val caller: Caller) {
    /** Rows whose column equals the value; is `NULL`, for null. */
    public fun where(column: String, value: Any?): Select = Select(select.where(column, value), caller)

    /** Rows whose column compares so with the value. */
    public fun where(column: String, comparison: Comparison, value: Any?): Select =
        Select(select.where(column, comparison, value), caller)

    /** Rows whose column equals one of the values. An empty list selects none. */
    public fun whereIn(column: String, values: Iterable<*>): Select = Select(select.whereIn(column, values), caller)

    /** Rows whose column is `NULL`. */
    public fun whereNull(column: String): Select = Select(select.whereNull(column), caller)

    /** Rows whose column is not `NULL`. */
    public fun whereNotNull(column: String): Select = Select(select.whereNotNull(column), caller)

    /** Orders by the column, after those named before. */
    @JvmOverloads
    public fun orderBy(column: String, order: Order = Order.ASC): Select = Select(select.orderBy(column, order), caller)

    /** At most so many rows. */
    public fun limit(rows: Long): Select = Select(select.limit(rows), caller)

    /** Passes over so many rows first. */
    public fun offset(rows: Long): Select = Select(select.offset(rows), caller)

    /** All rows that are selected. */
    public fun all(): CompletableFuture<List<Row>> = caller.ask { rows(select.all()) }

    /** The first row that is selected, or null. */
    public fun first(): CompletableFuture<Row?> = caller.ask { select.first()?.let(::Row) }

    /** How many rows are selected. */
    public fun count(): CompletableFuture<Long> = caller.ask { select.count() }

    /** The selected rows one after another. */
    public fun stream(): RowStream = RowStream(select.stream(), caller)
}
