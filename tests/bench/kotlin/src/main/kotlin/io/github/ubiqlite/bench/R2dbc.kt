package io.github.ubiqlite.bench

import io.r2dbc.spi.Connection
import io.r2dbc.spi.ConnectionFactory
import io.r2dbc.spi.Row
import kotlinx.coroutines.reactive.awaitFirstOrNull
import kotlinx.coroutines.reactive.awaitSingle

/** A database of [own] through the R2DBC driver, whose point reads are measured. */
class R2dbc private constructor(
    private val own: Subject,
    private val factory: ConnectionFactory,
    private val connection: Connection,
) : Subject by own {
    override suspend fun get(id: Int): Item = read(connection, id)

    /** With a connection for each read, as a request of a server has one. */
    override suspend fun getBeside(id: Int): Item {
        val connection = factory.create().awaitSingle()
        try {
            return read(connection, id)
        } finally {
            connection.close().awaitFirstOrNull()
        }
    }

    private suspend fun read(connection: Connection, id: Int): Item {
        val result = connection.createStatement(SELECT_ONE).bind(0, id).execute().awaitSingle()
        return result.map { row, _ -> itemOf(row) }.awaitSingle()
    }

    private fun itemOf(row: Row) = Item(
        row.get(0, Long::class.javaObjectType)!!,
        row.get(1, String::class.java)!!,
        row.get(2, String::class.java)!!,
        row.get(3, String::class.java)!!,
        row.get(4, Double::class.javaObjectType)!!,
    )

    companion object {
        suspend fun on(own: Subject, factory: ConnectionFactory): Subject = R2dbc(own, factory, factory.create().awaitSingle())
    }
}
