package io.github.ubiqlite.r2dbc

import io.r2dbc.spi.Connection
import io.r2dbc.spi.R2dbcTimeoutException
import io.r2dbc.spi.Result
import java.time.Duration
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import reactor.core.publisher.Flux

class AutoCommitTest {
    @Test
    fun `without auto-commit the first statement begins a transaction and the next one after its end another`() =
        twoConnections { one, other ->
            one.setAutoCommit(false).get()
            assertFalse(one.isAutoCommit)
            one.insert(1)
            one.insert(2)
            assertEquals(listOf(1, 2), one.inOrder())
            assertEquals(emptyList<Any>(), other.inOrder())
            one.rollbackTransaction().get()
            assertEquals(emptyList<Any>(), one.inOrder())
            one.createStatement("INSERT INTO t VALUES (?)").bind(0, 3).add().bind(0, 4).run()
            assertEquals(emptyList<Any>(), other.inOrder())
            one.commitTransaction().get()
            assertFalse(one.isAutoCommit)
            assertEquals(listOf(3, 4), other.inOrder())
        }

    @Test
    fun `a SELECT begins it too`() = twoConnections { one, other ->
        one.setAutoCommit(false).get()
        assertEquals(emptyList<Any>(), one.inOrder())
        other.setLockWaitTimeout(Duration.ofMillis(50)).get()
        // Like the connection's transactions, it has taken the write lock.
        assertThrows(R2dbcTimeoutException::class.java) { other.insert(1) }
    }

    @Test
    fun `switching auto-commit on commits and leaves each statement its own`() = twoConnections { one, other ->
        one.setAutoCommit(false).get()
        one.insert(1)
        one.setAutoCommit(false).get()
        assertEquals(emptyList<Any>(), other.inOrder())
        one.setAutoCommit(true).get()
        assertTrue(one.isAutoCommit)
        assertEquals(listOf(1), other.inOrder())
        one.insert(2)
        one.rollbackTransaction().get()
        assertEquals(listOf(1, 2), other.inOrder())
    }

    @Test
    fun `auto-commit that is switched off in a transaction stays off after it`() = twoConnections { one, other ->
        one.beginTransaction().get()
        one.insert(1)
        one.setAutoCommit(false).get()
        assertEquals(emptyList<Any>(), other.inOrder())
        one.commitTransaction().get()
        one.insert(2)
        one.rollbackTransaction().get()
        assertEquals(listOf(1), other.inOrder())
    }

    @Test
    fun `statements at once are in one transaction`() = twoConnections { one, other ->
        one.setAutoCommit(false).get()
        val inserts = (1..20).map { Flux.from(one.createStatement("INSERT INTO t VALUES ($it)").execute()).flatMap(Result::getRowsUpdated) }
        assertEquals(20, Flux.merge(inserts).all().size)
        assertEquals(emptyList<Any>(), other.inOrder())
        one.commitTransaction().get()
        assertEquals((1..20).toList(), other.inOrder())
    }

    @Test
    fun `a transaction that was begun by SQL goes on without auto-commit`() = twoConnections { one, other ->
        one.run("BEGIN")
        one.setAutoCommit(false).get()
        one.insert(1)
        one.run("COMMIT")
        assertEquals(listOf(1), other.inOrder())
        one.insert(2)
        one.rollbackTransaction().get()
        assertEquals(listOf(1), other.inOrder())
    }
}
