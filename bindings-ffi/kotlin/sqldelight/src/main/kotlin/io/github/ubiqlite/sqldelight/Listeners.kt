package io.github.ubiqlite.sqldelight

import app.cash.sqldelight.Query
import io.github.ubiqlite.CommitEvent
import io.github.ubiqlite.Database
import io.github.ubiqlite.UbiqliteException
import java.util.Locale
import kotlin.time.Duration
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.launch
import kotlinx.coroutines.yield

/**
 * Who is to be told of changes, by the names of tables and by other keys. While there is anybody, the
 * database's commits are followed.
 */
internal class Listeners(
    private val database: Database,
    // Nothing may happen for longer than a call may take.
    private val commits: Flow<CommitEvent> = database.timeout(Duration.INFINITE).commits(),
) {
    private val ofKey = HashMap<String, MutableSet<Query.Listener>>()
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private var feed: Feed? = null

    fun add(keys: Array<out String>, listener: Query.Listener): Unit = synchronized(this) {
        for (key in keys) ofKey.getOrPut(folded(key), ::LinkedHashSet).add(listener)
        if (ofKey.isNotEmpty() && feed == null) {
            // It may end at once.
            feed = Feed()
            feed?.start()
        }
    }

    fun remove(keys: Array<out String>, listener: Query.Listener): Unit = synchronized(this) {
        for (key in keys) {
            ofKey.computeIfPresent(folded(key)) { _, some ->
                some.remove(listener)
                some.ifEmpty { null }
            }
        }
        if (ofKey.isEmpty()) {
            feed?.stop()
            feed = null
        }
    }

    /** Tells those of keys that no commit can report. */
    fun changed(keys: Array<out String>) {
        val told = synchronized(this) {
            val tables = feed?.tables.orEmpty()
            of(keys.map(::folded).filter { it !in tables })
        }
        told.forEach(Query.Listener::queryResultsChanged)
    }

    fun close(): Unit = synchronized(this) {
        scope.cancel()
        ofKey.clear()
        feed = null
    }

    private fun of(keys: Collection<String>): Set<Query.Listener> = keys.flatMapTo(LinkedHashSet()) { ofKey[it].orEmpty() }

    /** The commits of the database, from the first listener to the last. */
    private inner class Feed {
        /** The tables of which it reports changes: none before it knows them, and none once it has ended. */
        @Volatile
        var tables: Set<String> = emptySet()
            private set

        private val jobs = SupervisorJob(scope.coroutineContext[Job])

        /** When this returns, the feed is requested, so that it has each commit after the listener's next read. */
        fun start() {
            scope.launch(jobs, CoroutineStart.UNDISPATCHED) {
                // Nobody is told within the call that adds the first listener.
                var caller = true
                try {
                    commits.collect { event ->
                        if (caller) yield()
                        caller = false
                        committed(event)
                    }
                } catch (cancelled: CancellationException) {
                    throw cancelled
                } catch (_: UbiqliteException.Closed) {
                    // As if it had been closed later.
                } catch (_: Throwable) {
                    if (caller) yield()
                    ended()
                } finally {
                    stop()
                }
            }
            learnTables()
        }

        fun stop() {
            jobs.cancel()
            tables = emptySet()
        }

        /** There may have been commits that nobody is told of. The next listener to be added begins another feed. */
        private fun ended() {
            stop()
            val told = synchronized(this@Listeners) {
                if (feed === this) feed = null
                of(ofKey.keys)
            }
            tell(told)
        }

        private fun learnTables() {
            scope.launch(jobs, CoroutineStart.UNDISPATCHED) {
                val names = try {
                    database.query("SELECT name FROM sqlite_schema WHERE type = 'table'").map { folded(it.string(0)) }
                } catch (_: UbiqliteException) {
                    // Then everybody is told twice.
                    emptyList()
                }
                tables = names.toHashSet()
            }
        }

        private fun committed(event: CommitEvent) {
            if (event.schema) learnTables()
            val told = synchronized(this@Listeners) {
                of(if (event.everything || event.schema) ofKey.keys else event.tables.map { folded(it.name) })
            }
            tell(told)
        }

        private fun tell(told: Set<Query.Listener>) {
            for (listener in told) {
                try {
                    listener.queryResultsChanged()
                } catch (error: Throwable) {
                    // The others are told nevertheless.
                    Thread.currentThread().run { uncaughtExceptionHandler.uncaughtException(this, error) }
                }
            }
        }
    }
}

/** SQLite's names of tables are the same in both cases. */
private fun folded(name: String): String = name.lowercase(Locale.ROOT)
