package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.Database
import io.github.ubiqlite.Mode
import io.github.ubiqlite.Nest
import io.github.ubiqlite.Reader
import io.github.ubiqlite.Row
import io.github.ubiqlite.Savepoint
import io.github.ubiqlite.Session
import io.github.ubiqlite.Snapshot
import io.github.ubiqlite.Statement
import io.github.ubiqlite.Statements
import io.github.ubiqlite.Transaction
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.r2dbc.sql.Action
import io.github.ubiqlite.r2dbc.sql.Part
import kotlin.time.Duration
import kotlin.time.Duration.Companion.INFINITE
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/**
 * Where the statements of one connection run.
 *
 * - Without a transaction: on the database, whose short reads complete within the call,
 *   and whose writes share their commits with those of other connections.
 * - In a transaction: on it, or on the innermost of its savepoints. In a read-only one:
 *   on a snapshot.
 *   Without auto-commit each statement is in a transaction: the first one begins it.
 * - From the first statement on that changes the connection itself (`ATTACH`, a setting,
 *   a temporary table, a bare `BEGIN`): in a session, which is kept until the end.
 *
 * Its methods throw the library's errors, and R2DBC's once the connection is closed.
 */
internal class Scope(private val database: Database, private val mode: Mode) {
    private val running = RunningRows()
    private val transactions = Transactions(this)

    @Volatile
    private var session: Session? = null
    private val acquiring = Mutex()

    /** Set under this object's lock: anything begun later is not kept. */
    private var isClosed = false

    /** Whether a statement outside a transaction is its own transaction; otherwise it begins one, which stays open. */
    @Volatile
    var autoCommit = true

    /** How long a statement may take; null: no limit. */
    @Volatile
    var limit: Duration? = null

    /** How long to wait for the write lock; null: as long as the database waits. */
    @Volatile
    var lockWait: Duration? = null

    val isOpen: Boolean get() = transactions.isOpen

    /** Returns where a transaction begins. */
    fun base(): Statements = session ?: database

    /** Returns a snapshot of the database, or null if there is a session. */
    suspend fun snapshot(): Snapshot? = if (session == null) database.snapshot() else null

    /** Sets whether the session, if there is one, refuses to write. */
    suspend fun refuseWrites(refuse: Boolean) {
        session?.query("PRAGMA query_only = ${if (refuse) "ON" else "OFF"}")
    }

    /** Runs [work] on the transaction without waiting for readers in it. */
    suspend fun <T> transactions(work: suspend Transactions.() -> T): T {
        running.hurry()
        return transactions.work()
    }

    /** Keeps what was acquired, unless the connection was closed in the meantime: then it is given back. */
    fun <L : AutoCloseable> keep(lent: L, assign: (L) -> Unit) {
        synchronized(this) {
            if (!isClosed) return assign(lent)
        }
        lent.close()
        throw closed()
    }

    private fun reader(): Reader = limited(transactions.innermost ?: base(), limit)

    /** Runs a `SELECT`, reading only the rows that are taken. */
    suspend fun select(part: Part, params: Array<Any?>, take: suspend (Row) -> Unit) {
        beginUnlessAutoCommit()
        val reader = reader()
        if (reader !is Database) running.hurry()
        if (isSingle(part, reader, params)) {
            for (row in reader.query(part.sql, *params)) take(row)
            return
        }
        val rows = reader.stream(part.sql, *params)
        if (reader is Database) running.free(rows, take) else running.held(rows, take)
    }

    /** Runs a statement and returns all its rows. */
    suspend fun rows(part: Part, params: Array<Any?>): List<Row> = run(part) { it.query(part.sql, *params) }

    /** Runs a statement and returns the number of rows it changed. */
    suspend fun execute(part: Part, params: Array<Any?>): Long = run(part) { on ->
        if (on is Statements) {
            on.execute(part.sql, *params).rowsChanged
        } else {
            // A snapshot can't be changed: its error says so.
            on.query(part.sql, *params).size.toLong()
        }
    }

    /** Runs one statement with each of these parameters, all or none, and returns the numbers of rows. */
    suspend fun batch(part: Part, each: List<Array<Any?>>): List<Long> = run(part) { on ->
        if (on is Statements) {
            on.batch(each.map { Statement(part.sql, *it) }).map { it.rowsChanged }
        } else {
            on.query(part.sql, *each.first()).map { 0 }
        }
    }

    private suspend inline fun <T> run(part: Part, work: (Reader) -> T): T {
        running.hurry()
        beginUnlessAutoCommit()
        val writes = part.action == Action.WRITE || part.action == Action.WRITE_ROWS
        val wait = lockWait
        if (wait != null && writes && !isOpen) {
            val own = unlessBegunBySql { begin(Mode.IMMEDIATE, wait) }
            if (own != null) return locked(own, work)
        }
        val here = reader()
        return if (here is Database && !writes && part.action != Action.SELECT) elsewhere(here, work) else work(here)
    }

    private suspend fun beginUnlessAutoCommit() {
        if (autoCommit || isOpen) return
        unlessBegunBySql { transactions { begin(mode, readOnly = false, lockWait) } }
    }

    /** Begins something; returns null if a `BEGIN` or `SAVEPOINT` from SQL is open in the session: statements run in that. */
    private suspend inline fun <T : Any> unlessBegunBySql(begin: () -> T): T? = try {
        begin()
    } catch (error: UbiqliteException) {
        // This is the only such error that SQLite has for a BEGIN.
        if (session == null || error.code != SQLITE_ERROR) throw error
        null
    }

    /**
     * Runs a write in its own transaction, if this connection has its own time limit for the
     * lock: only the beginning of a transaction waits for it.
     */
    private suspend inline fun <T> locked(transaction: Transaction, work: (Reader) -> T): T {
        try {
            val answer = work(limited(transaction, limit))
            transaction.commit()
            return answer
        } finally {
            // If it was committed, it is over already.
            transaction.close()
        }
    }

    /** Runs a statement on the database, or in a session from now on if it is refused there. */
    private suspend inline fun <T> elsewhere(here: Database, work: (Reader) -> T): T {
        try {
            return work(here)
        } catch (_: UbiqliteException.InvalidArgument) {
            // Nothing was done. In a session it either succeeds, or the error is the statement's own.
        }
        // If there are several at once, the first begins it.
        return acquiring.withLock {
            session?.let { return work(limited(it, limit)) }
            val own = database.acquire()
            val answer = try {
                work(limited(own, limit))
            } catch (error: Throwable) {
                own.close()
                throw error
            }
            keep(own) { session = it }
            answer
        }
    }

    /** Begins a transaction that waits for its lock for at most [wait], and then has no limit except [limit]. */
    suspend fun begin(mode: Mode, wait: Duration?): Transaction {
        val limit = wait?.coerceAtLeast(1.milliseconds) ?: limit ?: INFINITE
        val begun = when (val on = base()) {
            is Database -> on.timeout(limit).begin(mode)
            is Session -> on.timeout(limit).begin(mode)
            is Nest -> error("a transaction is begun on a database or session")
        }
        return begun.timeout(INFINITE)
    }

    /** Rolls back what is open, and gives back what was acquired. Rows that are being read end with this error. */
    suspend fun close(why: () -> Throwable) {
        synchronized(this) { isClosed = true }
        running.abort(why)
        try {
            transactions.rollback()
        } finally {
            session?.close()
            session = null
        }
    }

    private companion object {
        const val SQLITE_ERROR = 1

        fun limited(reader: Reader, limit: Duration?): Reader = if (limit == null) reader else when (reader) {
            is Database -> reader.timeout(limit)
            is Session -> reader.timeout(limit)
            is Transaction -> reader.timeout(limit)
            is Savepoint -> reader.timeout(limit)
            is Snapshot -> reader.timeout(limit)
        }
    }
}
