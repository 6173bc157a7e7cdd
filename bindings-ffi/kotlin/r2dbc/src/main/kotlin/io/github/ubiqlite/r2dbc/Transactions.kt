package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.Mode
import io.github.ubiqlite.Nest
import io.github.ubiqlite.Reader
import io.github.ubiqlite.Savepoint
import io.github.ubiqlite.Snapshot
import io.github.ubiqlite.Transaction
import io.github.ubiqlite.UbiqliteException
import io.r2dbc.spi.R2dbcBadGrammarException
import kotlin.time.Duration
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/** The open transaction of a connection, with its savepoints by name. */
internal class Transactions(private val scope: Scope) {
    private class Named(val name: String, val handle: Savepoint?)

    @Volatile
    private var transaction: Transaction? = null

    /** In place of a transaction that only reads. */
    @Volatile
    private var snapshot: Snapshot? = null

    @Volatile
    private var refusesWrites = false

    /** Held by who begins one: others go on in that, and begin none beside it. */
    private val beginning = Mutex()

    /** From the outermost on; in a snapshot they have a name alone, since nothing is to be undone. */
    private val savepoints = ArrayList<Named>()

    val isOpen: Boolean get() = transaction != null || snapshot != null

    /** What statements run on; null: no transaction. */
    val innermost: Reader? get() = nest ?: snapshot

    private val nest: Nest? get() = savepoints.lastOrNull()?.handle ?: transaction

    /** Begins one, unless one is open. */
    suspend fun begin(mode: Mode, readOnly: Boolean, wait: Duration?) {
        if (isOpen) return
        beginning.withLock {
            when {
                isOpen -> Unit
                readOnly -> beginReading(wait)
                else -> scope.keep(scope.begin(mode, wait)) { transaction = it }
            }
        }
    }

    private suspend fun beginReading(wait: Duration?) {
        val moment = scope.snapshot()
        if (moment != null) return scope.keep(moment) { snapshot = it }
        // Before it is asked for: who does not wait for its answer does not know whether it was done.
        refusesWrites = true
        try {
            scope.refuseWrites(true)
            scope.keep(scope.begin(Mode.DEFERRED, wait)) { transaction = it }
        } catch (error: Throwable) {
            try {
                writeAgain()
            } catch (also: UbiqliteException) {
                error.addSuppressed(also)
            }
            throw error
        }
    }

    private suspend fun writeAgain() {
        if (!refusesWrites) return
        refusesWrites = false
        withContext(NonCancellable) { scope.refuseWrites(false) }
    }

    /** Commits, with all its savepoints; nothing without a transaction. Whatever it throws, it is over. */
    suspend fun commit() = ended { ending ->
        for (savepoint in savepoints.asReversed()) savepoint.handle?.release()
        ending.commit()
    }

    /** Rolls back, with all its savepoints; nothing without a transaction. */
    suspend fun rollback() = ended { it.rollback() }

    private suspend inline fun ended(end: (Transaction) -> Unit) {
        val ending = transaction
        snapshot?.close()
        snapshot = null
        transaction = null
        try {
            if (ending != null) end(ending)
        } finally {
            savepoints.clear()
            // What was given up on the way is rolled back; one that has ended is past that.
            ending?.close()
            writeAgain()
        }
    }

    /** Begins a savepoint, and a transaction around it if there is none. */
    suspend fun savepoint(name: String, mode: Mode, wait: Duration?) {
        begin(mode, readOnly = false, wait)
        savepoints.add(Named(name, nest?.beginSavepoint()))
    }

    /** Keeps what was done since the savepoint, which ends, and so do those begun after it. */
    suspend fun release(name: String) {
        val place = placeOf(name)
        while (savepoints.size > place) savepoints.removeAt(savepoints.lastIndex).handle?.release()
    }

    /** Undoes what was done since the savepoint, which stays. */
    suspend fun rollbackTo(name: String) {
        val place = placeOf(name)
        val target = savepoints[place]
        while (savepoints.size > place) savepoints.removeAt(savepoints.lastIndex)
        target.handle?.rollback()
        savepoints.add(Named(name, nest?.beginSavepoint()))
    }

    private fun placeOf(name: String): Int {
        val place = savepoints.indexOfLast { it.name == name }
        if (place < 0) {
            val open = if (savepoints.isEmpty()) "none is open" else "open are ${savepoints.joinToString { it.name }}"
            throw R2dbcBadGrammarException("there is no savepoint \"$name\"; $open", "3B001")
        }
        return place
    }
}
