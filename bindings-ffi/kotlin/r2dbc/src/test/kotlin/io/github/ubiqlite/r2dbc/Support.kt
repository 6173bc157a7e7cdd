package io.github.ubiqlite.r2dbc

import io.r2dbc.spi.Connection
import io.r2dbc.spi.ConnectionFactories
import io.r2dbc.spi.Result
import io.r2dbc.spi.Row
import io.r2dbc.spi.Statement
import java.time.Duration
import org.reactivestreams.Publisher
import reactor.core.publisher.Flux
import reactor.core.publisher.Mono

/** The longest that anything here may take. */
val PATIENCE: Duration = Duration.ofSeconds(20)

/** Returns the publisher's only value, or null if it has none. */
fun <T : Any> Publisher<T>.get(): T? = Mono.from(this).block(PATIENCE)

/** Returns all of the publisher's values. */
fun <T : Any> Publisher<T>.all(): List<T> = Flux.from(this).collectList().block(PATIENCE)!!

/** Returns the first column of all rows. */
fun Statement.values(): List<Any?> = rows { it.get(0) }

fun <T : Any> Statement.rows(read: (Row) -> T?): List<T> =
    Flux.from(execute()).concatMap { result -> result.map { row, _ -> read(row)!! } }.all()

fun Connection.values(sql: String): List<Any?> = createStatement(sql).values()

/** Runs a statement, and returns the numbers of rows changed. */
fun Statement.run(): List<Long> = Flux.from(execute()).concatMap(Result::getRowsUpdated).all()

fun Connection.run(sql: String): List<Long> = createStatement(sql).run()

/** Runs [work] with a connection to its own in-memory database. */
fun inMemory(options: String = "", work: (Connection) -> Unit): Unit = factory("mem:///$options") { it.connected(work) }

fun factory(url: String, work: (UbiqliteConnectionFactory) -> Unit) {
    val separator = if (url.startsWith("mem:")) "" else "//"
    val factory = ConnectionFactories.get("r2dbc:ubiqlite:$separator$url") as UbiqliteConnectionFactory
    try {
        work(factory)
    } finally {
        factory.close().get()
    }
}

fun <T> UbiqliteConnectionFactory.connected(work: (Connection) -> T): T {
    val connection = create().get()!!
    try {
        return work(connection)
    } finally {
        connection.close().get()
    }
}

/** Runs [work] with two connections to one in-memory database, which has the table `t` with one column, `x`. */
fun twoConnections(work: (Connection, Connection) -> Unit): Unit = factory("mem:///") { factory ->
    factory.connected { one ->
        one.run("CREATE TABLE t (x)")
        factory.connected { other -> work(one, other) }
    }
}

/** Inserts a row into the table of [twoConnections]. */
fun Connection.insert(x: Int): List<Long> = run("INSERT INTO t VALUES ($x)")

/** Returns the values in that table, in order. */
fun Connection.inOrder(): List<Any?> = values("SELECT x FROM t ORDER BY x")
