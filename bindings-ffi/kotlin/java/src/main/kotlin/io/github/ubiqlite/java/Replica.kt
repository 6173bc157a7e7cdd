package io.github.ubiqlite.java

import io.github.ubiqlite.ReplicaState
import java.time.Duration
import java.util.concurrent.CompletableFuture
import kotlin.time.toKotlinDuration
import io.github.ubiqlite.Replica as SuspendingReplica
import io.github.ubiqlite.ReplicaOptions as SuspendingOptions

/**
 * A replica that is kept up to date, from [UbiqliteDatabase.replicate], until it is stopped or the
 * database is closed. [io.github.ubiqlite.Replica] has the rules.
 *
 * ```java
 * db.replicate("backup").thenCompose(replica ->
 *     db.table("items").insert(Map.of("name", "lamp")).thenCompose(id -> replica.flush()))
 *     .thenAccept(state -> System.out.println("transaction " + state.getTransaction() + " is stored"));
 * ```
 */
public class Replica internal constructor(private val replica: SuspendingReplica, private val caller: Caller) {
    /** Returns how far it is, and why nothing could be stored if that is so. */
    public fun state(): CompletableFuture<ReplicaState> = caller.ask { replica.state() }

    /**
     * Waits until all is stored that was committed before this call. As long as the storage refuses, it
     * waits; cancelling the future ends that.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future: `Closed` if the replica has ended; the error of the
     * storage if it ends without having stored all
     */
    public fun flush(): CompletableFuture<ReplicaState> = caller.ask { replica.flush() }

    /**
     * Stores what was committed before this call, for the close timeout at most, and ends.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future: the error of the storage if not all was stored,
     * `Io` if the storage has not replied 0.1 s after the close timeout; it has ended all the same
     */
    public fun stop(): CompletableFuture<ReplicaState> = caller.ask { replica.stop() }
}

/** How a replica is kept up to date. What is not set has its default. */
public class ReplicaOptions private constructor(
    private val interval: Duration?,
    private val memory: Long?,
    private val snapshotEvery: Duration?,
    private val keep: Duration?,
    private val closeTimeout: Duration?,
) {
    internal fun applyTo(options: SuspendingOptions) {
        options.interval = interval?.toKotlinDuration()
        options.memory = memory
        options.snapshotEvery = snapshotEvery?.toKotlinDuration()
        options.keep = keep?.toKotlinDuration()
        options.closeTimeout = closeTimeout?.toKotlinDuration()
    }

    /**
     * Makes options.
     *
     * ```java
     * db.replicate("backup", ReplicaOptions.builder().keep(Duration.ofDays(30)).build());
     * ```
     */
    public class Builder internal constructor() {
        private var interval: Duration? = null
        private var memory: Long? = null
        private var snapshotEvery: Duration? = null
        private var keep: Duration? = null
        private var closeTimeout: Duration? = null

        /** Sets for how long transactions go into one file, each of which is a moment that can be restored. Default: 0.5 s. */
        public fun interval(time: Duration): Builder = apply { interval = time }

        /** Sets how many bytes of pages may wait in memory while the storage is slow. Default: 64 MiB. */
        public fun memory(bytes: Long): Builder = apply { memory = bytes }

        /** Sets after how long all pages are stored once more, if anything was committed; zero: never. Default: 24 hours. */
        public fun snapshotEvery(time: Duration): Builder = apply { snapshotEvery = time }

        /** Sets how far one can go back at least; zero: to the beginning. Default: zero. */
        public fun keep(time: Duration): Builder = apply { keep = time }

        /** Sets for how long closing and stopping go on storing what was committed before. Default: 10 s. */
        public fun closeTimeout(time: Duration): Builder = apply { closeTimeout = time }

        /** Returns the options. */
        public fun build(): ReplicaOptions = ReplicaOptions(interval, memory, snapshotEvery, keep, closeTimeout)
    }

    public companion object {
        /** Returns a builder with the defaults. */
        @JvmStatic
        public fun builder(): Builder = Builder()
    }
}
