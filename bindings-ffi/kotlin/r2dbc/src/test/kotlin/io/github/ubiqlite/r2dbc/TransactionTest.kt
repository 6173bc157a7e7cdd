package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.Mode
import io.r2dbc.spi.Connection
import io.r2dbc.spi.IsolationLevel
import io.r2dbc.spi.Option
import io.r2dbc.spi.R2dbcBadGrammarException
import io.r2dbc.spi.R2dbcDataIntegrityViolationException
import io.r2dbc.spi.R2dbcException
import io.r2dbc.spi.R2dbcNonTransientResourceException
import io.r2dbc.spi.R2dbcPermissionDeniedException
import io.r2dbc.spi.R2dbcTimeoutException
import io.r2dbc.spi.TransactionDefinition
import java.lang.ref.Reference
import java.time.Duration
import java.util.concurrent.ExecutionException
import java.util.concurrent.Future
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import reactor.core.publisher.Flux
import reactor.core.publisher.Mono

class TransactionTest {
    private class Definition(private vararg val attributes: Pair<Option<*>, Any>) : TransactionDefinition {
        @Suppress("UNCHECKED_CAST")
        override fun <T : Any?> getAttribute(option: Option<T>): T? = attributes.find { it.first == option }?.second as T?
    }

    private val readOnly = Definition(TransactionDefinition.READ_ONLY to true)

    @Test
    fun `what a transaction does is seen by others from its commit on`() = twoConnections { one, other ->
        one.beginTransaction().get()
        assertFalse(one.isAutoCommit)
        one.insert(1)
        assertEquals(listOf(1), one.inOrder())
        assertEquals(emptyList<Any>(), other.inOrder())
        one.commitTransaction().get()
        assertTrue(one.isAutoCommit)
        assertEquals(listOf(1), other.inOrder())
        one.beginTransaction().get()
        one.insert(2)
        one.rollbackTransaction().get()
        assertEquals(listOf(1), one.inOrder())
        // Without a transaction there is nothing to do.
        one.commitTransaction().get()
        one.rollbackTransaction().get()
    }

    @Test
    fun `savepoints are undone, kept and used again by their names`() = twoConnections { one, _ ->
        one.beginTransaction().get()
        one.insert(1)
        one.createSavepoint("a").get()
        one.insert(2)
        one.createSavepoint("b").get()
        one.insert(3)
        one.rollbackTransactionToSavepoint("b").get()
        one.insert(4)
        one.releaseSavepoint("b").get()
        assertEquals(listOf(1, 2, 4), one.inOrder())
        one.createSavepoint("inner").get()
        one.rollbackTransactionToSavepoint("a").get()
        assertEquals(listOf(1), one.inOrder())
        one.insert(5)
        one.rollbackTransactionToSavepoint("a").get()
        for (gone in listOf("b", "inner", "A")) {
            val error = assertThrows(R2dbcBadGrammarException::class.java) { one.releaseSavepoint(gone).get() }
            assertEquals("3B001", error.sqlState)
        }
        one.insert(6)
        one.commitTransaction().get()
        assertEquals(listOf(1, 6), one.inOrder())
        assertThrows(R2dbcBadGrammarException::class.java) { one.rollbackTransactionToSavepoint("a").get() }
    }

    @Test
    fun `a read-only transaction reads one moment, refuses to write and holds nobody up`() = twoConnections { one, other ->
        one.insert(1)
        one.beginTransaction(readOnly).get()
        assertEquals(listOf(1), one.inOrder())
        other.insert(2)
        assertEquals(listOf(1), one.inOrder())
        assertThrows(R2dbcPermissionDeniedException::class.java) { one.insert(3) }
        one.createSavepoint("s").get()
        one.rollbackTransactionToSavepoint("s").get()
        assertEquals(listOf(1), one.inOrder())
        one.commitTransaction().get()
        assertEquals(listOf(1, 2), one.inOrder())
        one.insert(3)
    }

    @Test
    fun `a read-only transaction of a connection with a temporary table refuses to write as well`() = twoConnections { one, _ ->
        one.run("CREATE TEMP TABLE mine (x)")
        one.beginTransaction(readOnly).get()
        assertThrows(R2dbcPermissionDeniedException::class.java) { one.insert(3) }
        one.rollbackTransaction().get()
        one.insert(4)
        assertEquals(listOf(4), one.inOrder())
    }

    @Test
    fun `a commit that a deferred foreign key refuses is an error and ends the transaction`() = inMemory { connection ->
        connection.run("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE k (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
        connection.beginTransaction().get()
        connection.run("INSERT INTO k VALUES (1)")
        val error = assertThrows(R2dbcDataIntegrityViolationException::class.java) { connection.commitTransaction().get() }
        assertEquals("23503", error.sqlState)
        assertTrue(connection.isAutoCommit)
        assertEquals(listOf(0), connection.values("SELECT count(*) FROM k"))
    }

    @Test
    fun `isolation levels are met by the one that there is and unknown ones are refused`() = twoConnections { one, other ->
        val deferred = Definition(
            UbiqliteConnectionFactoryProvider.TRANSACTION_MODE to Mode.IMMEDIATE,
            TransactionDefinition.ISOLATION_LEVEL to IsolationLevel.READ_COMMITTED,
        )
        one.beginTransaction(deferred).get()
        other.beginTransaction(readOnly).get()
        one.commitTransaction().get()
        other.commitTransaction().get()
        one.setTransactionIsolationLevel(IsolationLevel.REPEATABLE_READ).get()
        assertEquals(IsolationLevel.SERIALIZABLE, one.transactionIsolationLevel)
        assertThrows(IllegalArgumentException::class.java) { one.setTransactionIsolationLevel(IsolationLevel.valueOf("CHAOS")) }
    }

    @Test
    fun `a connection that is closed in a transaction rolls it back before others write`() = factory("mem:///") { factory ->
        factory.connected { it.run("CREATE TABLE t (x)") }
        factory.connected {
            it.beginTransaction().get()
            it.insert(1)
            it.createSavepoint("s").get()
            it.insert(2)
        }
        factory.connected {
            it.insert(3)
            assertEquals(listOf(3), it.inOrder())
        }
    }

    @Test
    fun `settings, temporary tables and a transaction by SQL are the connection's own`() = twoConnections { one, other ->
        assertEquals(listOf(1), one.values("PRAGMA foreign_keys"))
        one.run("PRAGMA foreign_keys = OFF")
        assertEquals(listOf(0), one.values("PRAGMA foreign_keys"))
        assertEquals(listOf(1), other.values("PRAGMA foreign_keys"))
        one.run("CREATE TEMP TABLE mine (x); INSERT INTO mine VALUES (7)")
        assertEquals(listOf(7), one.values("SELECT x FROM mine"))
        assertThrows(R2dbcBadGrammarException::class.java) { other.values("SELECT x FROM mine") }
        one.run("BEGIN; INSERT INTO t VALUES (1); ROLLBACK")
        assertEquals(emptyList<Any>(), one.inOrder())
        one.beginTransaction().get()
        one.insert(2)
        one.createSavepoint("s").get()
        one.insert(3)
        one.rollbackTransactionToSavepoint("s").get()
        one.commitTransaction().get()
        assertEquals(listOf(2), other.inOrder())
    }

    @Test
    fun `a time to wait for the lock does not get in the way of a transaction by SQL`() = twoConnections { one, other ->
        one.setLockWaitTimeout(Duration.ofMillis(50)).get()
        one.run("BEGIN")
        one.insert(1)
        assertEquals(listOf(2), one.createStatement("INSERT INTO t VALUES (2) RETURNING x").values())
        one.run("ROLLBACK")
        assertEquals(emptyList<Any>(), other.inOrder())
        one.run("SAVEPOINT s; INSERT INTO t VALUES (3); RELEASE s")
        assertEquals(listOf(3), other.inOrder())
        // In its own session it still waits for the lock wait timeout.
        other.beginTransaction().get()
        val since = System.nanoTime()
        assertThrows(R2dbcTimeoutException::class.java) { one.insert(4) }
        assertTrue(System.nanoTime() - since < 3_000_000_000, "it waited for the database's own time")
    }

    @Test
    fun `a read-only transaction that can't begin leaves the connection writing`() = twoConnections { one, _ ->
        one.run("BEGIN")
        assertThrows(R2dbcException::class.java) { one.beginTransaction(readOnly).get() }
        one.insert(1)
        one.run("COMMIT")
        one.insert(2)
        assertEquals(listOf(1, 2), one.inOrder())
    }

    @Test
    fun `a transaction that is granted to a connection that was closed meanwhile is given back`() = factory("mem:///") { factory ->
        factory.connected { it.run("CREATE TABLE t (x)") }
        factory.connected { one ->
            val other = factory.create().get()!!
            one.beginTransaction().get()
            val waiting = Mono.from(other.beginTransaction()).toFuture()
            other.close().get()
            one.commitTransaction().get()
            refused(waiting)
            one.setLockWaitTimeout(Duration.ofMillis(500)).get()
            one.insert(1)
            assertEquals(listOf(1), one.inOrder())
            Reference.reachabilityFence(other)
        }
    }

    @Test
    fun `a session that is lent to a connection that was closed meanwhile is given back`() =
        factory("mem:///?sessions=1&acquireTimeout=PT10S") { factory ->
            val one = factory.create().get()!!
            one.run("CREATE TEMP TABLE mine (x)")
            val other = factory.create().get()!!
            val waiting = Flux.from(other.createStatement("CREATE TEMP TABLE mine (x)").execute()).collectList().toFuture()
            other.close().get()
            one.close().get()
            refused(waiting)
            factory.connected { it.run("CREATE TEMP TABLE mine (x)") }
            Reference.reachabilityFence(other)
        }

    private fun refused(waiting: Future<*>) {
        val error = assertThrows(ExecutionException::class.java) { waiting.get(20, TimeUnit.SECONDS) }.cause
        assertEquals("08003", assertInstanceOf(R2dbcNonTransientResourceException::class.java, error).sqlState)
    }
}
