package io.github.ubiqlite.java

import io.github.ubiqlite.DatabaseOptions
import io.github.ubiqlite.JournalMode
import io.github.ubiqlite.Migrations
import io.github.ubiqlite.Synchronous
import java.time.Duration
import java.util.concurrent.Executor
import kotlin.time.toKotlinDuration

/**
 * The settings of a database, with safe and fast defaults: a setting that is not set has
 * the engine's default, which is listed with it.
 *
 * ```java
 * UbiqliteOptions options = UbiqliteOptions.builder().readers(8).busyTimeout(Duration.ofSeconds(2)).build();
 * UbiqliteDatabase.open("app.db", options);
 * ```
 */
public class UbiqliteOptions private constructor(
    private val settings: List<DatabaseOptions.() -> Unit>,
    internal val executor: Executor,
) {
    internal fun applyTo(options: DatabaseOptions): Unit = settings.forEach { options.it() }

    /** Collects settings. A value that can't be used fails the opening, with `InvalidArgument`. */
    public class Builder internal constructor() {
        private val settings = ArrayList<DatabaseOptions.() -> Unit>()
        private var executor: Executor = DEFAULT_EXECUTOR

        private fun set(setting: DatabaseOptions.() -> Unit): Builder = apply { settings += setting }

        /**
         * The executor that completes futures which could not be completed at once, and so
         * runs their dependent stages. It also calls the functions passed to
         * [UbiqliteDatabase.transaction] and the subscribers of a [RowStream]. It must keep
         * running while the database is open. Default: the one that runs the `Async` methods of
         * a `CompletableFuture`, which is `ForkJoinPool.commonPool()` if that has threads.
         */
        public fun executor(value: Executor): Builder = apply { executor = value }

        /** Opens for reading only; the database must exist. Default: false. */
        public fun readOnly(value: Boolean): Builder = set { readOnly = value }

        /** Creates the database if it is missing. Default: true. */
        public fun create(value: Boolean): Builder = set { create = value }

        /** How many reads can run at once, from 1 to 64. Default: the number of processors, at least 2 and at most 8. */
        public fun readers(value: Int): Builder = set { readers = value }

        /** How many sessions [UbiqliteDatabase.acquire] gives out at once, from 1 to 64. Default: 8. */
        public fun sessions(value: Int): Builder = set { sessions = value }

        /** How long a write waits for others; then `Busy`. Default: 5 s. */
        public fun busyTimeout(value: Duration): Builder = set { busyTimeout = value.toKotlinDuration() }

        /** How long reads, streams, `acquire` and `snapshot` wait for a connection; then `Timeout`. Default: 30 s. */
        public fun acquireTimeout(value: Duration): Builder = set { acquireTimeout = value.toKotlinDuration() }

        /** How long a stream or snapshot may stall while the log is beyond [walLimit]. Default: 5 s. */
        public fun stallTimeout(value: Duration): Builder = set { stallTimeout = value.toKotlinDuration() }

        /** Whether foreign keys are enforced. Default: true. */
        public fun foreignKeys(value: Boolean): Builder = set { foreignKeys = value }

        /** Whether views and triggers may use functions that are not marked innocuous. Default: false. */
        public fun trustedSchema(value: Boolean): Builder = set { trustedSchema = value }

        /** The page cache of each connection, in KiB. Default: 8192. */
        public fun cacheKib(value: Int): Builder = set { cacheKib = value }

        /** How many prepared statements each connection keeps. Default: 128. */
        public fun statementCache(value: Int): Builder = set { statementCache = value }

        /** Whether a short statement runs on the calling thread. Default: true. */
        public fun inline(value: Boolean): Builder = set { inline = value }

        /** Whether a reader keeps its moment open between reads until the next commit. Default: true. */
        public fun leases(value: Boolean): Builder = set { leases = value }

        /** The size in bytes that the log may reach because of stalled readers. Default: 64 MiB. */
        public fun walLimit(value: Long): Builder = set { walLimit = value }

        /** How commits are made atomic. Default: `WAL` for a new database, otherwise the mode it is in. */
        public fun journalMode(value: JournalMode): Builder = set { journalMode = value }

        /** When a commit waits for the disk. Default: `FULL`. */
        public fun synchronous(value: Synchronous): Builder = set { synchronous = value }

        /**
         * Applies these migrations when the database is opened: the future of [UbiqliteDatabase.open]
         * completes when they are done. If one fails, the database is closed again, and the future fails as
         * that of [Migrator.run]. Default: none.
         *
         * ```java
         * UbiqliteOptions options = UbiqliteOptions.builder().migrations(Migrations.resources("migrations")).build();
         * ```
         */
        public fun migrations(value: Migrations): Builder = set { migrations(value) }

        /** Returns the options, which later calls on this builder do not change. */
        public fun build(): UbiqliteOptions = UbiqliteOptions(settings.toList(), executor)
    }

    public companion object {
        /** Returns a builder with nothing set. */
        @JvmStatic
        public fun builder(): Builder = Builder()
    }
}
