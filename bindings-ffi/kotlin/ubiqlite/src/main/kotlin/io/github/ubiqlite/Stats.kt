package io.github.ubiqlite

import kotlin.time.Duration
import kotlin.time.toJavaDuration

/**
 * How many times something took time, and how long: a part of [Stats].
 *
 * @property count how many times
 * @property total the sum of their durations
 * @property longest the longest duration
 */
public data class Spent(val count: Long, val total: Duration, val longest: Duration) {
    /** Returns [total] as Java has it. */
    public fun totalAsJava(): java.time.Duration = total.toJavaDuration()

    /** Returns [longest] as Java has it. */
    public fun longestAsJava(): java.time.Duration = longest.toJavaDuration()
}

/**
 * What a database has done since it was opened in this process, and is doing now, from [Database.stats].
 *
 * Numbers of things done only grow.
 */
public class Stats internal constructor(
    /** Connections to the file that are open now. */
    public val connections: Long,
    /** Readers in use now. At the limit for long: reads are slow, or snapshots and streams are kept open. */
    public val busyReaders: Long,
    /** Sessions in use now. One that stays up was not given back. */
    public val busySessions: Long,
    /** Reads, snapshots and streams that wait for a reader now. */
    public val waitingReads: Long,
    /** Writes and transactions that wait for their turn now. Many for long: see [transactionAge], [writeRuns]. */
    public val waitingWrites: Long,
    /** Callers that wait for a session now. */
    public val waitingSessions: Long,
    /** How long reads, snapshots and streams waited, of those that found no reader free. */
    public val readWaits: Spent,
    /** How long writes and transactions waited for their turn, of those that went through the queue. */
    public val writeWaits: Spent,
    /** How long callers waited, of those that found no session free. */
    public val sessionWaits: Spent,
    /** How long reads ran, of those that were too long to run within their call. */
    public val readRuns: Spent,
    /** How long the writer worked for each group of writes, with its commit. Long with few writes: the disk is slow. */
    public val writeRuns: Spent,
    /** How long transactions, and others that had the writer for themselves, held it. Other writes wait meanwhile. */
    public val transactions: Spent,
    /** How long the one that has the writer now has held it; `null` if nobody has. */
    public val transactionAge: Duration?,
    /** Commits of writes and of transactions. */
    public val commits: Long,
    /** Writes that were committed outside transactions. */
    public val writes: Long,
    /** The most writes that have shared a commit. */
    public val largestGroup: Long,
    /** Transactions and writes that were rolled back. */
    public val rollbacks: Long,
    /** Statements that ran and had been compiled before. */
    public val statementHits: Long,
    /** Statements that were compiled. A rate near that of the hits: values stand in SQL texts instead of parameters. */
    public val statementMisses: Long,
    /** Pages that SQLite found in its caches. */
    public val pageHits: Long,
    /**
     * Pages that it read from the file or the log. A rate near that of the hits: the cache is small, or an index is
     * missing.
     */
    public val pageMisses: Long,
    /** Pages that it wrote in the middle of a transaction, which changed more than the cache holds. */
    public val pageSpills: Long,
    /** Pages in the write-ahead log; 0 in other journal modes. Thousands, and growing: see [oldestReader]. */
    public val logPages: Long,
    /** Pages in the log that were not copied into the database yet. */
    public val logUncopied: Long,
    /** Times that the log was copied into the database. */
    public val checkpoints: Long,
    /** Times that the log could not be emptied after that, since somebody was reading from it. */
    public val checkpointsBlocked: Long,
    /** Pages of the database. */
    public val pages: Long,
    /** Bytes of a page. */
    public val pageSize: Long,
    /** How long the oldest read under way has kept its moment; the log can't be emptied before it ends. */
    public val oldestReader: Duration?,
    /** Queries that are watched, equal ones once. */
    public val watchedQueries: Long,
) {
    /** Returns [transactionAge] as Java has it. */
    public fun transactionAgeAsJava(): java.time.Duration? = transactionAge?.toJavaDuration()

    /** Returns [oldestReader] as Java has it. */
    public fun oldestReaderAsJava(): java.time.Duration? = oldestReader?.toJavaDuration()
}
