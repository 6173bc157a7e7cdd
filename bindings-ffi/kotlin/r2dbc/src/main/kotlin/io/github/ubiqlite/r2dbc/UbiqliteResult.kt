package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.r2dbc.sql.Part
import io.r2dbc.spi.R2dbcException
import io.r2dbc.spi.Readable
import io.r2dbc.spi.Result
import io.r2dbc.spi.Row
import io.r2dbc.spi.RowMetadata
import java.util.concurrent.atomic.AtomicBoolean
import java.util.function.BiFunction
import java.util.function.Function
import java.util.function.Predicate
import kotlinx.coroutines.reactive.collect
import org.reactivestreams.Publisher

/** The source of a result's segments. */
internal interface Segments {
    /** Passes each segment to [take]; an error of the statement is the last one. */
    suspend fun each(take: suspend (Result.Segment) -> Unit)
}

/** The result of a statement, which can be consumed once. */
internal class UbiqliteResult private constructor(
    private val segments: Segments,
    private val consumed: AtomicBoolean,
    private val filter: Predicate<Result.Segment>?,
) : Result {
    constructor(segments: Segments) : this(segments, AtomicBoolean(), null)

    override fun getRowsUpdated(): Publisher<Long> {
        consume()
        return publish {
            var count = 0L
            var counted = false
            chosen { segment ->
                if (segment is Result.UpdateCount) {
                    count += segment.value()
                    counted = true
                }
                refuse(segment)
            }
            if (counted) emit(count)
        }
    }

    override fun <T : Any> map(mappingFunction: BiFunction<Row, RowMetadata, out T>): Publisher<T> {
        required(mappingFunction, "the mapping function")
        consume()
        return publish {
            chosen { segment ->
                if (segment is UbiqliteRow) emit(mapped(mappingFunction.apply(segment, segment))) else refuse(segment)
            }
        }
    }

    override fun <T : Any> map(mappingFunction: Function<in Readable, out T>): Publisher<T> {
        required(mappingFunction, "the mapping function")
        consume()
        return publish {
            chosen { segment ->
                if (segment is UbiqliteRow) emit(mapped(mappingFunction.apply(segment))) else refuse(segment)
            }
        }
    }

    override fun filter(filter: Predicate<Result.Segment>): Result {
        required(filter, "the filter")
        check(!consumed.get()) { CONSUMED }
        return UbiqliteResult(segments, consumed, this.filter?.and(filter) ?: filter)
    }

    override fun <T : Any> flatMap(mappingFunction: Function<Result.Segment, out Publisher<out T>>): Publisher<T> {
        required(mappingFunction, "the mapping function")
        consume()
        return publish {
            chosen { segment -> mapped(mappingFunction.apply(segment)).collect { emit(it) } }
        }
    }

    private fun consume() = check(consumed.compareAndSet(false, true)) { CONSUMED }

    private suspend fun chosen(take: suspend (Result.Segment) -> Unit) {
        if (filter == null) segments.each(take) else segments.each { if (filter.test(it)) take(it) }
    }

    private fun refuse(segment: Result.Segment) {
        if (segment is Result.Message) throw segment.exception()
    }

    /** Checks for null, since Kotlin can't know whether a Java function returns it. */
    private fun <T : Any> mapped(value: T?): T =
        value ?: throw NullPointerException("the mapping function returned null, which a publisher can't emit")

    private companion object {
        const val CONSUMED = "the result was already consumed; execute the statement again"
    }
}

/** The number of rows that a statement changed. */
internal class Count(private val value: Long) : Result.UpdateCount {
    override fun value(): Long = value
}

/** An error of a statement that ran when its rows were requested. */
internal class Failure(private val error: R2dbcException) : Result.Message {
    override fun exception(): R2dbcException = error

    override fun errorCode(): Int = error.errorCode

    override fun sqlState(): String? = error.sqlState

    override fun message(): String = error.message.orEmpty()
}

/** The outcome of a statement that has run: its rows, and the number of rows it changed. */
internal class Ran(
    private val part: Part,
    private val rows: List<io.github.ubiqlite.Row>,
    private val changed: Long?,
) : Segments {
    override suspend fun each(take: suspend (Result.Segment) -> Unit) {
        if (rows.isNotEmpty()) {
            val names = part.names(rows[0].columns)
            for (row in rows) take(UbiqliteRow(row, names))
        }
        if (changed != null) take(Count(changed))
    }
}
