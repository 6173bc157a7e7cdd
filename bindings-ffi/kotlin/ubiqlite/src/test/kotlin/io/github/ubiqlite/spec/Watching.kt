package io.github.ubiqlite.spec

import io.github.ubiqlite.Row
import io.github.ubiqlite.Update
import java.util.Collections
import java.util.IdentityHashMap
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.launch

/** A result of a watch: its rows, and the positions of those that differ from before, by what they are. */
internal class WatchResult(val rows: List<Any?>, val diff: Map<String, List<Long>>)

/** The results of several queries, as the data that a scenario expects. */
internal class ResultsOfAll(val data: List<Map<String, Any?>>)

/** A flow of results, each of which is collected when it is asked for, and checked against the one before. */
internal class Watching<T>(updates: Flow<T>, scope: CoroutineScope, take: (T) -> Any) {
    private val asks = Channel<CompletableDeferred<Any?>>(Channel.UNLIMITED)

    init {
        scope.launch {
            var ask = asks.receive()
            try {
                updates.collect { update ->
                    answer(ask) { take(update) }
                    ask = asks.receive()
                }
                ask.complete(null)
            } catch (cancelled: CancellationException) {
                ask.completeExceptionally(Failure("the watch was cancelled: $cancelled"))
                throw cancelled
            } catch (error: Throwable) {
                ask.completeExceptionally(error)
            }
            for (late in asks) late.complete(null)
        }
    }

    /** Asks for the next result, which is null if the watch has ended. */
    fun next(): Deferred<Any?> = CompletableDeferred<Any?>().also { asks.trySend(it) }

    private fun answer(ask: CompletableDeferred<Any?>, make: () -> Any) = try {
        ask.complete(make())
    } catch (failure: Failure) {
        ask.completeExceptionally(failure)
    }
}

/** The results of one query, each checked against the one before. */
internal class Results {
    private var rows: List<Row> = emptyList()
    private var moment = 0L
    private var isFirst = true

    fun take(update: Update<Row>): WatchResult {
        val (before, now) = rows to update.rows
        val added = positions(update.added, now.size)
        val removed = positions(update.removed, before.size)
        val updated = positions(update.updated, now.size)
        val whole = !isFirst || added.size == now.size && removed.isEmpty() && updated.isEmpty()
        if (!whole || added.any { it in updated } || now.size + removed.size != before.size + added.size) {
            throw Failure("$added, $removed, $updated does not lead from ${before.size} rows to ${now.size}")
        }
        if (update.moment < moment) throw Failure("moment ${update.moment} came after $moment")
        val known: MutableSet<Row> = Collections.newSetFromMap(IdentityHashMap())
        known += before
        val differs = (added + updated).toSet()
        now.forEachIndexed { position, row ->
            if ((row in known) == (position in differs)) throw Failure("row $position is the same object and differs, or neither")
        }
        rows = now.toList()
        moment = update.moment
        isFirst = false
        fun data(positions: List<Int>) = positions.map { it.toLong() }
        return WatchResult(now.map(::dataOf), mapOf("added" to data(added), "removed" to data(removed), "updated" to data(updated)))
    }
}

/** Positions of rows: ascending, and each less than [rows]. */
private fun positions(positions: List<Int>, rows: Int): List<Int> {
    if (positions.toSortedSet().toList() != positions || positions.any { it !in 0..<rows }) {
        throw Failure("positions in $rows rows are $positions")
    }
    return positions
}
