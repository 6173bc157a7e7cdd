package io.github.ubiqlite.bench

import io.r2dbc.spi.Connection
import io.r2dbc.spi.Row
import kotlinx.coroutines.reactive.awaitSingle

/** A database of [own] through the R2DBC driver, whose point read is measured. */
class R2dbc(private val own: Subject, private val connection: Connection) : Subject by own {
    override suspend fun get(id: Int): Item {
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
}
