package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.Database
import io.github.ubiqlite.Mode
import io.github.ubiqlite.r2dbc.sql.Texts
import io.r2dbc.spi.Batch
import io.r2dbc.spi.Connection
import io.r2dbc.spi.ConnectionMetadata
import io.r2dbc.spi.IsolationLevel
import io.r2dbc.spi.Statement
import io.r2dbc.spi.TransactionDefinition
import io.r2dbc.spi.ValidationDepth
import java.time.Duration
import kotlin.time.toKotlinDuration
import kotlinx.coroutines.CancellationException
import org.reactivestreams.Publisher

/** The state shared by all connections of a factory. */
internal class Shared(
    val database: Database,
    val texts: Texts,
    val metadata: ConnectionMetadata,
    /** How transactions begin by default. */
    val mode: Mode,
    /** How long a statement may take; zero: no limit. */
    val statementTimeout: Duration,
)

/** A connection: [Scope] decides where its statements run. */
internal class UbiqliteConnection(private val shared: Shared) : Connection {
    private val scope = Scope(shared.database, shared.mode)

    @Volatile
    private var closed = false

    init {
        scope.limit = limitOf(shared.statementTimeout)
    }

    /** Returns where statements run; throws once the connection is closed. */
    fun scope(): Scope = if (closed) throw closed() else scope

    override fun createStatement(sql: String): Statement =
        UbiqliteStatement(this, shared.texts.of(required(sql, "the SQL")))

    override fun createBatch(): Batch = UbiqliteBatch(this, shared.texts)

    override fun getMetadata(): ConnectionMetadata = shared.metadata

    override fun isAutoCommit(): Boolean = scope.autoCommit && !scope.isOpen

    override fun setAutoCommit(autoCommit: Boolean): Publisher<Void> = doing {
        // Turning it off leaves an open transaction open; turning it on commits it, as the SPI says.
        if (autoCommit) transactions { commit() }
        this.autoCommit = autoCommit
    }

    override fun beginTransaction(): Publisher<Void> = doing { transactions { begin(shared.mode, false, lockWait) } }

    override fun beginTransaction(definition: TransactionDefinition): Publisher<Void> {
        required(definition, "the definition of the transaction")
        definition.getAttribute(TransactionDefinition.ISOLATION_LEVEL)?.let(::checkIsolation)
        val mode = definition.getAttribute(UbiqliteConnectionFactoryProvider.TRANSACTION_MODE) ?: shared.mode
        val readOnly = definition.getAttribute(TransactionDefinition.READ_ONLY) ?: false
        val wait = definition.getAttribute(TransactionDefinition.LOCK_WAIT_TIMEOUT)?.toKotlinDuration()
        return doing { transactions { begin(mode, readOnly, wait ?: lockWait) } }
    }

    override fun commitTransaction(): Publisher<Void> = doing { transactions { commit() } }

    override fun rollbackTransaction(): Publisher<Void> = doing { transactions { rollback() } }

    override fun createSavepoint(name: String): Publisher<Void> {
        required(name, "the name")
        return doing { transactions { savepoint(name, shared.mode, lockWait) } }
    }

    override fun releaseSavepoint(name: String): Publisher<Void> {
        required(name, "the name")
        return doing { transactions { release(name) } }
    }

    override fun rollbackTransactionToSavepoint(name: String): Publisher<Void> {
        required(name, "the name")
        return doing { transactions { rollbackTo(name) } }
    }

    override fun getTransactionIsolationLevel(): IsolationLevel = IsolationLevel.SERIALIZABLE

    override fun setTransactionIsolationLevel(isolationLevel: IsolationLevel): Publisher<Void> {
        checkIsolation(required(isolationLevel, "the isolation level"))
        return doing { }
    }

    override fun setLockWaitTimeout(timeout: Duration): Publisher<Void> {
        val wait = checked(required(timeout, "the timeout")).toKotlinDuration()
        return doing { lockWait = wait }
    }

    override fun setStatementTimeout(timeout: Duration): Publisher<Void> {
        val limit = limitOf(required(timeout, "the timeout"))
        return doing { this.limit = limit }
    }

    override fun validate(depth: ValidationDepth): Publisher<Boolean> {
        required(depth, "the depth")
        return publish { emit(isValid(depth)) }
    }

    private suspend fun isValid(depth: ValidationDepth): Boolean {
        if (closed) return false
        if (depth == ValidationDepth.LOCAL) return true
        return try {
            shared.database.queryValue<Long>("SELECT 1") == 1L
        } catch (error: CancellationException) {
            throw error
        } catch (_: Exception) {
            false
        }
    }

    override fun close(): Publisher<Void> = completion {
        if (!closed) {
            closed = true
            told(null) { scope.close { closed() } }
        }
    }

    override fun toString(): String = "UbiqliteConnection(${shared.database.path})"

    /** Returns a publisher that runs [work] on the connection when subscribed to, with R2DBC's errors. */
    private fun doing(work: suspend Scope.() -> Unit): Publisher<Void> = completion { told(null) { scope().work() } }

    private companion object {
        /** Accepts all levels of the standard: SQLite's only level is stricter and satisfies them all. */
        fun checkIsolation(level: IsolationLevel) {
            require(level in LEVELS) { "there is no isolation level ${level.asSql()}; SQLite's transactions are SERIALIZABLE" }
        }

        val LEVELS = setOf(
            IsolationLevel.READ_UNCOMMITTED,
            IsolationLevel.READ_COMMITTED,
            IsolationLevel.REPEATABLE_READ,
            IsolationLevel.SERIALIZABLE,
        )

        fun checked(timeout: Duration): Duration {
            require(!timeout.isNegative) { "a timeout must not be negative" }
            return timeout
        }

        fun limitOf(timeout: Duration): kotlin.time.Duration? =
            if (checked(timeout).isZero) null else timeout.toKotlinDuration()
    }
}
