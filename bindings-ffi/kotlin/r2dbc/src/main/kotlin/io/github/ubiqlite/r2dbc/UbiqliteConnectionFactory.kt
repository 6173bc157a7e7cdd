package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.Database
import io.github.ubiqlite.Mode
import io.github.ubiqlite.r2dbc.sql.Texts
import io.r2dbc.spi.Closeable
import io.r2dbc.spi.Connection
import io.r2dbc.spi.ConnectionFactory
import io.r2dbc.spi.ConnectionFactoryMetadata
import io.r2dbc.spi.ConnectionMetadata
import io.r2dbc.spi.R2dbcNonTransientResourceException
import java.time.Duration
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import org.reactivestreams.Publisher

/**
 * Makes connections to one database. It is opened for the first of them, and closed by
 * [close] or when the factory and its connections are garbage-collected.
 *
 * [UbiqliteConnectionFactoryProvider] makes one from a URL; [of] makes one for an open database:
 *
 * ```kotlin
 * val db = Database.open("app.db")
 * val factory = UbiqliteConnectionFactory.of(db)
 * ```
 */
public class UbiqliteConnectionFactory private constructor(
    private val settings: Settings?,
    given: Database?,
) : ConnectionFactory, Closeable {
    internal constructor(settings: Settings) : this(settings, null)

    private val opening = Mutex()
    private val texts = Texts()

    @Volatile
    private var database: Database? = given

    @Volatile
    private var shared: Shared? = null

    @Volatile
    private var closed = false

    override fun create(): Publisher<out Connection> = Publisher { subscriber ->
        val open = shared
        val connection: Publisher<Connection> =
            if (open != null) ready { UbiqliteConnection(open) } else publish { emit(UbiqliteConnection(told(null) { open() })) }
        connection.subscribe(subscriber)
    }

    override fun getMetadata(): ConnectionFactoryMetadata = Metadata

    /**
     * Closes the database if this factory opened it; one passed to [of] stays open.
     * Connections that are still open are rolled back; new ones are an error.
     */
    override fun close(): Publisher<Void> = completion {
        opening.withLock {
            closed = true
            shared = null
            val mine = database.takeIf { settings != null }
            database = null
            told(null) { mine?.close() }
        }
    }

    private suspend fun open(): Shared = opening.withLock {
        shared?.let { return it }
        if (closed) throw R2dbcNonTransientResourceException("the connection factory is closed; make another one", "08003")
        val open = database ?: checkNotNull(settings).open().also { database = it }
        val version = open.queryValue<String>("SELECT sqlite_version()")
        Shared(open, texts, Version(version), settings?.mode ?: Mode.IMMEDIATE, settings?.statementTimeout ?: Duration.ZERO)
            .also { shared = it }
    }

    override fun toString(): String = "UbiqliteConnectionFactory(${settings?.path ?: database?.path ?: "closed"})"

    private object Metadata : ConnectionFactoryMetadata {
        override fun getName(): String = "SQLite"
    }

    private class Version(private val version: String) : ConnectionMetadata {
        override fun getDatabaseProductName(): String = "SQLite"

        override fun getDatabaseVersion(): String = version
    }

    public companion object {
        /** Returns a factory for an open database, which stays open when the factory is closed. */
        @JvmStatic
        public fun of(database: Database): UbiqliteConnectionFactory = UbiqliteConnectionFactory(null, database)
    }
}
