package io.github.ubiqlite

import io.github.ubiqlite.internal.Mapping
import io.github.ubiqlite.internal.invalid
import kotlin.time.Duration
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObjectBuilder
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put

/** How commits are made atomic. */
public enum class JournalMode {
    /** A write-ahead log: readers run concurrently with a writer. */
    WAL,

    /** A journal that the commit deletes. */
    DELETE,

    /** A journal that the commit truncates. */
    TRUNCATE,

    /** A journal whose header the commit clears. */
    PERSIST,

    /** A journal in memory: a crash during a commit destroys the file. */
    MEMORY,
}

/** When a commit waits for the disk. */
public enum class Synchronous {
    /** Never. */
    OFF,

    /** At checkpoints: after a power failure the last commits may be missing. */
    NORMAL,

    /** At each commit. */
    FULL,

    /** At each commit, and for the journal's directory. */
    EXTRA,
}

/**
 * The settings of a database, with safe and fast defaults: a setting that is null has the
 * engine's default, which is listed with it.
 *
 * ```kotlin
 * val db = Database.open("app.db") {
 *     readers = 8
 *     busyTimeout = 2.seconds
 * }
 * ```
 */
public class DatabaseOptions internal constructor() {
    /** Opens for reading only; the database must exist. Default: false. */
    public var readOnly: Boolean? = null

    /** Creates the database if it is missing. Default: true. */
    public var create: Boolean? = null

    /** How many reads can run at once, from 1 to 64. Default: the number of processors, at least 2 and at most 8. */
    public var readers: Int? = null

    /** How many sessions [Database.acquire] gives out at once, from 1 to 64. Default: 8. */
    public var sessions: Int? = null

    /** How long a write waits for others; then [UbiqliteException.Busy]. Default: 5 s. */
    public var busyTimeout: Duration? = null

    /** How long reads, streams, `acquire` and `snapshot` wait for a connection; then `Timeout`. Default: 30 s. */
    public var acquireTimeout: Duration? = null

    /** How long a stream or snapshot may stall while the log is beyond [walLimit]. Default: 5 s. */
    public var stallTimeout: Duration? = null

    /** Whether foreign keys are enforced. Default: true. */
    public var foreignKeys: Boolean? = null

    /** Whether views and triggers may use functions that are not marked innocuous. Default: false. */
    public var trustedSchema: Boolean? = null

    /** The page cache of each connection, in KiB. Default: 8192. */
    public var cacheKib: Int? = null

    /** How many prepared statements each connection keeps. Default: 128. */
    public var statementCache: Int? = null

    /** Whether a short statement runs on the calling thread. Default: true. */
    public var inline: Boolean? = null

    /** Whether a reader keeps its moment open between reads until the next commit. Default: true. */
    public var leases: Boolean? = null

    /** The size in bytes that the log may reach because of stalled readers. Default: 64 MiB. */
    public var walLimit: Long? = null

    /**
     * How commits are made atomic; a file in another mode is switched to it. Default: [JournalMode.WAL] for a new
     * database, and for an existing one the mode it is in.
     */
    public var journalMode: JournalMode? = null

    /** When a commit waits for the disk. Default: [Synchronous.FULL], which is affordable because commits share their wait. */
    public var synchronous: Synchronous? = null

    /**
     * How JSON in a column is read and written, and where `@Contextual` types have their serializers.
     * Default: one that ignores keys that a class does not have.
     */
    public var json: Json = Mapping.JSON

    /**
     * Whether a property `fullName` is read from a column `full_name`, if there is no column `fullName`, and written
     * to `full_name`. It does not affect names inside JSON, for which [json] has a naming strategy. Default: false.
     */
    public var snakeCase: Boolean = false

    internal var toApply: Migrations? = null

    /**
     * Applies these migrations when the database is opened: [Database.open] returns when they are done.
     * If one fails, the database is closed again, and [Database.open] throws what [Migrator.run] throws.
     * Default: none.
     *
     * ```kotlin
     * val db = Database.open("app.db") { migrations(Migrations.resources("migrations")) }
     * ```
     */
    public fun migrations(migrations: Migrations) {
        toApply = migrations
    }

    /** Returns the options in the form that the engine reads. */
    internal fun settings(): String = buildJsonObject {
        readOnly?.let { put("read_only", it) }
        create?.let { put("create", it) }
        number("readers", readers)
        number("sessions", sessions)
        time("busy_timeout", busyTimeout)
        time("acquire_timeout", acquireTimeout)
        time("stall_timeout", stallTimeout)
        foreignKeys?.let { put("foreign_keys", it) }
        trustedSchema?.let { put("trusted_schema", it) }
        number("cache_kib", cacheKib)
        number("statement_cache", statementCache)
        inline?.let { put("inline", it) }
        leases?.let { put("leases", it) }
        number("wal_limit", walLimit)
        journalMode?.let { put("journal_mode", it.name.lowercase()) }
        synchronous?.let { put("synchronous", it.name.lowercase()) }
    }.toString()

    private fun JsonObjectBuilder.number(name: String, value: Number?) {
        val number = value?.toLong() ?: return
        if (number !in 0..MOST) throw invalid("the option $name must be a number from 0 to $MOST, not $number")
        put(name, number)
    }

    private fun JsonObjectBuilder.time(name: String, value: Duration?) {
        if (value != null) number(name, if (value.isInfinite()) MOST else value.inWholeMilliseconds)
    }

    private companion object {
        const val MOST = 0xFFFF_FFFFL
    }
}
