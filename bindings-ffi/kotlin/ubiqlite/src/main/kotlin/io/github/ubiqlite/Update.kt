package io.github.ubiqlite

import java.util.Collections
import java.util.IdentityHashMap
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/**
 * One result of a watched query: see [Database.watch] and [Database.watchAll]. Positions count from 0.
 *
 * @param T the type of the rows: [Row], or what [mapRows] makes of it
 */
public class Update<out T> internal constructor(
    /** All rows of the result. Those that are the same as in the result before are the same objects. */
    public val rows: List<T>,
    /** The positions of new rows in [rows], ascending. Of a watch's first result, all are new. */
    public val added: List<Int>,
    /** The positions of rows that are gone, in the rows of the result before, ascending. */
    public val removed: List<Int>,
    /** The positions of rows with other values in [rows], ascending. There are none if the watch has no key. */
    public val updated: List<Int>,
    /**
     * How many commits of this database the result is known to contain, counted since its first
     * watch. It never decreases.
     */
    public val moment: Long,
) {
    /** Returns what the result has, in numbers, for human readers. */
    override fun toString(): String =
        "Update(${rows.size} rows, ${added.size} added, ${removed.size} removed, ${updated.size} updated)"
}

/**
 * Converts the rows of a watch. A row that stays in the result is converted once, and stays the
 * same object; so an operator that drops updates, like `conflate` or `debounce`, may come before
 * this one. If [transform] throws, the watch ends with that.
 *
 * ```kotlin
 * db.watch("SELECT * FROM items", key = "id")
 *     .mapRows { it.into<Item>() }
 *     .collect { update -> show(update.rows) }
 * ```
 * @param transform is called in the collector's coroutine, and must return equal results for equal rows
 */
public fun <T, R> Flow<Update<T>>.mapRows(transform: suspend (T) -> R): Flow<Update<R>> = flow {
    val rows = RowMapper(transform)
    collect { emit(rows.map(it)) }
}

/** Converts the rows of one collection's results. */
internal class RowMapper<T, R>(private val transform: suspend (T) -> R) {
    // Whole results are compared, and not what an update says has changed: updates may be missing.
    private var known = IdentityHashMap<T, R>()

    suspend fun map(update: Update<T>): Update<R> {
        val now = IdentityHashMap<T, R>(update.rows.size)
        val rows = ArrayList<R>(update.rows.size)
        for (row in update.rows) {
            @Suppress("UNCHECKED_CAST")
            val made = if (known.containsKey(row)) known[row] as R else transform(row)
            now[row] = made
            known[row] = made
            rows.add(made)
        }
        known = now
        return Update(Collections.unmodifiableList(rows), update.added, update.removed, update.updated, update.moment)
    }
}
