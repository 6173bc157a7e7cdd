package io.github.ubiqlite.r2dbc

import io.r2dbc.spi.Connection
import io.r2dbc.spi.ConnectionFactoryOptions
import java.lang.reflect.InvocationTargetException
import java.lang.reflect.Method
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assumptions
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.TestFactory
import org.reactivestreams.Publisher
import org.reactivestreams.tck.PublisherVerification
import org.reactivestreams.tck.TestEnvironment
import org.testng.SkipException
import reactor.core.publisher.Mono

private const val NUMBERS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ?) SELECT x FROM c"

/** Runs the Reactive Streams test suite for publishers. */
class RulesTest {
    private val factory = UbiqliteConnectionFactoryProvider().create(
        ConnectionFactoryOptions.parse("r2dbc:ubiqlite:mem:///"),
    ) as UbiqliteConnectionFactory

    /** The publisher under test; public because the suite requires it. */
    class Published(private val make: (Long) -> Publisher<Any>) : PublisherVerification<Any>(TestEnvironment(300, 100)) {
        override fun createPublisher(elements: Long): Publisher<Any> = make(elements)

        /** No publisher refuses its subscribers: a statement fails when it runs, which is when something is requested. */
        override fun createFailedPublisher(): Publisher<Any>? = null

        override fun maxElementsFromPublisher(): Long = 10_000
    }

    private fun rows(connection: Connection, count: Long): Publisher<Any> = Publisher { subscriber ->
        // A result is consumed once, but the suite subscribes to a publisher more often.
        Mono.from(connection.createStatement(NUMBERS).bind(0, count).execute()).block()!!
            .map { row, _ -> row.get(0)!! }.subscribe(subscriber)
    }

    private fun results(connection: Connection, count: Long): Publisher<Any> {
        val statement = connection.createStatement("SELECT ?").bind(0, 1)
        for (number in 2..count) statement.add().bind(0, number)
        if (count == 0L) return Publisher { connection.createBatch().execute().subscribe(it) }
        return Publisher { statement.execute().subscribe(it) }
    }

    private val connection by lazy { factory.create().get()!! }

    @TestFactory
    fun `rows of the database`() = rules { rows(connection, it) }

    @TestFactory
    fun `rows in a transaction`() = rules { count ->
        connection.beginTransaction().get()
        rows(connection, count)
    }

    @TestFactory
    fun `results of a statement`() = rules { results(connection, it) }

    @AfterEach
    fun close() {
        factory.close().get()
    }

    private fun rules(make: (Long) -> Publisher<Any>): List<DynamicTest> =
        Published::class.java.methods
            .filter { it.isAnnotationPresent(org.testng.annotations.Test::class.java) }
            .sortedBy { it.name }
            .map { rule -> DynamicTest.dynamicTest(rule.name) { check(rule, Published(make)) } }

    private fun check(rule: Method, published: Published) {
        published.setUp()
        try {
            rule.invoke(published)
        } catch (error: InvocationTargetException) {
            // Rules that can't be checked, or that don't apply to this publisher.
            Assumptions.assumeFalse(error.cause is SkipException) { error.cause?.message }
            throw error.cause!!
        }
    }
}
