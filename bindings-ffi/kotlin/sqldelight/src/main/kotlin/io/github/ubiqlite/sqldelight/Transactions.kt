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
    /** The outermost ones alone: of a nested one SQLDelight does not always say that it has ended. */
    private val ofJob = ConcurrentHashMap<Job, OpenTransaction>()

    /** That of the last call on each thread: generated code asks for it right after its statement. */
    private val ofThread = ThreadLocal<OpenTransaction?>()

    /**
     * Returns the outermost transaction of this coroutine.
     *
     * @throws IllegalStateException if the caller takes it for open, and it can only be rolled back
     */
    suspend fun current(): OpenTransaction? {
        val job = currentCoroutineContext()[Job]
        val found = if (job == null) here() else of(job)
        return found?.takeIf { it.goesOn(job) }
    }

    /** Returns the outermost transaction in which the last call on this thread has run, while it is open. */
    fun here(): OpenTransaction? = ofThread.get()?.takeIf { it.isOpen }

    /** Notes that a call of this transaction, or of none, returns on this thread. */
    fun returned(transaction: OpenTransaction?) {
        if (transaction == null) ofThread.remove() else ofThread.set(transaction)
    }

    /** Begins a transaction for this coroutine, or a part of the one that it has. */
    suspend fun begin(begin: suspend () -> Transaction): OpenTransaction {
        val outermost = current()
        if (outermost != null) {
            returned(outermost)
            return OpenTransaction(this, outermost.statements, outermost, null)
        }
        val statements = begin()
        // Only now: it belongs to the thread on which it is made.
        val transaction = OpenTransaction(this, statements, null, currentCoroutineContext()[Job])
        transaction.job?.let { ofJob[it] = transaction }
        returned(transaction)
        return transaction
    }

    /** Forgets one that is no longer open. */
    fun ended(transaction: OpenTransaction) {
        if (transaction.job != null) ofJob.remove(transaction.job, transaction)
        if (ofThread.get() === transaction) ofThread.remove()
    }

    @OptIn(ExperimentalCoroutinesApi::class)
    private fun of(job: Job): OpenTransaction? {
        if (ofJob.isEmpty()) return null
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

/**
 * A transaction, or a part of the outermost one, which has no effect of its own in the database.
 *
 * @property job of the coroutine that has begun it, if it is an outermost one
 */
internal class OpenTransaction(
    private val all: OpenTransactions,
    val statements: Transaction,
    private val outermost: OpenTransaction?,
    val job: Job?,
) : Transacter.Transaction() {
    /** Coroutines that its own has started before, and which are not part of it. */
    val others: Set<Job?> = job?.children?.toHashSet().orEmpty()

    private val owner = Thread.currentThread()

    @Volatile
    var isOpen: Boolean = true
        private set

    /** Whether SQLDelight has told of its end. */
    @Volatile
    private var isEnding = false

    /** Its parts that have not ended, or were refused before they began. */
    private val parts = ConcurrentHashMap.newKeySet<OpenTransaction>()

    /** Whether a part of it was rolled back: SQLDelight remembers that of the last part alone. */
    @Volatile
    private var isUndone = false

    /** It is not ended if SQLDelight finds it on another thread. Then it must not outlive its coroutine. */
    private val completion: DisposableHandle? = job?.invokeOnCompletion { if (isOpen) rollback() }

    init {
        outermost?.parts?.add(this)
    }

    override val enclosingTransaction: Transacter.Transaction? get() = outermost

    /**
     * Returns whether a call of this coroutine is part of it. SQLDelight refuses to end it on another thread,
     * without a call of the driver: that is noticed here, and then it is rolled back.
     *
     * @param caller a job that it was found for
     */
    fun goesOn(caller: Job?): Boolean {
        val isOver = !isEnding && Internals.hasBodyReturned(this)
        when {
            // Its own coroutine may be about to end it on another thread: that is not disturbed.
            caller !== job -> check(!isOver) { "the transaction of the coroutine around this one is over" }
            isOver -> rollback()
            Thread.currentThread() !== owner -> {
                rollback()
                error("the transaction has begun on another thread, where SQLDelight demands that it ends; it is rolled back")
            }
        }
        return isOpen
    }

    override fun endTransaction(successful: Boolean): QueryResult<Unit> {
        isEnding = true
        return QueryResult.AsyncValue {
            when {
                outermost != null -> outermost.ended(this, successful)
                successful -> commit()
                else -> rollback()
            }
        }
    }

    private fun ended(part: OpenTransaction, successful: Boolean) {
        parts.remove(part)
        if (!successful) isUndone = true
        all.returned(takeIf { isOpen })
    }

    private suspend fun commit() {
        try {
            check(isOpen) { "the transaction was rolled back when its coroutine went on on another thread" }
            check(parts.none(Internals::hasBodyBegun)) { "a nested transaction has not ended; all of it is rolled back" }
            if (isUndone) Internals.rolledBack(this) else statements.commit()
        } finally {
            rollback()
        }
    }

    /** Has no effect in the database after a commit. Neither suspends nor fails. */
    private fun rollback() {
        isOpen = false
        completion?.dispose()
        statements.close()
        all.ended(this)
    }
}

/** What SQLDelight keeps to itself of a transaction. Its drivers are told only of an end on the first thread. */
private object Internals {
    private val successful = method("getSuccessful\$runtime")
    private val transacter = method("getTransacter\$runtime")
    private val childrenSuccessful = method("setChildrenSuccessful\$runtime", Boolean::class.javaPrimitiveType!!)

    private fun method(name: String, vararg parameters: Class<*>) = Transacter.Transaction::class.java.getMethod(name, *parameters)

    /** Whether its body has begun. One with `noEnclosing` is refused before. */
    fun hasBodyBegun(transaction: Transacter.Transaction): Boolean = transacter.invoke(transaction) != null

    /** Whether its body has returned. Not known of one that has failed. */
    fun hasBodyReturned(transaction: Transacter.Transaction): Boolean = successful.invoke(transaction) as Boolean

    /** Tells SQLDelight that it was rolled back, as if its last part had been. */
    fun rolledBack(transaction: Transacter.Transaction) {
        childrenSuccessful.invoke(transaction, false)
    }
}
