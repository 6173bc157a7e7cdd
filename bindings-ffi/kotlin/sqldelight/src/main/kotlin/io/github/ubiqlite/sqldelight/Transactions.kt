package io.github.ubiqlite.sqldelight

import app.cash.sqldelight.Transacter
import app.cash.sqldelight.db.QueryResult
import io.github.ubiqlite.Transaction
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.DisposableHandle
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.Job
import kotlinx.coroutines.currentCoroutineContext

/**
 * The open transactions of a driver. SQLDelight passes no transaction to its statements, so it is found by
 * the coroutine that runs them. A coroutine without a job has only its thread.
 */
internal class OpenTransactions {
    private val ofJob = ConcurrentHashMap<Job, OpenTransaction>()

    /** That of the last call on each thread: generated code asks for it right after its statement. */
    private val ofThread = ThreadLocal<OpenTransaction?>()

    /** Returns the transaction of this coroutine. */
    suspend fun current(): OpenTransaction? {
        val job = currentCoroutineContext()[Job] ?: return here()
        return if (ofJob.isEmpty()) null else of(job)
    }

    /** Returns the transaction in which the last call on this thread has run, while it is open. */
    fun here(): OpenTransaction? = ofThread.get()?.takeIf { it.isOpen }

    /** Notes that a call of this transaction, or of none, returns on this thread. */
    fun returned(transaction: OpenTransaction?) {
        if (transaction == null) ofThread.remove() else ofThread.set(transaction)
    }

    /** Begins a transaction for this coroutine, or a part of the one that it has. */
    suspend fun begin(begin: suspend () -> Transaction): OpenTransaction {
        val enclosing = current()
        val statements = enclosing?.statements ?: begin()
        // Only now: it belongs to the thread on which it is made.
        val transaction = OpenTransaction(this, statements, enclosing, currentCoroutineContext()[Job])
        transaction.job?.let { ofJob[it] = transaction }
        returned(transaction)
        return transaction
    }

    fun ended(transaction: OpenTransaction) {
        val enclosing = transaction.enclosing
        if (transaction.job != null) {
            if (enclosing != null && enclosing.job == transaction.job) {
                ofJob[transaction.job] = enclosing
            } else {
                ofJob.remove(transaction.job)
            }
        }
        returned(enclosing)
    }

    @OptIn(ExperimentalCoroutinesApi::class)
    private fun of(job: Job): OpenTransaction? {
        var child: Job? = null
        var at: Job? = job
        while (at != null) {
            val transaction = ofJob[at]
            if (transaction != null && transaction.isOpen && child !in transaction.others) return transaction
            child = at
            at = at.parent
        }
        return null
    }
}

/** A transaction, or a part of one, which has no effect of its own in the database. */
internal class OpenTransaction(
    private val all: OpenTransactions,
    val statements: Transaction,
    val enclosing: OpenTransaction?,
    val job: Job?,
) : Transacter.Transaction() {
    /** Coroutines that its own has started before, and which are not part of it. */
    val others: Set<Job?> = job?.children?.toHashSet().orEmpty()

    private val outermost: OpenTransaction = enclosing?.outermost ?: this

    @Volatile
    private var open = true

    val isOpen: Boolean get() = outermost.open

    /** It is not ended if SQLDelight finds it on another thread. Then it must not outlive its coroutine. */
    private val completion: DisposableHandle? = if (enclosing != null) null else job?.invokeOnCompletion { if (open) rollback() }

    override val enclosingTransaction: Transacter.Transaction? get() = enclosing

    override fun endTransaction(successful: Boolean): QueryResult<Unit> = QueryResult.AsyncValue {
        when {
            enclosing != null -> all.ended(this)
            successful -> commit()
            else -> rollback()
        }
    }

    private suspend fun commit() {
        try {
            statements.commit()
        } finally {
            rollback()
        }
    }

    /** Has no effect in the database after a commit. Neither suspends nor fails. */
    private fun rollback() {
        open = false
        completion?.dispose()
        statements.close()
        all.ended(this)
    }
}
