package io.github.ubiqlite.r2dbc

import io.r2dbc.spi.Connection
import io.r2dbc.spi.R2dbcNonTransientResourceException
import io.r2dbc.spi.Result
import java.util.concurrent.atomic.AtomicInteger
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.reactivestreams.Publisher
import reactor.core.publisher.Flux
import reactor.core.publisher.Mono
import reactor.test.StepVerifier

private const val ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
private const val MANY = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 20000) SELECT x FROM c"

class BackPressureTest {
    private fun Connection.rowsOf(sql: String): Flux<Int> =
        Flux.from(createStatement(sql).execute()).concatMap { result -> result.map { row, _ -> row.get(0, Int::class.javaObjectType)!! } }

    @Test
    fun `an endless result gives as many rows as are asked for and stops when it is cancelled`() = inMemory { connection ->
        repeat(20) {
            val mapped = AtomicInteger()
            val result = Mono.from(connection.createStatement(ENDLESS).execute()).block()!!
            val rows: Publisher<Int> = result.map { row, _ -> mapped.incrementAndGet(); row.get(0, Int::class.javaObjectType)!! }
            StepVerifier.create(rows, 0)
                .thenRequest(3).expectNext(1, 2, 3)
                .thenRequest(1).expectNext(4)
                .thenCancel().verify(PATIENCE)
            assertTrue(mapped.get() <= 5, "more rows were read than were asked for: $mapped")
            assertEquals(listOf(it), connection.values("SELECT $it"))
        }
    }

    @Test
    fun `a result that is cancelled in a transaction leaves it as it was`() = inMemory { connection ->
        connection.run("CREATE TABLE t (x)")
        connection.beginTransaction().get()
        connection.run("INSERT INTO t VALUES (1)")
        assertEquals(listOf(1, 2), connection.rowsOf(ENDLESS).take(2).all())
        connection.run("INSERT INTO t VALUES (2)")
        connection.commitTransaction().get()
        assertEquals(listOf(1, 2), connection.values("SELECT x FROM t"))
    }

    @Test
    fun `a statement for each row of a result in the same transaction does not wait for the result`() = inMemory { connection ->
        connection.run("CREATE TABLE t (x)")
        connection.beginTransaction().get()
        val inserted = connection.rowsOf(MANY)
            .concatMap({ x -> Flux.from(connection.createStatement("INSERT INTO t VALUES (?)").bind(0, x).execute()).flatMap(Result::getRowsUpdated) }, 1)
            .count().block(PATIENCE)
        connection.commitTransaction().get()
        assertEquals(20_000L, inserted!!)
        assertEquals(listOf(20_000), connection.values("SELECT count(DISTINCT x) FROM t"))
    }

    @Test
    fun `a rollback does not wait for a result that nobody reads on`() = inMemory { connection ->
        connection.run("CREATE TABLE t (x)")
        connection.beginTransaction().get()
        val rows = Mono.from(connection.createStatement(MANY).execute()).block()!!.map { row, _ -> row.get(0)!! }
        StepVerifier.create(rows, 1).expectNext(1).then { connection.rollbackTransaction().get() }.thenCancel().verify(PATIENCE)
        assertEquals(listOf(0), connection.values("SELECT count(*) FROM t"))
    }

    @Test
    fun `a connection that is closed ends the results that are read on it`() {
        for (transaction in listOf(false, true)) {
            factory("mem:///") { factory ->
                val connection = factory.create().get()!!
                if (transaction) connection.beginTransaction().get()
                val rows = Mono.from(connection.createStatement(ENDLESS).execute()).block()!!.map { row, _ -> row.get(0)!! }
                StepVerifier.create(rows, 1).expectNext(1)
                    .then { connection.close().get() }
                    .expectError(R2dbcNonTransientResourceException::class.java).verify(PATIENCE)
                // Its reader is free again.
                assertEquals(listOf(1), factory.connected { it.values("SELECT 1") })
            }
        }
    }

    @Test
    fun `nothing runs before somebody subscribes and asks`() = inMemory { connection ->
        connection.run("CREATE TABLE t (x)")
        val insert = connection.createStatement("INSERT INTO t VALUES (1)").execute()
        val begin = connection.beginTransaction()
        assertTrue(connection.isAutoCommit)
        StepVerifier.create(insert, 0).expectSubscription().thenCancel().verify(PATIENCE)
        assertEquals(listOf(0), connection.values("SELECT count(*) FROM t"))
        insert.all()
        insert.all()
        assertEquals(listOf(2), connection.values("SELECT count(*) FROM t"))
        // Beginning takes no demand: there is nothing to request.
        StepVerifier.create(begin, 0).verifyComplete()
        assertFalse(connection.isAutoCommit)
    }

    @Test
    fun `a subscriber goes on on its own thread or the default dispatcher and never on one of the engine`() = inMemory { connection ->
        val threads = connection.rowsOf(MANY).map { Thread.currentThread().name }.distinct().all()
        assertTrue(threads.all { it == Thread.currentThread().name || it.startsWith("DefaultDispatcher") }, "$threads")
    }

    @Test
    fun `asking for no rows is an error`() = inMemory { connection ->
        val rows = Mono.from(connection.createStatement(ENDLESS).execute()).block()!!.map { row, _ -> row.get(0)!! }
        StepVerifier.create(Flux.from<Any> { subscriber ->
            rows.subscribe(object : org.reactivestreams.Subscriber<Any> {
                override fun onSubscribe(s: org.reactivestreams.Subscription) {
                    subscriber.onSubscribe(object : org.reactivestreams.Subscription {
                        override fun request(n: Long) = s.request(0)
                        override fun cancel() = s.cancel()
                    })
                }
                override fun onNext(t: Any) = subscriber.onNext(t)
                override fun onError(t: Throwable) = subscriber.onError(t)
                override fun onComplete() = subscriber.onComplete()
            })
        }).expectError(IllegalArgumentException::class.java).verify(PATIENCE)
        assertEquals(listOf(1), connection.values("SELECT 1"))
    }
}
