package io.github.ubiqlite.r2dbc

import io.r2dbc.spi.Connection
import io.r2dbc.spi.R2dbcBadGrammarException
import io.r2dbc.spi.R2dbcDataIntegrityViolationException
import io.r2dbc.spi.R2dbcException
import io.r2dbc.spi.R2dbcNonTransientResourceException
import io.r2dbc.spi.R2dbcPermissionDeniedException
import io.r2dbc.spi.R2dbcTimeoutException
import io.r2dbc.spi.Result
import java.nio.file.Path
import java.time.Duration
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import reactor.core.publisher.Flux
import reactor.core.publisher.Mono

class ErrorTest {
    private inline fun <reified E : R2dbcException> Connection.fails(sql: String, state: String, code: Int) {
        val error = assertThrows(E::class.java) { run(sql) }
        assertEquals(listOf(state, code, sql), listOf(error.sqlState, error.errorCode, error.sql), error.message)
    }

    @Test
    fun `each kind of error is the exception that R2DBC has for it`() = inMemory { connection ->
        connection.run(
            """CREATE TABLE p (id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL DEFAULT 1, c CHECK (c > 0));
               CREATE TABLE k (p REFERENCES p); INSERT INTO p (id, u) VALUES (1, 1);
               CREATE TABLE s (x INTEGER) STRICT""",
        )
        connection.fails<R2dbcDataIntegrityViolationException>("INSERT INTO p (id) VALUES (1)", "23505", 1555)
        connection.fails<R2dbcDataIntegrityViolationException>("INSERT INTO p (u) VALUES (1)", "23505", 2067)
        connection.fails<R2dbcDataIntegrityViolationException>("INSERT INTO p (n) VALUES (NULL)", "23502", 1299)
        connection.fails<R2dbcDataIntegrityViolationException>("INSERT INTO p (c) VALUES (0)", "23514", 275)
        connection.fails<R2dbcDataIntegrityViolationException>("INSERT INTO k VALUES (9)", "23503", 787)
        connection.fails<R2dbcDataIntegrityViolationException>("INSERT INTO s VALUES ('a')", "22000", 3091)
        connection.fails<R2dbcBadGrammarException>("SELEC 1", "42000", 1)
        connection.fails<R2dbcBadGrammarException>("SELECT * FROM nowhere", "42S02", 1)
        connection.fails<R2dbcBadGrammarException>("SELECT missing FROM p", "42S22", 1)
        connection.fails<R2dbcBadGrammarException>("CREATE TABLE p (x)", "42000", 1)
        // Of many at once, none is inserted.
        val statement = connection.createStatement("INSERT INTO p (id) VALUES (?)").bind(0, 2).add().bind(0, 1)
        assertEquals("23505", assertThrows(R2dbcDataIntegrityViolationException::class.java) { statement.run() }.sqlState)
        assertEquals(listOf(1), connection.values("SELECT count(*) FROM p"))
    }

    @Test
    fun `an error of a SELECT is a segment of its result and can be passed over`() = inMemory { connection ->
        fun result() = Mono.from(connection.createStatement("SELECT * FROM nowhere").execute()).block()!!
        assertThrows(R2dbcBadGrammarException::class.java) { result().map { row, _ -> row.get(0)!! }.all() }
        assertThrows(R2dbcBadGrammarException::class.java) { result().rowsUpdated.all() }
        assertEquals(emptyList<Any>(), result().filter { it !is Result.Message }.map { row, _ -> row.get(0)!! }.all())
        val message = Flux.from(result().flatMap { Mono.just(it) }).blockFirst()
        assertEquals("42S02", assertInstanceOf(Result.Message::class.java, message).sqlState())
    }

    @Test
    fun `an exception of the mapping function comes out unchanged`() = inMemory { connection ->
        val thrown = IllegalStateException("mine")
        val result = Mono.from(connection.createStatement("SELECT 1").execute()).block()!!
        val seen = assertThrows(IllegalStateException::class.java) { result.map { _, _ -> throw thrown }.all() }
        assertEquals("mine", seen.message)
        assertEquals(listOf(1), connection.values("SELECT 1"))
        val sameAgain = Mono.from(connection.createStatement("SELECT 1").execute()).block()!!
        assertThrows(NullPointerException::class.java) { sameAgain.map<Any> { row, _ -> row.get(0).takeIf { false } }.all() }
        assertThrows(IllegalStateException::class.java) { sameAgain.map { row, _ -> row.get(0)!! } }
    }

    @Test
    fun `a lock that somebody else holds is a timeout after the time that was set`(@TempDir folder: Path) {
        factory("/${folder.resolve("a.db")}") { factory ->
            factory.connected { one ->
                factory.connected { other ->
                    one.run("CREATE TABLE t (x)")
                    one.beginTransaction().get()
                    other.setLockWaitTimeout(Duration.ofMillis(50)).get()
                    val since = System.nanoTime()
                    assertThrows(R2dbcTimeoutException::class.java) { other.run("INSERT INTO t VALUES (1)") }
                    assertThrows(R2dbcTimeoutException::class.java) { other.beginTransaction().get() }
                    assert(System.nanoTime() - since < 3_000_000_000) { "it waited for the database's own time" }
                    one.run("INSERT INTO t VALUES (2)")
                    one.commitTransaction().get()
                    assertEquals(listOf(1L), other.run("INSERT INTO t VALUES (3)"))
                    assertEquals(listOf(3), other.createStatement("INSERT INTO t VALUES (3) RETURNING x").values())
                    assertEquals(listOf(3), one.values("SELECT count(*) FROM t"))
                }
            }
        }
    }

    @Test
    fun `a statement that takes too long is a timeout and the connection goes on`() = inMemory { connection ->
        connection.setStatementTimeout(Duration.ofMillis(50)).get()
        val long = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000000) SELECT count(*) FROM c"
        assertEquals("HYT00", assertThrows(R2dbcTimeoutException::class.java) { connection.values(long) }.sqlState)
        connection.setStatementTimeout(Duration.ZERO).get()
        assertEquals(listOf(1), connection.values("SELECT 1"))
    }

    @Test
    fun `a database that is read only and one that can't be opened say so`(@TempDir folder: Path) {
        val path = "/${folder.resolve("a.db")}"
        factory(path) { factory -> factory.connected { it.run("CREATE TABLE t (x)") } }
        factory("$path?readOnly=true") { factory ->
            factory.connected { it.fails<R2dbcPermissionDeniedException>("INSERT INTO t VALUES (1)", "25006", 8) }
        }
        factory("/${folder.resolve("missing/a.db")}") { factory ->
            val error = assertThrows(R2dbcNonTransientResourceException::class.java) { factory.create().get() }
            assertEquals("08001", error.sqlState)
        }
    }

    @Test
    fun `a connection that is closed says so`() = factory("mem:///") { factory ->
        val connection = factory.create().get()!!
        val statement = connection.createStatement("SELECT 1")
        connection.close().get()
        connection.close().get()
        for (call in listOf({ statement.values() }, { connection.run("CREATE TABLE t (x)") }, { connection.beginTransaction().get() })) {
            assertEquals("08003", assertThrows(R2dbcNonTransientResourceException::class.java) { call() }.sqlState)
        }
        factory.close().get()
        assertThrows(R2dbcNonTransientResourceException::class.java) { factory.create().get() }
    }
}
