package io.github.ubiqlite

import io.github.ubiqlite.internal.Op
import io.github.ubiqlite.internal.CallTarget
import io.github.ubiqlite.internal.Writer
import io.github.ubiqlite.internal.invalid
import io.github.ubiqlite.internal.rows
import io.github.ubiqlite.internal.updates
import io.github.ubiqlite.internal.value
import kotlinx.coroutines.flow.Flow

/** How a column is compared with a value. */
public enum class Comparison {
    /** Equal; with null, whether it is `NULL`. */
    EQ,

    /** Not equal; with null, whether it is not `NULL`. */
    NE,

    /** Less. */
    LT,

    /** Less or equal. */
    LE,

    /** Greater. */
    GT,

    /** Greater or equal. */
    GE,

    /** Like a pattern with `%` and `_`. */
    LIKE,

    /** Not like a pattern with `%` and `_`. */
    NOT_LIKE,
}

/** The direction of an order. */
public enum class Order {
    /** The smallest first. */
    ASC,

    /** The largest first. */
    DESC,
}

/**
 * A selection of rows, with filters, an order, a limit and an offset. All filters must hold.
 * Nothing runs until [all], [first], [count], [stream] or [watch]. It is immutable: each
 * method returns a new selection, so that one may be the base of several.
 *
 * ```kotlin
 * val rows = db.table("items").select()
 *     .whereIn("status", listOf("new", "done")).where("value", Comparison.GE, 10)
 *     .orderBy("id", Order.DESC).limit(20).all()
 * ```
 */
public class Select private constructor(
    private val target: CallTarget,
    private val table: String,
    private val filters: List<(Writer) -> Unit>,
    private val orders: List<Pair<String, Order>>,
    private val most: Long?,
    private val skipped: Long,
) {
    internal constructor(target: CallTarget, table: String) : this(target, table, emptyList(), emptyList(), null, 0)

    private fun with(
        filters: List<(Writer) -> Unit> = this.filters,
        orders: List<Pair<String, Order>> = this.orders,
        most: Long? = this.most,
        skipped: Long = this.skipped,
    ): Select = Select(target, table, filters, orders, most, skipped)

    /** Keeps rows whose column equals the value, or is `NULL` if the value is null. */
    public fun where(column: String, value: Any?): Select = where(column, Comparison.EQ, value)

    /** Keeps rows whose column satisfies [comparison] with the value. */
    public fun where(column: String, comparison: Comparison, value: Any?): Select =
        filter(comparison.ordinal, column) { it.value(value, "the value for", column) }

    /** Keeps rows whose column equals one of the values. An empty list selects none. */
    public fun whereIn(column: String, values: Iterable<Any?>): Select {
        val list = values.toList()
        return filter(IN, column) { out ->
            out.u32(list.size)
            for (value in list) out.value(value, "a value for", column)
        }
    }

    /** Keeps rows whose column is `NULL`. */
    public fun whereNull(column: String): Select = filter(NULL, column) {}

    /** Keeps rows whose column is not `NULL`. */
    public fun whereNotNull(column: String): Select = filter(NOT_NULL, column) {}

    /** Orders by the column, after the columns of earlier calls. */
    public fun orderBy(column: String, order: Order = Order.ASC): Select = with(orders = orders + (column to order))

    /** Limits the selection to [rows] rows. */
    public fun limit(rows: Long): Select {
        if (rows < 0) throw invalid("a limit must not be negative")
        return with(most = rows)
    }

    /** Skips the first [rows] rows. */
    public fun offset(rows: Long): Select {
        if (rows < 0) throw invalid("an offset must not be negative")
        return with(skipped = rows)
    }

    /** Returns all selected rows. */
    public suspend fun all(): List<Row> = target.ask(Op.SELECT, ::write).rows()

    /** Returns the first selected row, or null. */
    public suspend fun first(): Row? = target.ask(Op.SELECT_FIRST, ::write).rows().firstRow()

    /** Returns the number of selected rows. */
    public suspend fun count(): Long = target.ask(Op.SELECT_COUNT, ::write).count()

    /** Streams the selected rows one after another. */
    public fun stream(): Flow<Row> = rows(target, Op.SELECT_STREAM, ::write)

    /**
     * Watches the selected rows, which are told apart by the table's primary key: see
     * [Database.watch].
     *
     * ```kotlin
     * db.table("items").select().where("status", "new").watch().collect { show(it.rows) }
     * ```
     * @throws UbiqliteException.Unsupported to the collector, if the table is not one of a [Database]: a transaction,
     * a session and a snapshot have no watches
     */
    public fun watch(): Flow<Update<Row>> = updates(target, Op.SELECT_WATCH, ::write)

    private fun filter(compare: Int, column: String, operand: (Writer) -> Unit): Select {
        val filter = { out: Writer ->
            out.u8(compare)
            out.text(column)
            operand(out)
        }
        return with(filters = filters + filter)
    }

    private fun write(out: Writer) {
        out.text(table)
        out.u32(filters.size)
        filters.forEach { it(out) }
        out.u32(orders.size)
        for ((column, order) in orders) {
            out.text(column)
            out.u8(order.ordinal)
        }
        out.u8(if (most == null) 0 else 1)
        if (most != null) out.f64(most.toDouble())
        out.f64(skipped.toDouble())
    }

    private companion object {
        const val IN = 8
        const val NULL = 9
        const val NOT_NULL = 10
    }
}
