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

    /** Stands in for a read-only transaction. */
    @Volatile
    private var snapshot: Snapshot? = null

    @Volatile
    private var refusesWrites = false

    /** Held while a transaction is begun: other callers continue in that one, and do not begin a second. */
    private val beginning = Mutex()

    /** From the outermost on; in a snapshot they have only a name, since there is nothing to undo. */
    private val savepoints = ArrayList<Named>()

    val isOpen: Boolean get() = transaction != null || snapshot != null

    /** Where statements run; null: there is no transaction. */
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
        // Set before the request: a caller that does not wait for the reply can't know whether it was done.
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

    /** Commits, with all savepoints; does nothing without a transaction. Whatever this throws, the transaction is over. */
    suspend fun commit() = ended { ending ->
        for (savepoint in savepoints.asReversed()) savepoint.handle?.release()
        ending.commit()
    }

    /** Rolls back, with all savepoints; does nothing without a transaction. */
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
            // If ending it was cancelled, it is rolled back; if it has ended, this has no effect.
            ending?.close()
            writeAgain()
        }
    }

    /** Begins a savepoint, and a transaction around it if there is none. */
    suspend fun savepoint(name: String, mode: Mode, wait: Duration?) {
        begin(mode, readOnly = false, wait)
        savepoints.add(Named(name, nest?.beginSavepoint()))
    }

    /** Keeps the changes since the savepoint, and ends it and those begun after it. */
    suspend fun release(name: String) {
        val place = placeOf(name)
        while (savepoints.size > place) savepoints.removeAt(savepoints.lastIndex).handle?.release()
    }

    /** Undoes the changes since the savepoint, which stays. */
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
            val open = if (savepoints.isEmpty()) "none is open" else "the open ones are ${savepoints.joinToString { it.name }}"
            throw R2dbcBadGrammarException("there is no savepoint \"$name\"; $open", "3B001")
        }
        return place
    }
}
