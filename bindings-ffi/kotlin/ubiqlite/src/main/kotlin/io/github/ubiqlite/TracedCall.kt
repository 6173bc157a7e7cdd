package io.github.ubiqlite

import java.time.Instant
import kotlin.time.Duration
import kotlin.time.toJavaDuration

/**
 * A call that is over, as [Database.trace] tells it: what it was, how long it waited and how long it ran. Parameters
 * are never told. A stream is one call, from its beginning to its end.
 */
public class TracedCall internal constructor(
    /** The path that the database was opened with. */
    public val namespace: String,
    /** What it does in a few words, as `SELECT items`; empty for a call that the engine has not reported. */
    public val summary: String,
    /** The SQL, if the call has one text. */
    public val sql: String?,
    /** When it was made. */
    public val started: Instant,
    /** From the call to its end, the way to the engine and back included. */
    public val duration: Duration,
    /**
     * How long it waited: in a queue, for a connection, for a lock of another process. `null` if it is not known, as of
     * a call that was cancelled.
     */
    public val queueWait: Duration?,
    /** How long it ran, the commit of a write included. `null` if it is not known. */
    public val run: Duration?,
    /** How many rows it returned, if it is one that returns rows. */
    public val rows: Long?,
    /** How many rows it inserted, updated or deleted, if it is one that does. */
    public val rowsChanged: Long?,
    /** Why it failed. */
    public val error: UbiqliteException?,
    /** How many calls before it this listener was not told of, since 1000 others still waited for it. */
    public val missed: Long,
) {
    /** Returns [duration] as Java has it. */
    public fun durationAsJava(): java.time.Duration = duration.toJavaDuration()

    /** Returns [queueWait] as Java has it. */
    public fun queueWaitAsJava(): java.time.Duration? = queueWait?.toJavaDuration()

    /** Returns [run] as Java has it. */
    public fun runAsJava(): java.time.Duration? = run?.toJavaDuration()

    /** Returns what there is to tell of it in one line. */
    override fun toString(): String = listOfNotNull(
        summary.ifEmpty { "a call" },
        run?.let { "ran $it" },
        queueWait?.let { "waited $it" },
        rows?.let { "$it rows" },
        rowsChanged?.let { "$it changed" },
        error?.let { it.toString() },
        sql,
    ).joinToString("; ")
}
