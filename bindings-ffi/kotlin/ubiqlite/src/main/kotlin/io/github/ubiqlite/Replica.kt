package io.github.ubiqlite

import io.github.ubiqlite.internal.Replicating
import java.time.Instant
import kotlin.time.Duration

/**
 * A replica that is kept up to date, from [Database.replicate].
 *
 * ```kotlin
 * val replica = db.replicate("backup") { interval = 100.milliseconds }
 * db.table("items").insert("name" to "lamp")
 * println("transaction ${replica.flush().transaction} is stored")
 * ```
 * It is kept up to date until it is stopped or the database is closed, also when nobody has this
 * object any more. Its errors never concern those who write: what could not be stored is tried again,
 * and told by [state].
 *
 * What is committed is read from the write-ahead log afterwards: nobody who writes waits for it. After a
 * restart a replica goes on where it was, if the database is what it was. Its files are LTX, in
 * litestream's layout; its folder is created if it is missing.
 */
public class Replica internal constructor(private val replicating: Replicating) {
    /** Returns how far it is, and why nothing could be stored if that is so. */
    public suspend fun state(): ReplicaState = replicating.state()

    /**
     * Waits until all is stored that was committed before this call, and returns how far it is then. As
     * long as the storage refuses, it waits: a [time limit][Database.timeout] of the database that the
     * replica was begun with, or cancelling the coroutine, ends that.
     *
     * ```kotlin
     * println("transaction ${replica.flush().transaction} is stored")
     * ```
     * @throws UbiqliteException `Closed` if the replica has ended; the error of the storage if it ends without having
     * stored all; `Timeout`
     */
    public suspend fun flush(): ReplicaState = replicating.flush()

    /**
     * Stores what was committed before this call, for the close timeout at most, and ends. Does nothing if
     * it has ended.
     *
     * @throws UbiqliteException the error of the storage if not all was stored, `Io` if the storage has not returned 0.1 s
     * after the close timeout; it has ended all the same
     */
    public suspend fun stop(): ReplicaState = replicating.stop()
}

/** How a replica is kept up to date: see [Database.replicate]. */
public class ReplicaOptions internal constructor() {
    /**
     * For how long transactions go into one file, each of which is a moment that can be restored. With
     * zero each transaction has a file of its own, as long as the storage keeps up. Null: 0.5 s.
     */
    public var interval: Duration? = null

    /**
     * How many bytes of pages may wait in memory while the storage is slow. Beyond that transactions that
     * wait are merged, and then all pages are stored. Null: 64 MiB.
     */
    public var memory: Long? = null

    /**
     * After how long all pages are stored once more, if anything was committed; [Duration.INFINITE]:
     * never. Null: 24 hours.
     */
    public var snapshotEvery: Duration? = null

    /**
     * How far one can go back at least. What is older is removed when all pages were stored. Null, and
     * [Duration.INFINITE]: nothing is removed.
     */
    public var keep: Duration? = null

    /** For how long [Database.close] and [Replica.stop] go on storing what was committed before. Null: 10 s. */
    public var closeTimeout: Duration? = null
}

/**
 * How far a [Replica] is.
 *
 * @property transaction the number of the last transaction that is stored; 0: none
 * @property time when that was read from the log, to the millisecond
 * @property lag how many transactions are committed and not stored
 * @property waiting the bytes of pages that wait in memory to be stored; what waits in the log is not counted
 * @property snapshots how often all pages were stored since this replica was begun here
 * @property lastSnapshot the number of the last transaction for which all pages were stored since then
 * @property reason why they were
 * @property error why nothing could be stored when that was tried last; null once it could. It is tried again
 * @property ended whether nothing is stored any more, since the replica was stopped or its database closed
 */
public data class ReplicaState(
    val transaction: Long,
    val time: Instant?,
    val lag: Long,
    val waiting: Long,
    val snapshots: Long,
    val lastSnapshot: Long?,
    val reason: SnapshotReason?,
    val error: String?,
    val ended: Boolean,
)

/** Why all pages of a database were stored, and not only those that transactions have changed. */
public enum class SnapshotReason {
    /** The storage had no replica. */
    FIRST,

    /** What it had was not whole. */
    GAP,

    /** The database was not what the replica had ended with. */
    DIFFERS,

    /** The log had begun anew before all of it was read, as another process may do. */
    LOG,

    /** A statement has set the journal mode. */
    JOURNAL_MODE,

    /** More pages had waited than may be in memory. */
    MEMORY,

    /** It was time for it. */
    DUE,
}

/**
 * The moment that is restored of a replica by [Database.restoreReplica].
 *
 * ```kotlin
 * Database.restoreReplica("backup", "before.db", ReplicaMoment.time(Instant.now() - Duration.ofHours(1)))
 * ```
 * The new file gets its name when it is complete. All checksums are verified, so what is restored is
 * what was there. The replica may be written to meanwhile. [UbiqliteException] is `NotFound` if there is
 * no replica, no such moment of it, or a file is missing; `Corrupt` for a damaged file, which the message
 * names; `InvalidArgument` if the new file exists. There is no new file then.
 */
public class ReplicaMoment private constructor(internal val kind: Int, internal val number: Long) {
    /** Returns whether [other] is the same moment. */
    override fun equals(other: Any?): Boolean = other is ReplicaMoment && kind == other.kind && number == other.number

    override fun hashCode(): Int = 31 * kind + number.hashCode()

    /** Returns the moment, for human readers. */
    override fun toString(): String = when (kind) {
        0 -> "latest"
        1 -> "transaction $number"
        else -> "time ${Instant.ofEpochMilli(number)}"
    }

    public companion object {
        /** The newest one. */
        @JvmField
        public val LATEST: ReplicaMoment = ReplicaMoment(0, 0)

        /** The one after this transaction: [ReplicaState.transaction] at some time. */
        @JvmStatic
        public fun transaction(number: Long): ReplicaMoment = ReplicaMoment(1, number)

        /** The newest one whose transaction was read from the log at or before this time. */
        @JvmStatic
        public fun time(time: Instant): ReplicaMoment = ReplicaMoment(2, maxOf(0, time.toEpochMilli()))
    }
}
