package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.Database
import io.github.ubiqlite.DatabaseOptions
import io.github.ubiqlite.JournalMode
import io.github.ubiqlite.Mode
import io.github.ubiqlite.Synchronous
import io.r2dbc.spi.ConnectionFactoryOptions
import io.r2dbc.spi.Option
import java.time.Duration
import java.time.format.DateTimeParseException
import kotlin.time.toKotlinDuration

/** The settings a database is opened with. */
internal class Settings(options: ConnectionFactoryOptions) {
    val path: String = pathOf(options)
    val mode: Mode = options.choice<Mode>("transactionMode") ?: Mode.IMMEDIATE
    val statementTimeout: Duration = options.time("statementTimeout") ?: Duration.ZERO

    private val apply: DatabaseOptions.() -> Unit

    init {
        // Read now, so that making the factory fails if an option can't be used.
        val readOnly = options.flag("readOnly")
        val create = options.flag("create")
        val foreignKeys = options.flag("foreignKeys")
        val trustedSchema = options.flag("trustedSchema")
        val readers = options.small("readers")
        val sessions = options.small("sessions")
        val cacheKib = options.small("cacheKib")
        val statementCache = options.small("statementCache")
        val walLimit = options.number("walLimit")
        val lockWait = options.time("lockWaitTimeout")
        val acquire = options.time("acquireTimeout")
        val journal = options.choice<JournalMode>("journalMode")
        val sync = options.choice<Synchronous>("synchronous")
        apply = {
            this.readOnly = readOnly
            this.create = create
            this.foreignKeys = foreignKeys
            this.trustedSchema = trustedSchema
            this.readers = readers
            this.sessions = sessions ?: MOST_SESSIONS
            this.cacheKib = cacheKib
            this.statementCache = statementCache
            this.walLimit = walLimit
            this.busyTimeout = lockWait?.toKotlinDuration()
            this.acquireTimeout = acquire?.toKotlinDuration()
            this.journalMode = journal
            this.synchronous = sync
        }
    }

    suspend fun open(): Database = Database.open(path, apply)

    private companion object {
        /** As many as a connection pool may have; they cost nothing until they are used. */
        const val MOST_SESSIONS = 64

        fun pathOf(options: ConnectionFactoryOptions): String {
            val protocol = options.getValue(ConnectionFactoryOptions.PROTOCOL) as String?
            val host = options.getValue(ConnectionFactoryOptions.HOST)
            require(host == null) {
                "an SQLite database has no host, but \"$host\" was given; a path begins after three slashes: r2dbc:ubiqlite:///app.db"
            }
            return when (protocol) {
                "mem" -> ":memory:"
                null, "", "file" -> options.getRequiredValue(ConnectionFactoryOptions.DATABASE) as String
                else -> throw IllegalArgumentException("the protocol must be file, mem or none, not \"$protocol\"")
            }
        }

        fun ConnectionFactoryOptions.value(name: String): Any? = getValue(Option.valueOf<Any>(name))

        /** Reads an option, which is text in a URL. */
        inline fun <reified T : Any> ConnectionFactoryOptions.option(name: String, what: String, read: (String) -> T?): T? {
            val value = value(name) ?: return null
            val read = value as? T ?: (value as? CharSequence)?.let { read(it.toString().trim()) }
            return requireNotNull(read) { "the option $name must be $what, not $value" }
        }

        fun ConnectionFactoryOptions.flag(name: String): Boolean? =
            option(name, "true or false") { it.lowercase().toBooleanStrictOrNull() }

        fun ConnectionFactoryOptions.number(name: String): Long? {
            val value = value(name)
            if (value is Int) return value.toLong()
            return option<Long>(name, "a whole number") { it.toLongOrNull() }
        }

        fun ConnectionFactoryOptions.small(name: String): Int? =
            option(name, "a 32-bit whole number") { it.toIntOrNull() }

        fun ConnectionFactoryOptions.time(name: String): Duration? =
            option(name, "a duration such as PT5S or PT0.2S") { text ->
                try {
                    Duration.parse(text)
                } catch (_: DateTimeParseException) {
                    null
                }
            }

        inline fun <reified E : Enum<E>> ConnectionFactoryOptions.choice(name: String): E? =
            option(name, "one of ${enumValues<E>().joinToString { it.name.lowercase() }}") { text ->
                enumValues<E>().find { it.name.equals(text, ignoreCase = true) }
            }
    }
}
